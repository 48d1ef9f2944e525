"""Tests: unit, property, golden, against real servers, and end to end in the lab."""
