"""Tests of the families of checks."""
