"""The vendor-neutral model: tables, chains, rules, their conditions and verdicts, and packets."""
