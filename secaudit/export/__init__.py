"""Runs as data for other programs: results.json, SARIF, JUnit and CSV; and the gate that judges a run."""
