"""Trackers from YAML: one file for each customer. See `docs/trackers.md`."""

from __future__ import annotations

from pathlib import Path

from secaudit.config.errors import ConfigError, Problem
from secaudit.config.inventory import secret_source
from secaudit.config.paths import resolve_path, yaml_files
from secaudit.config.source import Located, read_yaml
from secaudit.config.tracker_file import TrackerFile
from secaudit.config.validation import validate
from secaudit.model.baseline import Location
from secaudit.model.severity import Severity
from secaudit.model.tracker import Grouping, TrackerConfig, TrackerKind, Workflow


def load_trackers(path: Path) -> tuple[TrackerConfig, ...]:
    """Read a tracker file, or every one of a directory, in file order; a customer has one tracker.

    Paths in a file resolve against it. Raises ConfigError with the problems of all files.
    """
    problems: list[Problem] = []
    found: list[TrackerConfig] = []
    first: dict[str, Location] = {}
    for file in yaml_files(path):
        try:
            config, place = _load(file)
        except ConfigError as error:
            problems += error.problems
            continue
        if config.customer in first:
            message = f"customer {config.customer!r} has a tracker already"
            problems.append(Problem(place, message, f"first at {first[config.customer]}"))
        first.setdefault(config.customer, place)
        found.append(config)
    if problems:
        raise ConfigError(problems)
    return tuple(found)


def _load(path: Path) -> tuple[TrackerConfig, Location]:
    source = read_yaml(path)
    document = Located.of(source.root)
    file = validate(TrackerFile, document)
    folder = source.path.parent
    workflow = file.workflow
    priorities = {severity: text for severity in Severity if (text := getattr(file.priorities, severity.value))}
    config = TrackerConfig(
        customer=file.customer,
        name=file.name or file.tracker,
        kind=TrackerKind(file.tracker),
        url=file.url,
        project=file.project,
        secret=secret_source(file.secret, folder),
        user=file.user or "",
        api=file.api,
        minimum=file.minimum,
        grouping=Grouping(file.group),
        issue_type=file.issue_type or "",
        labels=tuple(file.labels),
        assignee=file.assignee or "",
        priorities=priorities,
        close_after=file.close_after,
        evidence=file.evidence,
        markup=file.markup,
        workflow=Workflow(
            close=workflow.close or "",
            reopen=workflow.reopen or "",
            closed=frozenset(workflow.closed),
            wont_fix=frozenset(workflow.wont_fix),
            acknowledged=frozenset(workflow.acknowledged),
        ),
        ca_file=str(resolve_path(file.ca_file, folder)) if file.ca_file else "",
        timeout=float(file.timeout),
    )
    return config, document.values["customer",]
