"""The ruleset that a host will have after its next start, read from what it saved, and what of it can be compared.

Tools such as Docker and fail2ban put their chains in while they run, so no saved file can hold them: these are left
out on both sides.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..readers.ipset.members import resolve_sets
from ..readers.ipset.save import read_ipset_save
from ..readers.iptables.save import read_iptables_save
from ..readers.nft.ruleset import read_nft_ruleset
from ..rules.matches import Addresses, InInterface, OutInterface, Side
from ..rules.owner import running_tool
from ..rules.ruleset import (
    Chain,
    Decision,
    Jump,
    Nat,
    NatKind,
    Origin,
    Rule,
    Ruleset,
    RulesetError,
    Table,
    TableFamily,
    Undecided,
    Unread,
)
from .files import NFTABLES, NFTABLES_FOLDERS, SavedFiles

DEPTH = 16
"""Includes within each other that nft allows (MAX_INCLUDE_DEPTH)."""

_INCLUDE = re.compile(r"\s*include\s+\"([^\"]+)\"\s*;?\s*")
_FIRST = re.compile(r"-I (\S+) (?!\d+ )(.*)")
_POLICY = re.compile(r"DEFAULT_(INPUT|FORWARD|OUTPUT)_POLICY=\"?(ACCEPT|DROP|REJECT)\"?\s*")
_ENABLED = re.compile(r"ENABLED=\"?yes\"?\s*", re.IGNORECASE)
_UFW = {
    TableFamily.IP: ("/etc/ufw/before.rules", "/etc/ufw/after.rules", "/etc/ufw/user.rules"),
    TableFamily.IP6: ("/etc/ufw/before6.rules", "/etc/ufw/after6.rules", "/etc/ufw/user6.rules"),
}
_UFW_CHAINS = ("ufw-", "ufw6-")
_BEFORE = re.compile(r"(ufw6?)-before-(input|output|forward)")
_BRIDGES = re.compile(r"docker0|docker_gwbridge|br-[0-9a-f]{12}|virbr\d+|cni0|podman\d+")


@dataclass(frozen=True, slots=True)
class Saved:
    """What was saved, laid beside the running ruleset; `open` says why something of it cannot be compared.

    `files` are those that were read; none means that nothing is known to be loaded at the next start.
    """

    ruleset: Ruleset
    files: tuple[str, ...]
    open: tuple[str, ...]


def read_saved(saved: SavedFiles, running: Ruleset) -> Saved:
    """The ruleset that the enabled services load. `running` lends what ufw makes anew without a file, its frame."""
    reading = _Reading(saved)
    if "nftables" in saved.enabled:
        reading.nftables()
    if "netfilter-persistent" in saved.enabled:
        for family, path in ((TableFamily.IP, "/etc/iptables/rules.v4"), (TableFamily.IP6, "/etc/iptables/rules.v6")):
            reading.iptables(path, family)
    for unit, family, paths in (
        ("iptables", TableFamily.IP, ("/etc/sysconfig/iptables", "/etc/iptables/iptables.rules")),
        ("ip6tables", TableFamily.IP6, ("/etc/sysconfig/ip6tables", "/etc/iptables/ip6tables.rules")),
    ):
        for path in paths if unit in saved.enabled else ():
            reading.iptables(path, family)
    if "ufw" in saved.enabled:
        reading.ufw(running)
    if "firewalld" in saved.enabled:
        reading.open.append("firewalld makes its rules out of zones, which are not compared")
    sets = saved.text("/etc/iptables/ipsets")
    found = Ruleset(tuple(reading.tables.values()), tuple(reading.unread))
    if sets is not None:
        found = resolve_sets(found, read_ipset_save(sets, "/etc/iptables/ipsets"))
    return Saved(found, tuple(reading.files), tuple(reading.open))


@dataclass(slots=True)
class _Reading:
    saved: SavedFiles
    tables: dict[str, Table] = field(default_factory=dict)
    unread: list[Unread] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def nftables(self) -> None:
        path = next((path for path in NFTABLES if self.saved.text(path) is not None), None)
        if path is None:
            return
        lines = list(self._spliced(path, 0))
        try:
            found = read_nft_ruleset("\n".join((*(text for _, text in lines), "")), path)
        except RulesetError:
            self.files.append(path)
            return
        self._take(path, _relocated(found, [origin for origin, _ in lines]))

    def _spliced(self, path: str, depth: int) -> Iterator[tuple[tuple[str, int], str]]:
        """The lines of a file, those of the files that it includes in their places, each with its origin."""
        for number, line in enumerate(self.saved.files[path], 1):
            found = _INCLUDE.fullmatch(line)
            if found is None:
                yield (path, number), line
                continue
            pattern = found[1] if found[1].startswith("/") else f"/etc/{found[1]}"
            folder = pattern.rpartition("/")[0]
            names = self.saved.matching(pattern)
            if depth >= DEPTH or not (names or (folder in NFTABLES_FOLDERS and re.search(r"[*?\[]", pattern))):
                self.unread.append(Unread(Origin(path, number, line), "includes what was not read"))
            for name in names if depth < DEPTH else ():
                yield from self._spliced(name, depth + 1)

    def iptables(self, path: str, family: TableFamily) -> None:
        text = self.saved.text(path)
        if text is not None:
            self._take(path, read_iptables_save(text, family, path))

    def _take(self, path: str, found: Ruleset) -> None:
        self.files.append(path)
        self.unread += found.unread
        for table in found.tables:
            if table.label in self.tables:
                self.open.append(f"{path}: the table {table.label} is loaded from another file, too")
            self.tables[table.label] = table

    def ufw(self, running: Ruleset) -> None:
        """ufw makes a frame of chains and puts in those of its files, so the frame of the running ruleset is taken."""
        settings = self.saved.files.get("/etc/default/ufw", ())
        if not any(
            re.fullmatch(r"ENABLED=\"?yes\"?\s*", line) for line in self.saved.files.get("/etc/ufw/ufw.conf", ())
        ):
            return
        policies = {found[1]: found[2] for line in settings if (found := _POLICY.fullmatch(line))}
        modern = any(re.fullmatch(r"IPV6=\"?yes\"?\s*", line) for line in settings)
        for family, paths in _UFW.items():
            if family is TableFamily.IP6 and not modern:
                continue
            for path in paths:
                text = self.saved.text(path)
                if text is None:
                    self.open.append(f"{path} could not be read")
                    continue
                read = read_iptables_save(_inserted_first(text), family, path)
                self.files.append(path)
                self.unread += read.unread
                for table in read.tables:
                    self._lay_over(table, running, policies)

    def _lay_over(self, table: Table, running: Ruleset, policies: Mapping[str, str]) -> None:
        """Put the chains of a file into the table that is saved so far, or else into the frame."""
        frame = self.tables.get(table.label)
        if frame is None:
            lent = next((at for at in running.tables if at.label == table.label), None)
            frame = _frame(lent, policies) if lent is not None else replace(table, chains=())
        chains = {chain.name: chain for chain in frame.chains}
        names = chains.keys() | {chain.name for chain in table.chains}
        for chain in (_leading(chain, names) for chain in table.chains):
            before = chains.get(chain.name)
            if chain.base is None or chain.rules:
                base = before.base if before is not None else chain.base
                chains[chain.name] = replace(chain, base=base, rules=(*chain.rules, *_appended(chain)))
        self.tables[table.label] = replace(frame, chains=tuple(chains.values()))


def _frame(table: Table, policies: Mapping[str, str]) -> Table:
    """The chains that ufw makes without a file, and in the base chains only what leads to chains of ufw."""
    chains = tuple(
        replace(
            _with_policy(chain, policies),
            rules=tuple(rule for rule in chain.rules if chain.base is None or _leads_to_ufw(rule)),
        )
        for chain in table.chains
        if chain.base is not None or chain.name.startswith(_UFW_CHAINS)
    )
    return replace(table, chains=chains)


def _leads_to_ufw(rule: Rule) -> bool:
    return isinstance(rule.verdict, Jump) and rule.verdict.chain.startswith(_UFW_CHAINS)


def _appended(chain: Chain) -> tuple[Rule, ...]:
    """What ufw appends to the chains of its files: `ufw-before-input` goes on in `ufw-user-input`."""
    found = _BEFORE.fullmatch(chain.name)
    if found is None:
        return ()
    target = f"{found[1]}-user-{found[2]}"
    return (Rule(f"-j {target}", (), Jump(target), chain.origin),)


def _leading(chain: Chain, names: Collection[str]) -> Chain:
    """The chain with jumps to chains of other files, which its own file does not declare."""
    return replace(chain, rules=tuple(_led(rule, names) for rule in chain.rules))


def _led(rule: Rule, names: Collection[str]) -> Rule:
    words = rule.verdict.text.split() if isinstance(rule.verdict, Undecided) else []
    if len(words) != 2 or words[0] not in ("-j", "-g") or words[1] not in names:
        return rule
    return replace(rule, verdict=Jump(words[1], goto=words[0] == "-g"))


def _with_policy(chain: Chain, policies: Mapping[str, str]) -> Chain:
    wanted = policies.get(chain.name)
    if chain.base is None or chain.base.type != "filter" or wanted is None:
        return chain
    # ufw refuses by a last rule of its frame and drops by policy.
    policy = Decision.ACCEPT if wanted == "ACCEPT" else Decision.DROP
    return replace(chain, base=replace(chain.base, policy=policy))


def _inserted_first(text: str) -> str:
    """Lines that insert a rule at the head of a chain, in the order in which the rules then stand."""
    heads = [line for line in text.split("\n") if _FIRST.fullmatch(line)]
    if not heads:
        return text
    rest = [line for line in text.split("\n") if not _FIRST.fullmatch(line)]
    first = next((at for at, line in enumerate(rest) if line.startswith("-A ")), len(rest))
    return "\n".join([*rest[:first], *(_FIRST.sub(r"-A \1 \2", line) for line in reversed(heads)), *rest[first:]])


def _relocated(ruleset: Ruleset, lines: Sequence[tuple[str, int]]) -> Ruleset:
    """The ruleset with origins in the files that were put together."""

    def origin(found: Origin) -> Origin:
        path, number = lines[min(found.line, len(lines)) - 1]
        return replace(found, source=path, line=number)

    tables = tuple(
        replace(
            table,
            chains=tuple(
                replace(
                    chain,
                    origin=origin(chain.origin),
                    rules=tuple(replace(rule, origin=origin(rule.origin)) for rule in chain.rules),
                )
                for chain in table.chains
            ),
        )
        for table in ruleset.tables
    )
    unread = tuple(replace(entry, origin=origin(entry.origin)) for entry in ruleset.unread)
    return replace(ruleset, tables=tables, unread=unread)


def without_tools(ruleset: Ruleset) -> Ruleset:
    """The ruleset without what tools put in while they run: their tables and chains, and the rules that lead there."""
    tables = tuple(_own(table) for table in ruleset.tables if not running_tool(table.label))
    return replace(ruleset, tables=tables)


def _own(table: Table) -> Table:
    chains = tuple(
        replace(chain, rules=tuple(rule for rule in chain.rules if not _of_tool(rule)))
        for chain in table.chains
        if not running_tool(chain.name)
    )
    return replace(table, chains=chains)


def _of_tool(rule: Rule) -> bool:
    if isinstance(rule.verdict, Jump) and running_tool(rule.verdict.chain):
        return True
    names = [name for at in rule.matches if isinstance(at, InInterface | OutInterface) for name in at.names]
    return any(_BRIDGES.fullmatch(name) for name in names) or _is_hairpin(rule)


def _is_hairpin(rule: Rule) -> bool:
    """Docker masquerades what a container sends to itself over the host's address."""
    ends = {match.side: match.ranges for match in rule.matches if isinstance(match, Addresses) and not match.negated}
    masquerades = any(isinstance(part, Nat) and part.kind is NatKind.MASQUERADE for part in rule.statements)
    return masquerades and len(ends) == 2 and ends[Side.SOURCE] == ends[Side.DESTINATION]


def with_docker_policy(saved: Ruleset, running: Ruleset) -> Ruleset:
    """The saved ruleset with the policy of the forward chain that Docker sets when it starts."""
    policies = {
        table.label: chain.base.policy
        for table in running.tables
        if any(chain.name.startswith("DOCKER") for chain in table.chains)
        for chain in table.chains
        if chain.name == "FORWARD" and chain.base is not None
    }

    def changed(table: Table, chain: Chain) -> Chain:
        if table.label not in policies or chain.name != "FORWARD" or chain.base is None:
            return chain
        return replace(chain, base=replace(chain.base, policy=policies[table.label]))

    tables = tuple(
        replace(table, chains=tuple(changed(table, chain) for chain in table.chains)) for table in saved.tables
    )
    return replace(saved, tables=tables)
