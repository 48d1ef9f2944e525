"""Requests of this family and how their answers become facts."""
