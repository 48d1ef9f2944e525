"""Family `resilience`."""

from secaudit.api import load_family

FAMILY = load_family(__name__, title="Resilience")
