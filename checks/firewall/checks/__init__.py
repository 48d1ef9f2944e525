"""Checks of this family, a module for each subject."""
