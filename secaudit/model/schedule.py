"""When which hosts are scanned without anybody asking."""

from __future__ import annotations

from dataclasses import dataclass

from secaudit.model.severity import Severity


@dataclass(frozen=True, slots=True)
class Schedule:
    """A recurring scan.

    `cron` has five fields and is read in the IANA zone `timezone`. `inventory` is the absolute path of a file or
    directory. Empty selections mean everything: a host is scanned when its customer is in `customers`, its site in
    `sites` and one of its tags in `tags`. `baselines` (names or absolute paths) take the place of the hosts' own;
    `only` are glob patterns of controls. `fail_on` makes a run with such failures end like a failed gate.
    """

    id: str
    cron: str
    timezone: str
    inventory: str
    customers: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    baselines: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    fail_on: Severity | None = None
