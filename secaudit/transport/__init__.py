"""Requests in, answers out: over SSH, on this machine, or from a recorded transcript."""
