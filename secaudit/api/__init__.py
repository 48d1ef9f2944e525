"""The one stable surface for plugin authors.

A family of checks is a package that imports this module, the records of `secaudit.model` that it re-exports, and
nothing else of secaudit. See `docs/writing-a-check.md`.
"""

from secaudit.api.check import Check, check
from secaudit.api.collector import Answers, Collector, collector
from secaudit.api.expect import Duration, Expect, Size, parse_duration, parse_size, show_duration, show_size
from secaudit.api.facts import Facts, Now, Platform, ScannerLead, Target, Unproven, attempt
from secaudit.api.family import Family, load_family
from secaudit.api.format import CustomerReport, FleetReport, Format, ShelfPage, Speech
from secaudit.api.laboratory import AskedHost, HostChoice, Kernel, Laboratory, Outside
from secaudit.api.panel import HostPanel, HostView, panel
from secaudit.api.reference import Reference, ReferenceSource, default_feeds, reference
from secaudit.api.section import ChangeSection, ReportSection, change_section, section
from secaudit.api.verdict import Verdict, failed, not_applicable, passed, unproven
from secaudit.model.advisory import Advisory
from secaudit.model.answer import Answer, AnswerStatus
from secaudit.model.evidence import Evidence
from secaudit.model.feed import FeedSource, FeedSources, FeedStamp
from secaudit.model.outcome import Outcome, UnprovenKind
from secaudit.model.request import KIB, MIB, Command, PortScan, Request
from secaudit.model.severity import Severity

__all__ = [
    "KIB",
    "MIB",
    "Advisory",
    "Answer",
    "AnswerStatus",
    "Answers",
    "AskedHost",
    "ChangeSection",
    "Check",
    "Collector",
    "Command",
    "CustomerReport",
    "Duration",
    "Evidence",
    "Expect",
    "Facts",
    "Family",
    "FeedSource",
    "FeedSources",
    "FeedStamp",
    "FleetReport",
    "Format",
    "HostChoice",
    "HostPanel",
    "HostView",
    "Kernel",
    "Laboratory",
    "Now",
    "Outcome",
    "Outside",
    "Platform",
    "PortScan",
    "Reference",
    "ReferenceSource",
    "ReportSection",
    "Request",
    "ScannerLead",
    "Severity",
    "ShelfPage",
    "Size",
    "Speech",
    "Target",
    "Unproven",
    "UnprovenKind",
    "Verdict",
    "attempt",
    "change_section",
    "check",
    "collector",
    "default_feeds",
    "failed",
    "load_family",
    "not_applicable",
    "panel",
    "parse_duration",
    "parse_size",
    "passed",
    "reference",
    "section",
    "show_duration",
    "show_size",
    "unproven",
]
