"""What a command analyses: files, or what a host answers to the requests of this family."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from secaudit.api import Answer, AnswerStatus, AskedHost, HostChoice, Laboratory, Request
from secaudit.model.errors import UserError
from secaudit.model.observation import RulesetText, Syntax

from ..collect import IP6TABLES, IP6TABLES_LEGACY, IPSET, IPTABLES, IPTABLES_LEGACY, NFT
from ..facts import Firewall, Gap
from ..readers.loading import FileError, RulesetFormat, kernel_texts, load
from ..rules.matches import PacketFamily
from ..rules.ruleset import Ruleset

_TARGET = re.compile(r"local|ssh://.*|replay:.+")
_SAVES = {
    IPTABLES: Syntax.IPTABLES,
    IP6TABLES: Syntax.IP6TABLES,
    IPTABLES_LEGACY: Syntax.IPTABLES_LEGACY,
    IP6TABLES_LEGACY: Syntax.IP6TABLES_LEGACY,
}
_LEGACY = {Syntax.IPTABLES: Syntax.IPTABLES_LEGACY, Syntax.IP6TABLES: Syntax.IP6TABLES_LEGACY}
_NF_TABLES_FAMILIES = {Syntax.IPTABLES: "ip", Syntax.IP6TABLES: "ip6"}

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Given:
    """A ruleset, the families of which something is known, what could not be seen, and how a kernel would load it."""

    ruleset: Ruleset
    families: frozenset[PacketFamily]
    gaps: tuple[Gap, ...]
    texts: Callable[[], tuple[RulesetText, ...]]


@dataclass(frozen=True, slots=True)
class Choice:
    """The options that say what to analyse."""

    format: RulesetFormat
    name: str | None
    inventory: Path | None
    stored: bool
    store: str | None
    groups: tuple[str, ...] = ()

    @property
    def of_host(self) -> bool:
        """Whether a host is chosen by name."""
        return self.name is not None

    def host(self, target: str | None = None) -> HostChoice:
        """The host of a target, or the one that is chosen by name."""
        return HostChoice(target, self.name, self.inventory, self.stored, self.store)

    def named(self, name: str) -> HostChoice:
        """The host of the inventory that has this name."""
        return HostChoice(None, name, self.inventory)

    def given(self, laboratory: Laboratory, places: Sequence[str]) -> Given:
        """The ruleset at the places: one target, files of one host, or nothing where a host is chosen by name.

        Raises a UserError.
        """
        if not places and self.of_host:
            return of_host(laboratory.host(self.host(), [Firewall]))
        targets = [place for place in places if _TARGET.fullmatch(place)]
        if targets:
            if len(places) > 1 or (self.of_host and not targets[0].startswith("replay:")):
                raise UserError(f"{targets[0]} is a host: give it alone, or the listings of one host as files")
            return of_host(laboratory.host(self.host(targets[0]), [Firewall]))
        if self.of_host:
            raise UserError("give either files or --host")
        if not places:
            raise UserError("nothing to analyse: give files, a target (`local`, `ssh://[user@]host[:port]`) or --host")
        files = [_file(place) for place in places]
        loaded = load(files, self.format, self.groups)
        return Given(loaded.ruleset, loaded.families, (), lambda: kernel_texts(files, self.format))


# By their values: click takes an enumeration by the names of its members.
_FORMATS = click.Choice([kind.value for kind in RulesetFormat])
_OPTIONS = (
    click.option(
        "--group",
        "groups",
        multiple=True,
        metavar="ID",
        help="Security group of the network interface in question, in a file of AWS; may be repeated.",
    ),
    click.option("--store", envvar="SECAUDIT_STORE", metavar="URL", help="The store for --from-store."),
    click.option("--from-store", "stored", is_flag=True, help="Read the newest stored answers of --host."),
    click.option(
        "--inventory",
        envvar="SECAUDIT_INVENTORY",
        type=click.Path(path_type=Path),
        help="Inventory file, or a directory of them.",
    ),
    click.option("--host", "name", help="Ask this host of the inventory, as a scan would."),
    click.option(
        "--format", type=_FORMATS, default=RulesetFormat.AUTO.value, help="What the files are [default: look at them]."
    ),
)


def source_options(function: Callable[..., R]) -> Callable[..., R]:
    """`--format`, and which host to ask instead of reading files; they arrive as one `choice`."""

    @wraps(function)
    def gathered(**options: Any) -> R:
        kind = RulesetFormat(options.pop("format"))
        names = ("name", "inventory", "stored", "store", "groups")
        return function(choice=Choice(kind, *(options.pop(name) for name in names)), **options)

    decorated: Callable[..., R] = gathered
    for option in _OPTIONS:
        decorated = option(decorated)
    return decorated


def of_host(host: AskedHost) -> Given:
    """The ruleset that a host answered with."""
    found = host.facts[Firewall]
    return Given(found.ruleset, frozenset(PacketFamily), found.gaps, lambda: _texts(host.answers))


def _file(place: str) -> Path:
    path = Path(place)
    if not path.is_file():
        raise FileError(
            f"there is no file {place}; a host is written `local`, `ssh://[user@]host[:port]` or --host NAME"
        )
    return path


def _texts(answers: Mapping[Request, Answer]) -> tuple[RulesetText, ...]:
    """Listings of a host as a kernel loads them: each table once, by the tool that can load it."""
    texts: list[RulesetText] = []
    managed: set[tuple[str, str]] = set()
    for command, usual in _SAVES.items():
        text = _ended(answers, command)
        # The tool of the plain name is a front end to either part of the kernel; its first line says to which.
        syntax = usual if usual not in _LEGACY or "(nf_tables)" in text[:200] else _LEGACY[usual]
        if not text or any(before.syntax is syntax for before in texts):
            continue
        texts.append(RulesetText(syntax, text))
        family = _NF_TABLES_FAMILIES.get(syntax)
        if family is not None:
            managed |= {(family, name) for name in re.findall(r"^\*(\S+)", text, re.MULTILINE)}
    sets = _ended(answers, IPSET)
    if sets:
        texts.append(RulesetText(Syntax.IPSET, sets))
    if native := _ended(answers, NFT):
        texts.append(RulesetText(Syntax.NFT_JSON, _without(json.loads(native), managed)))
    return tuple(texts)


def _ended(answers: Mapping[Request, Answer], command: Request) -> str:
    answer = answers.get(command)
    if answer is None or answer.status is not AnswerStatus.ENDED or answer.exit != 0:
        return ""
    return answer.text if answer.text.strip() else ""


def _without(listing: Any, managed: set[tuple[str, str]]) -> str:
    """A listing of nft without the tables that iptables-restore loads."""
    kept = []
    for entry in listing["nftables"]:
        detail = next(iter(entry.values()))
        name = detail.get("name" if "table" in entry else "table")
        if (detail.get("family"), name) not in managed:
            kept.append(entry)
    return json.dumps({"nftables": kept})
