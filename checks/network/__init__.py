"""Ports: which ones answer from outside, and which services listen on a network."""

from secaudit.api import load_family

FAMILY = load_family(__name__, title="Network")
