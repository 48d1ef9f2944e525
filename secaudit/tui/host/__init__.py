"""One host: its results, its facts, what families show of it, and another one beside it."""
