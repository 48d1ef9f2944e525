"""Readers: what package managers, kernels and container engines of a host print becomes facts."""
