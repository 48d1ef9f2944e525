"""Runs as data for other programs: results.json, SARIF, JUnit and CSV."""
