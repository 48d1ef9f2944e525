"""Tests of the family `network`."""
