"""What keeps a host up when a part fails: RAID arrays, services, time synchronisation."""

from secaudit.api import load_family

FAMILY = load_family(__name__, title="Resilience")
