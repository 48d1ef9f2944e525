"""The pages that the number keys open."""
