"""Checks of this family, a module for each."""

from .advisories_overdue import advisories_overdue
from .automatic_updates import automatic_updates
from .container_images import container_images
from .deleted_libraries import deleted_libraries
from .end_of_life import end_of_life
from .forbidden_packages import forbidden_packages
from .held_packages import held_packages
from .kernel_outdated import kernel_outdated
from .kev_overdue import kev_overdue
from .language_packages import language_packages
from .lists_stale import lists_stale
from .minimum_versions import minimum_versions
from .no_fix_available import no_fix_available
from .pending_security import pending_security
from .reboot_required import reboot_required
from .release_behind import release_behind
from .repositories import repositories

__all__ = [
    "advisories_overdue",
    "automatic_updates",
    "container_images",
    "deleted_libraries",
    "end_of_life",
    "forbidden_packages",
    "held_packages",
    "kernel_outdated",
    "kev_overdue",
    "language_packages",
    "lists_stale",
    "minimum_versions",
    "no_fix_available",
    "pending_security",
    "reboot_required",
    "release_behind",
    "repositories",
]
