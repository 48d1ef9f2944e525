"""What verification raises."""

from __future__ import annotations

from secaudit.model.errors import UserError


class VerificationError(UserError):
    """The kernel could not be asked, or its answers do not add up; nothing was proved either way."""
