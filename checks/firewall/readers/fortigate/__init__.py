"""Configurations of FortiGate."""
