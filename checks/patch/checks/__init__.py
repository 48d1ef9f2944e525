"""Checks of this family, a module for each."""

from .end_of_life import end_of_life
from .kernel_outdated import kernel_outdated
from .lists_stale import lists_stale
from .pending_security import pending_security
from .reboot_required import reboot_required

__all__ = ["end_of_life", "kernel_outdated", "lists_stale", "pending_security", "reboot_required"]
