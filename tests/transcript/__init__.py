"""Tests of transcripts: redaction, codec, bundles, replay."""
