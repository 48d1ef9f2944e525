"""The table of findings: rows without end, painted from a projection in memory."""
