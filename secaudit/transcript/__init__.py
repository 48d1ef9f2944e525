"""Transcripts: secrets taken out, one canonical form with a digest, and bundles that carry them elsewhere."""

from secaudit.transcript.bundle import Bundle, BundledHost, BundleWriter, read_bundle
from secaudit.transcript.codec import Encoded, TranscriptError, decode, digest, encode
from secaudit.transcript.redaction import redact

__all__ = [
    "Bundle",
    "BundleWriter",
    "BundledHost",
    "Encoded",
    "TranscriptError",
    "decode",
    "digest",
    "encode",
    "read_bundle",
    "redact",
]
