"""Tests of the family `firewall`."""
