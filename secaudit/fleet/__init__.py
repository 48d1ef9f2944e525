"""Scans that run by themselves: schedules, what is due, and the system units that start them."""
