"""Configurations of pfSense and OPNsense."""
