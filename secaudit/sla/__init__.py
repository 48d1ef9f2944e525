"""Service levels: business time, deadlines, waivers, availability and hours, from a contract and what happened.

Pure functions over the records of `secaudit.model`; no store, no clock, no files.
"""
