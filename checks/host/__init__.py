"""The host itself: what several families build on; whether its clock is right and its file systems have room."""

from secaudit.api import load_family

FAMILY = load_family(__name__, title="Host")
