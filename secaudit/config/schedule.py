"""Schedules from YAML: a directory with one file each. See `docs/schedules.md`."""

from __future__ import annotations

from pathlib import Path

from secaudit.config.errors import ConfigError, Problem
from secaudit.config.paths import is_dir, is_file, is_path, resolve_path, yaml_files
from secaudit.config.schedule_file import ScheduleFile
from secaudit.config.source import Located, read_yaml
from secaudit.config.validation import validate
from secaudit.model.baseline import Location
from secaudit.model.schedule import Schedule


def load_schedules(path: Path) -> tuple[Schedule, ...]:
    """Read every schedule of a directory (or the one of a file), ordered by file name.

    Paths in a file resolve against it; an inventory that does not exist is a problem. Raises ConfigError with the
    problems of all files.
    """
    problems: list[Problem] = []
    schedules: list[Schedule] = []
    first: dict[str, Location] = {}
    for file in yaml_files(path):
        try:
            schedule, location = _load(file)
            if schedule.id in first:
                message = f"schedule {schedule.id!r} is there already"
                raise ConfigError.at(location, message, f"first at {first[schedule.id]}")
        except ConfigError as error:
            problems += error.problems
        else:
            first[schedule.id] = location
            schedules.append(schedule)
    if problems:
        raise ConfigError(problems)
    return tuple(schedules)


def _load(path: Path) -> tuple[Schedule, Location]:
    document = Located.of(read_yaml(path).root)
    file = validate(ScheduleFile, document)
    inventory = resolve_path(file.inventory, path.parent)
    if not (is_file(inventory) or is_dir(inventory)):
        location = document.values["inventory",]
        raise ConfigError.at(location, f"there is no inventory {file.inventory!r}", f"looked for {inventory}")
    schedule = Schedule(
        id=file.schedule,
        cron=file.cron,
        timezone=file.timezone,
        inventory=str(inventory),
        customers=tuple(file.customers),
        sites=tuple(file.sites),
        tags=tuple(file.tags),
        baselines=tuple(str(resolve_path(name, path.parent)) if is_path(name) else name for name in file.baselines),
        only=tuple(file.only),
        fail_on=file.fail_on,
    )
    return schedule, document.values["schedule",]
