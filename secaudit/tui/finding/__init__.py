"""One finding: what it rests on, its history, and what can be done about it."""
