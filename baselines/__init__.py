"""The baselines that ship with secaudit, as package data."""
