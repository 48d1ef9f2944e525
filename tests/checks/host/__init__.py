"""Tests of the family `host`."""
