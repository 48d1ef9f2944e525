"""Readers: what packet filters of every kind write down becomes the model of `rules`; a folder for each format."""
