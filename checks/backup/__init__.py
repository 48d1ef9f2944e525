"""Backup copies: whether they exist, are fresh and are whole."""

from secaudit.api import load_family

FAMILY = load_family(__name__, title="Backup")
