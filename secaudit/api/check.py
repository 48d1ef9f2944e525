"""Checks: a pure function from facts and an expectation to verdicts, with its metadata."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from secaudit.api.expect import Expect
from secaudit.api.facts import Facts
from secaudit.api.verdict import Verdict
from secaudit.model.severity import Severity

E = TypeVar("E", bound=Expect)

_ID = re.compile(r"[a-z][a-z0-9]*\.[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True, eq=False)
class Check:
    """One check. `requires` must all be there or the control is unproven; `considers` may each be missing.

    `description` is the first paragraph of the function's docstring; the page with the same slug in the family's
    `docs/` folder explains the rest.
    """

    id: str
    title: str
    description: str
    severity: Severity
    requires: tuple[type, ...]
    considers: tuple[type, ...]
    expect: type[Expect]
    remediation: str
    references: Mapping[str, tuple[str, ...]]
    evaluate: Callable[[Facts, Any], Iterator[Verdict]]

    @property
    def family(self) -> str:
        """The part of the id before the dot."""
        return self.id.partition(".")[0]

    @property
    def slug(self) -> str:
        """The part of the id after the dot; names the page in `docs/`."""
        return self.id.partition(".")[2]


def check(
    id: str,
    *,
    title: str,
    severity: Severity,
    requires: Sequence[type],
    expect: type[E],
    remediation: str,
    considers: Sequence[type] = (),
    references: Mapping[str, Sequence[str]] | None = None,
) -> Callable[[Callable[[Facts, E], Iterator[Verdict]]], Check]:
    """Declare the decorated generator as the check `id` (`family.slug`).

    `title` is what a finding is called; `remediation` is the default advice, in the imperative, with commands that
    can be pasted. Raises ValueError at declaration when metadata is missing.
    """
    if not _ID.fullmatch(id):
        raise ValueError(f"{id!r} is not a check id of the form family.some-name")

    def declare(evaluate: Callable[[Facts, E], Iterator[Verdict]]) -> Check:
        description = inspect.getdoc(evaluate)
        if not description or not title or not remediation:
            raise ValueError(f"check {id} needs a docstring, a title and a remediation")
        return Check(
            id=id,
            title=title,
            description=" ".join(description.split("\n\n")[0].split()),
            severity=severity,
            requires=tuple(requires),
            considers=tuple(considers),
            expect=expect,
            remediation=remediation,
            references={standard: tuple(clauses) for standard, clauses in (references or {}).items()},
            evaluate=evaluate,
        )

    return declare
