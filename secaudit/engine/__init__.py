"""plan → collect → evaluate → record, for many hosts at once. Knows no check, transport or store by name."""
