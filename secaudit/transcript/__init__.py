"""Recorded answers: redaction, encoding, content-addressed storage and portable bundles."""
