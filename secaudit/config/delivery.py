"""Delivery from YAML: targets and subscriptions. See `docs/delivery.md`."""

from __future__ import annotations

from pathlib import Path

from secaudit.config.delivery_file import DeliveryFile, TargetFile
from secaudit.config.errors import ConfigError, Problem, closest
from secaudit.config.inventory import secret_source
from secaudit.config.paths import resolve_path, yaml_files
from secaudit.config.source import Located, read_yaml
from secaudit.config.validation import validate
from secaudit.model.baseline import Location
from secaudit.model.delivery import (
    AppriseTarget,
    DeliveryPlan,
    DirectoryTarget,
    MailTarget,
    Security,
    Subscription,
    Target,
)


def load_delivery(path: Path) -> DeliveryPlan:
    """Read a delivery file, or every one of a directory, in file order.

    Paths in a file resolve against it; a subscription to a target that no file has is a problem. Raises ConfigError
    with the problems of all files.
    """
    problems: list[Problem] = []
    targets: dict[str, Target] = {}
    first: dict[str, Location] = {}
    wanted: list[tuple[str, Location]] = []
    subscriptions: list[Subscription] = []
    for file in yaml_files(path):
        try:
            source = read_yaml(file)
            document = Located.of(source.root)
            read = validate(DeliveryFile, document)
        except ConfigError as error:
            problems += error.problems
            continue
        for name, target in read.targets.items():
            place = document.keys["targets", name]
            if name in targets:
                problems.append(Problem(place, f"there is a target {name!r} already", f"first at {first[name]}"))
            first.setdefault(name, place)
            targets[name] = _target(name, target, source.path.parent)
        for number, one in enumerate(read.subscriptions):
            for key, names in (("changes", one.changes), ("monthly", one.monthly)):
                for at, name in enumerate(names):
                    # One name alone needs no list.
                    of_list = ("subscriptions", number, key, at)
                    wanted.append((name, document.values[of_list if of_list in document.values else of_list[:-1]]))
            subscriptions.append(
                Subscription(one.customer, tuple(one.changes), tuple(one.monthly), one.minimum, one.language or "")
            )
    for name, place in wanted:
        if name not in targets:
            hint = closest(name, targets) or f"there are: {', '.join(sorted(targets)) or 'none'}"
            problems.append(Problem(place, f"there is no target {name!r}", hint))
    if problems:
        raise ConfigError(problems)
    return DeliveryPlan(tuple(targets.values()), tuple(subscriptions))


def _target(name: str, file: TargetFile, folder: Path) -> Target:
    if file.smtp is not None:
        mail = file.smtp
        return MailTarget(
            name=name,
            host=mail.host,
            port=mail.listening,
            security=Security(mail.security),
            sender=mail.sender,
            to=tuple(mail.to),
            user=mail.user or "",
            password=secret_source(mail.password, folder),
            ca_file=str(resolve_path(mail.ca_file, folder)) if mail.ca_file else "",
            timeout=float(mail.timeout),
        )
    address = secret_source(file.apprise, folder)
    if address is not None:
        return AppriseTarget(name, address)
    return DirectoryTarget(name, str(resolve_path(file.directory or ".", folder)))
