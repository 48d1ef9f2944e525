"""Family `patch`."""

from secaudit.api import load_family

FAMILY = load_family(__name__, title="Patch level", modules=("collect", "reference_data", "checks"))
