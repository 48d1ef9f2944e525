"""The check of what is running against what was saved."""

from __future__ import annotations

from collections.abc import Iterator

from secaudit.api import (
    Evidence,
    Facts,
    Severity,
    Verdict,
    check,
    failed,
    not_applicable,
    passed,
)

from ..analysis.changes import Change, changes
from ..facts import Firewall
from ..path.trace import Fate
from ..rules.ruleset import Rule, Ruleset
from ..saved.files import UNITS, SavedFiles
from ..saved.ruleset import read_saved, with_docker_policy, without_tools
from ..sets.expansion import TooManyPlacesError
from ..wording import Nothing, point, short, undecided, unseen

MOST = 50
"""Differences that are told one by one."""


@check(
    "firewall.saved",
    title="The running rules are the saved ones",
    severity=Severity.MEDIUM,
    requires=(Firewall, SavedFiles),
    expect=Nothing,
    remediation=(
        "Decide which of the two is meant. Load the saved rules (systemctl reload nftables, netfilter-persistent\n"
        "reload, ufw reload), or save the running ones (netfilter-persistent save; for nftables edit the file that\n"
        "the finding names)."
    ),
    references={"pci-4.0": ["1.2.8"], "bsi": ["NET.3.2.A2"]},
)
def saved(facts: Facts, _: Nothing) -> Iterator[Verdict]:
    """No packet fares otherwise, or is translated otherwise, under the running rules than under the saved ones."""
    firewall, files = facts[Firewall], facts[SavedFiles]
    expected = "every packet fares as the saved rules say"
    evidence = [*files.evidence, *firewall.evidence]
    running = without_tools(firewall.ruleset)
    found = read_saved(files, running)
    stop = unseen(firewall)
    if stop is not None:
        yield stop.verdict("ruleset", expected=expected)
        return
    if not any(table.chains for table in running.tables) and not found.files and not found.open:
        yield not_applicable("ruleset", reason="there are neither running nor saved rules", evidence=evidence)
        return
    problems = [*found.open, *(_unread(found.ruleset))]
    if not found.files and not found.open:
        problems.append(f"no service that loads saved rules is enabled and has any ({', '.join(UNITS)})")
    said = False
    if found.files and not problems:
        try:
            compared = changes(without_tools(with_docker_policy(found.ruleset, firewall.ruleset)), running)
        except TooManyPlacesError:
            problems.append("the chains lead to each other too often to be followed")
        else:
            certain = [at for at in compared.found if Fate.UNPROVEN not in (at.before, at.after)]
            problems += compared.unsure
            problems += [f"what becomes of {at.packet}" for at in compared.found if at not in certain][:1]
            said = bool(certain)
            yield from _differences(certain, expected, evidence)
    for problem in problems[:1]:
        more = f" … and {len(problems) - 1} more such places" if len(problems) > 1 else ""
        reason = f"not everything can be compared: {short(problem)}{more}"
        yield undecided("ruleset", reason=reason, expected=expected, evidence=evidence)
    if not said and not problems:
        yield passed("ruleset", observed=f"as in {', '.join(found.files)}", expected=expected, evidence=evidence)


def _unread(ruleset: Ruleset) -> Iterator[str]:
    for entry in ruleset.unread:
        yield f"line {entry.origin.line} of {entry.origin.source} {entry.why}: {entry.origin.excerpt}"


def _differences(found: list[Change], expected: str, evidence: list[Evidence]) -> Iterator[Verdict]:
    spoken: set[str] = set()
    for change in found:
        subject = short(f"{change.hook}: {_text(change.rule_after)} (saved: {_text(change.rule_before)})")
        if subject in spoken:
            continue
        spoken.add(subject)
        if len(spoken) > MOST:
            reason = "There are more differences than are told one by one."
            yield failed("more", reason=reason, observed=f"more than {MOST}", expected=expected, evidence=evidence)
            return
        sides = (change.becomes_before, change.becomes_after) if change.becomes_after else (change.before, change.after)
        rules = [point(rule.origin) for rule in (change.rule_after, change.rule_before) if rule is not None]
        yield failed(
            subject,
            reason="After the next start the packet will fare otherwise than now.",
            observed=f"{change.packet}: running {sides[1]}, saved {sides[0]}",
            expected=expected,
            evidence=rules or evidence,
        )


def _text(rule: Rule | None) -> str:
    return "policy" if rule is None else rule.text
