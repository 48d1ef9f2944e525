"""Patch level: pending updates, known flaws with deadlines, holds, repositories, restarts, support dates."""

from secaudit.api import load_family

FAMILY = load_family(__name__, title="Patch level", modules=("collect", "reference_data", "checks"))
