"""Tests of the family `resilience`."""
