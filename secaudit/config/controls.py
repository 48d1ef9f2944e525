"""From the trees of several baselines to the controls that they define together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import BaseModel, ValidationError

from secaudit.config.baseline_file import REMOVE
from secaudit.config.errors import Problem, closest, suggestion
from secaudit.config.merging import leaves, overlay, references, substitute
from secaudit.config.source import Entry, Located, Node
from secaudit.config.validation import problems_of
from secaudit.model.baseline import Control, Location
from secaudit.model.severity import Severity


class KnownCheck(Protocol):
    """What a control needs of its check."""

    @property
    def severity(self) -> Severity:
        """The severity of a control that names none."""
        ...

    @property
    def expect(self) -> type[BaseModel]:
        """The model of the control's `expect`."""
        ...


@dataclass(slots=True)
class _Draft:
    """A control while baselines are laid over one another; `location` is where it was touched last."""

    node: Node
    location: Location


@dataclass(slots=True)
class ControlMerge:
    """The controls and parameters of the baselines that were added so far, and what is wrong with them."""

    drafts: dict[str, _Draft] = field(default_factory=dict)
    removed: dict[str, Location] = field(default_factory=dict)
    parameters: dict[str, Entry] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def add(self, root: Node) -> None:
        """Lay a valid baseline file over what is there."""
        parameters = root.child("parameters")
        for name, entry in parameters.entries.items() if parameters else ():
            if entry.node.value is None:
                self.problems.append(Problem(entry.key, f"parameter {name!r} has no value"))
            for used in references(entry.node):
                message = f"parameter {name!r} uses parameter {used!r}; parameters are for controls only"
                self.problems.append(Problem(entry.node.location, message))
            self.parameters[name] = entry
        controls = root.child("controls")
        for name, entry in controls.entries.items() if controls else ():
            if entry.node.value == REMOVE:
                self._remove(name, entry.key)
            else:
                self._overlay(name, entry)

    def _remove(self, name: str, location: Location) -> None:
        if self.drafts.pop(name, None) is None:
            hint = f"it is removed already at {self.removed[name]}" if name in self.removed else ""
            message = f"there is no control {name!r} to remove"
            self.problems.append(Problem(location, message, hint or suggestion(name, self.drafts)))
        self.removed[name] = location

    def _overlay(self, name: str, entry: Entry) -> None:
        below = self.drafts[name].node if name in self.drafts else None
        ours, theirs = entry.node.child("check"), below.child("check") if below else None
        if ours and theirs and ours.value is not None and ours.value != theirs.value:
            message = f"control {name!r} is about the check {str(theirs.value)!r}"
            hint = f"set at {theirs.location}; to use another check, remove the control and give the new one its own id"
            self.problems.append(Problem(ours.location, message, hint))
        self.drafts[name] = _Draft(overlay(below, entry.node, self.problems), entry.key)

    def controls(self, checks: Mapping[str, KnownCheck], broken: Mapping[str, str]) -> dict[str, Control]:
        """Finish every control that has no problem, in the order in which they were set first."""
        finished = {name: self._finish(name, draft, checks, broken) for name, draft in self.drafts.items()}
        return {name: control for name, control in finished.items() if control is not None}

    def _finish(
        self, name: str, draft: _Draft, checks: Mapping[str, KnownCheck], broken: Mapping[str, str]
    ) -> Control | None:
        named = draft.node.child("check")
        if named is None:
            self.problems.append(Problem(draft.location, f"control {name!r} names no check", self._lost_check(name)))
            return None
        check_id = str(named.value)
        check = checks.get(check_id)
        reason = broken.get(check_id.partition(".")[0], "")
        if check is None and not reason:
            hint = closest(check_id, checks) or "`secaudit checks list` names all"
            self.problems.append(Problem(named.location, f"there is no check {check_id!r}", hint))
            return None
        before = len(self.problems)
        node = self._filled(draft)
        expect = None
        if check is not None and len(self.problems) == before:
            expect, reason = self._expect(check, node, draft.location)
        if len(self.problems) > before:
            return None
        severity = node.child("severity")
        remediation = node.child("remediation")
        standards = node.child("references")
        return Control(
            id=name,
            check=check_id,
            severity=Severity(str(severity.value)) if severity else _default_severity(check),
            expect=expect,
            location=draft.location,
            remediation=str(remediation.value) if remediation else "",
            references=_references(standards) if standards else {},
            provenance=dict(leaves(node)),
            broken=reason,
        )

    def _filled(self, draft: _Draft) -> Node:
        """The control with its parameters put in."""
        entries = dict(draft.node.entries)
        for key in ("expect", "remediation"):
            if key in entries:
                entry = entries[key]
                entries[key] = Entry(entry.key, substitute(entry.node, self.parameters, self.problems))
        return Node(entries, draft.node.location)

    def _expect(self, check: KnownCheck, node: Node, location: Location) -> tuple[BaseModel | None, str]:
        """The validated expectation, or None and why the check's own code could not validate it."""
        entry = node.entries.get("expect", Entry(location, Node({}, location)))
        document = Located.of(Node(entry.node.value, entry.key))
        try:
            return check.expect.model_validate(document.data), ""
        except ValidationError as error:
            self.problems += problems_of(error, document, check.expect, ("expect",))
            return None, ""
        except Exception as error:  # noqa: BLE001 - a plugin's validator may raise anything; its trouble stays its own
            return None, f"the expectation could not be validated: {type(error).__name__}: {error}"

    def _lost_check(self, name: str) -> str:
        if name in self.removed:
            return f"it was removed at {self.removed[name]}"
        return closest(name, self.drafts.keys() - {name}) or "the first baseline that sets a control names its check"


def _default_severity(check: KnownCheck | None) -> Severity:
    """The check's own; when that is unknown the worst, so that a gate does not overlook a control it cannot judge."""
    return check.severity if check is not None else Severity.CRITICAL


def _references(standards: Node) -> dict[str, tuple[str, ...]]:
    data = Located.of(standards).data
    assert isinstance(data, dict)
    return {standard: (clauses,) if isinstance(clauses, str) else tuple(clauses) for standard, clauses in data.items()}
