"""What an issue says, in the markup of its tracker. Texts from hosts stand in literal blocks and stay inert."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from secaudit.model.safe_text import visible, visible_line
from secaudit.model.severity import Severity
from secaudit.model.tracker import MARKER
from secaudit.store.lifecycle import Finding

TITLE = 200
"""Characters of a title at most; Jira takes 255."""
VALUE = 1000
"""Characters of one value at most."""
LISTED = 50
"""Findings that are listed at most."""
SHORT = 100
"""Characters of a subject or reason where several findings stand in a list."""


class Markup(Enum):
    """How a tracker reads a body."""

    MARKDOWN = "markdown"
    JIRA = "jira"
    TEXTILE = "textile"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Section:
    """Lines (at least one) under a heading of ours. They come from hosts: bounded, visible, not yet in a markup."""

    heading: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """An issue before it is written. A change of `lines` is worth an update; the `details` go along when there is one.

    `lines` come from hosts as those of sections do.
    """

    topic: str
    title: str
    lines: tuple[str, ...]
    severity: Severity
    details: tuple[Section, ...] = ()

    @property
    def marker(self) -> str:
        """The line that the issue is found by."""
        return marker_of(self.topic)

    @property
    def marked_title(self) -> str:
        """The title with the marker, for trackers that do not search in bodies."""
        return f"{self.title} [{self.marker}]"

    @property
    def digest(self) -> str:
        """What tells two drafts apart, without what is another one after every scan."""
        text = "\n".join((self.title, self.severity.value, *self.lines))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def sections(self) -> tuple[Section, ...]:
        """All that the issue says, before its marker."""
        return (Section("Found by secaudit", self.lines), *self.details)

    def body(self, markup: Markup) -> str:
        """The text of the issue."""
        parts = [f"{section.heading}:\n\n{literal(section.lines, markup)}" for section in self.sections]
        return "\n\n".join((*parts, self.marker)) + "\n"


def marker_of(topic: str) -> str:
    """The marker of a topic."""
    return f"{MARKER}: {topic}"


def literal(lines: Sequence[str], markup: Markup) -> str:
    """Lines as a block in which nothing is markup, a link or a mention."""
    text = "\n".join(lines)
    if markup is Markup.MARKDOWN:
        # A fence is closed by one at least as long (CommonMark 4.5); mentions and quick actions do not work inside.
        longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
        fence = "`" * max(3, longest + 1)
        return f"{fence}text\n{text}\n{fence}"
    if markup is Markup.JIRA:
        text = re.sub(r"\{(?=\s*noformat)", "{ ", text, flags=re.IGNORECASE)
        return f"{{noformat}}\n{text}\n{{noformat}}"
    if markup is Markup.TEXTILE:
        text = re.sub(r"<(?=\s*/?\s*(pre|code|notextile))", "< ", text, flags=re.IGNORECASE)
        return f"<pre>\n{text}\n</pre>"
    # There is no markup to misuse; what is indented cannot be taken for what we say ourselves.
    return "\n".join(f"    {line}" for line in text.split("\n"))


def draft_of(topic: str, findings: Sequence[Finding], details: Sequence[Section] = ()) -> Draft:
    """The draft for the findings of one topic (at least one)."""
    listed = listed_of(findings)
    first = listed[0]
    still = [found for found in listed if found.resolved is None]
    severity = max((found.severity for found in still or listed), key=lambda severity: severity.rank)
    hosts = {found.host for found in listed}
    place = first.host if len(hosts) == 1 else f"{len(hosts)} hosts"
    several = len({found.subject for found in listed}) > 1
    # The title of a check says what should be; the reason of an open finding says what is.
    what = (first.reason if still else "") or first.title
    what = f"{len(still or listed)} findings of {first.control}: {what}" if several else what
    subject = f" ({first.subject})" if first.subject and not several else ""
    title = _title(f"[{severity.value}] {place}: {what}{subject}")
    return Draft(topic, title, tuple(_lines(listed, several=several)), severity, tuple(details))


def listed_of(findings: Sequence[Finding]) -> Sequence[Finding]:
    """What an issue lists: open ones first, the worst of them first.

    Of resolved ones only those that were open at the same time, so that an issue for a whole host does not list what
    was mended years ago.
    """
    since = min((found.opened for found in findings if found.resolved is None), default=None)
    listed = [found for found in findings if found.resolved is None or since is None or found.resolved >= since]
    return sorted(
        listed, key=lambda found: (found.resolved is not None, -found.severity.rank, found.host, found.subject)
    )


def _lines(findings: Sequence[Finding], *, several: bool) -> Iterator[str]:
    first = findings[0]
    yield _line("customer", first.customer)
    yield _line("control", f"{first.control} (check {first.check})")
    if not several:
        yield _line("subject", first.subject or "the host as a whole")
        yield _line("reason", first.reason)
    for found in findings[:LISTED]:
        state = "resolved" if found.resolved else f"{found.outcome.value}{', waived' if found.waived else ''}"
        due = f", due {found.due:%Y-%m-%d %H:%M} UTC" if found.due and not found.resolved else ""
        place = f"{value(found.host)}  "
        reason = ""
        if several:
            place += f"{value(found.subject, SHORT)}  "
            reason = f": {value(found.reason, SHORT)}"
        yield (
            f"host:      {place}{found.severity.value}, {state}, "
            f"since {found.opened:%Y-%m-%d}{due}, finding {found.fingerprint}{reason}"
        )
    if len(findings) > LISTED:
        yield f"           and {len(findings) - LISTED} more"
    yield f"more:      secaudit findings show {first.fingerprint}"


def _line(label: str, text: str) -> str:
    return f"{label + ':':<10} {value(text)}"


def inert(text: str) -> str:
    """A text of a host made visible; a marker in it is none, or a host could pass its issue off as another one."""
    return visible(text).replace(MARKER, MARKER.replace("-", "_"))


def value(text: str, length: int = VALUE) -> str:
    """A text of a host on one line, visible and bounded."""
    line = visible_line(inert(text[:length]))
    return line if len(line) <= length else line[:length] + "…"


def _title(text: str) -> str:
    # Titles are searched for mentions and references too, and have no escape: the signs are replaced by their
    # full-width forms, which look alike and mean nothing.
    line = visible_line(inert(text[: TITLE * 2])).translate(_FULL_WIDTH)
    return line if len(line) <= TITLE else line[: TITLE - 1] + "…"


_FULL_WIDTH = str.maketrans({"@": "＠", "#": "＃", "!": "！", "~": "～", "<": "＜", ">": "＞", "`": "'"})
