"""The filter line: its language, what completes it, and the questions to the database it becomes."""
