"""What a host will load at its next start."""
