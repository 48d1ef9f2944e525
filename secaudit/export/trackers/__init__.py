"""Findings as issues of trackers. `desk` is the way in; `docs/trackers.md` has the rules for people."""
