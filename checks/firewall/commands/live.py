"""`secaudit firewall verify --live`: packets from here to a host that may be probed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from secaudit.api import HostChoice, Laboratory

from .. import documents
from ..analysis.anomalies import find_anomalies
from ..facts import Firewall
from ..path.trace import Fate
from ..verify.live import Prediction, Seen, Uncounted, predict, probes, sendable, uncounted
from .given import Given, of_host
from .output import gap_lines, gaps, print_json, print_lines, spot

LIVE_MOST = 1000


def live(laboratory: Laboratory, host: HostChoice, packets: int, rate: int, as_json: bool) -> int:
    """Ask, send, ask again, and compare; 1 when the path differs, 3 when nothing was proved."""
    with laboratory.outside(host) as outside:
        given = of_host(laboratory.host(host, [Firewall]))
        witnesses = [found.witness for found in find_anomalies(given.ruleset).found if found.witness is not None]
        chosen = probes(given.ruleset, witnesses, outside.source, outside.destination, outside.first_port, packets)
        sent = [
            (prediction, words)
            for prediction in predict(given.ruleset, chosen)
            if (words := sendable(prediction)) is not None
        ]
        answers = outside.knock([words for _, words in sent], rate)
        after = of_host(laboratory.host(host, [Firewall]))
    seen = [
        Seen(_held_back(given, prediction), answered) for (prediction, _), answered in zip(sent, answers, strict=True)
    ]
    compared, behind = uncounted(given.ruleset, after.ruleset, seen)
    if as_json:
        print_json(_document(given, seen, compared, behind))
    else:
        print_lines(_told(given, seen, compared, behind))
    if behind or any(one.differs for one in seen):
        return 1
    return 0 if any(one.proves for one in seen) else 3


def _held_back(given: Given, prediction: Prediction) -> Prediction:
    """What is not seen of the ruleset may drop what the rest accepts."""
    unseen = any(prediction.packet.family in gap.families for gap in given.gaps)
    more = {Fate.DROP} if unseen and Fate.ACCEPT in prediction.possible else set()
    return replace(prediction, possible=prediction.possible | more)


def _told(given: Given, seen: Sequence[Seen], compared: int, behind: Sequence[Uncounted]) -> Iterator[str]:
    for one in seen:
        if one.differs:
            yield f"DIFFERS {one.prediction.packet}"
            yield f"        {one.why}"
    for rule in behind:
        yield f"DIFFERS {rule.table} {rule.chain} ({spot(rule.rule.origin.line, rule.rule)}): {rule.rule.text}"
        yield f"        {rule.expected} packets surely met it, it counted {rule.counted}"
    yield from gap_lines(given)
    proved = sum(one.proves for one in seen)
    differ = sum(one.differs for one in seen)
    rest = len(seen) - proved - differ
    yield f"{len(seen)} packets sent: {proved} fared as the ruleset says, {differ} did not, {rest} tell nothing"
    yield f"{compared} rule counters compared, {len(behind)} behind"


def _document(given: Given, seen: Sequence[Seen], compared: int, behind: Sequence[Uncounted]) -> dict[str, Any]:
    return {
        "packets": [
            {
                **documents.packet(one.prediction.packet),
                "predicted": sorted(one.prediction.possible),
                "observed": one.answered.echo,
                "by": None if one.answered.by is None else str(one.answered.by),
                "differs": one.differs,
                "why": one.why if one.differs else None,
            }
            for one in seen
        ],
        "rules": compared,
        "behind": [
            {
                "table": rule.table,
                "chain": rule.chain,
                "line": rule.rule.origin.line,
                "text": rule.rule.text,
                "expected": rule.expected,
                "counted": rule.counted,
            }
            for rule in behind
        ],
        "undecided": gaps(given),
    }
