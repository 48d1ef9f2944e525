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
"""Hosts that are listed at most."""


class Markup(Enum):
    """How a tracker reads a body."""

    MARKDOWN = "markdown"
    JIRA = "jira"
    TEXTILE = "textile"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Draft:
    """An issue before it is written. `lines` come from hosts and are bounded, visible and not yet in a markup."""

    topic: str
    title: str
    lines: tuple[str, ...]
    severity: Severity

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
        """What tells two drafts apart."""
        text = "\n".join((self.title, self.severity.value, *self.lines))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def body(self, markup: Markup) -> str:
        """The text of the issue."""
        return f"Found by secaudit.\n\n{literal(self.lines, markup)}\n\n{self.marker}\n"


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
        text = re.sub(r"<(?=\s*/?\s*(pre|code|notextile))", "< ", text, flags=re.IGNORECASE).replace("{{", "{ {")
        return f"<pre>\n{text}\n</pre>"
    return text


def draft_of(topic: str, findings: Sequence[Finding]) -> Draft:
    """The draft for the findings of one topic (at least one), open ones first."""
    ordered = sorted(findings, key=lambda found: (found.resolved is not None, -found.severity.rank, found.host))
    first = ordered[0]
    still = [found for found in ordered if found.resolved is None]
    severity = max((found.severity for found in still or ordered), key=lambda severity: severity.rank)
    hosts = list(dict.fromkeys(found.host for found in ordered))
    place = hosts[0] if len(hosts) == 1 else f"{len(hosts)} hosts"
    subject = f" {first.subject}" if first.subject else ""
    return Draft(topic, _title(f"[{severity.value}] {place}: {first.title}{subject}"), tuple(_lines(ordered)), severity)


def _lines(findings: Sequence[Finding]) -> Iterator[str]:
    first = findings[0]
    for label, text in (
        ("customer", first.customer),
        ("control", f"{first.control} (check {first.check})"),
        ("subject", first.subject or "the host as a whole"),
        ("reason", first.reason),
    ):
        yield f"{label + ':':<10} {_value(text)}"
    for found in findings[:LISTED]:
        state = "resolved" if found.resolved else f"{found.outcome.value}{', waived' if found.waived else ''}"
        due = f", due {found.due:%Y-%m-%d %H:%M} UTC" if found.due and not found.resolved else ""
        yield (
            f"host:      {_value(found.host)}  {found.severity.value}, {state}, "
            f"since {found.opened:%Y-%m-%d}{due}, finding {found.fingerprint}"
        )
    if len(findings) > LISTED:
        yield f"           and {len(findings) - LISTED} more"
    yield f"more:      secaudit findings show {first.fingerprint}"


def _value(text: str) -> str:
    line = visible_line(text[:VALUE])
    return line if len(line) <= VALUE else line[:VALUE] + "…"


def _title(text: str) -> str:
    # Titles are searched for mentions and references too, and have no escape: the signs are replaced by their
    # full-width forms, which look alike and mean nothing.
    line = visible(visible_line(text[: TITLE * 2])).translate(_FULL_WIDTH)
    return line if len(line) <= TITLE else line[: TITLE - 1] + "…"


_FULL_WIDTH = str.maketrans({"@": "＠", "#": "＃", "!": "！", "~": "～", "<": "＜", ">": "＞", "`": "'"})
