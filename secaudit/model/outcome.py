"""What a check can conclude, and why something could not be concluded."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """Outcome of one control on one subject. A waiver never changes it."""

    PASSED = "passed"
    FAILED = "failed"
    UNPROVEN = "unproven"
    NOT_APPLICABLE = "not_applicable"


class UnprovenKind(StrEnum):
    """Why an outcome is `unproven`; reports count by it."""

    UNREACHABLE = "unreachable"
    """The host could not be reached, or the connection was lost before the answer."""
    DENIED = "denied"
    """The host refused: no permission, no sudo rule, wrong sudo password."""
    MISSING = "missing"
    """The command is not installed on the host (or nmap not on the scanner)."""
    TIMEOUT = "timeout"
    """The command or the host used up its time."""
    TRUNCATED = "truncated"
    """The answer was longer than its limit and the rest was needed, or the host sent more than it may."""
    ERROR = "error"
    """The command ended with an error that is not an answer."""
    NOT_UNDERSTOOD = "not_understood"
    """The answer has a form that the reader does not know."""
    STALE = "stale"
    """Reference data or evidence is too old to decide on."""
    NOT_RECORDED = "not_recorded"
    """A replayed transcript does not hold this answer."""
    PLUGIN = "plugin"
    """The plugin that should decide could not be loaded or raised an exception."""
