"""Checks of this family, a module for each."""

from .advisories_overdue import advisories_overdue
from .end_of_life import end_of_life
from .kernel_outdated import kernel_outdated
from .kev_overdue import kev_overdue
from .lists_stale import lists_stale
from .no_fix_available import no_fix_available
from .pending_security import pending_security
from .reboot_required import reboot_required

__all__ = [
    "advisories_overdue",
    "end_of_life",
    "kernel_outdated",
    "kev_overdue",
    "lists_stale",
    "no_fix_available",
    "pending_security",
    "reboot_required",
]
