"""Security groups of AWS."""
