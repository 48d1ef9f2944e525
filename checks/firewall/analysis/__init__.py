"""What a ruleset does: dead and contradicting rules, services and who reaches them, defaults, changes."""
