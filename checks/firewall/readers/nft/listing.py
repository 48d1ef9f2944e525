"""Tables, chains, sets and rules from the objects of libnftables-json(5), whatever they were read from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...rules.matches import Match, NotUnderstoodError, SetMembership, Sometimes, Unmodelled
from ...rules.ruleset import (
    Backend,
    Base,
    Branch,
    Chain,
    Counter,
    Decision,
    Effect,
    Hook,
    Jump,
    Log,
    NamedSet,
    Nat,
    NatKind,
    Origin,
    Rewrite,
    Rule,
    Ruleset,
    SetMark,
    Statement,
    Table,
    TableFamily,
    Undecided,
    Unread,
    Untrack,
    Verdict,
    VerdictMap,
)
from .matches import Elements, implied, implied_by_change, implied_by_reject, key_conditions, read_match, values
from .statements import field_written, mark_set, nat_written
from .text import expression_text, nat_target, rule_text, tagged

EXTENSION = "xt"
"""How nft calls an extension of iptables; the text of such a statement begins with it."""

NOT_UNDERSTOOD = "not understood"
"""The kind of a statement that stands for text in no known syntax; its detail has the `text` and says `why`."""

# Objects that rules refer to and that decide nothing by themselves.
_OBJECTS = frozenset(
    {"metainfo", "counter", "quota", "limit", "ct helper", "ct timeout", "ct expectation", "secmark", "synproxy"}
    | {"flowtable"}
)


@dataclass(slots=True)
class _Chain:
    name: str
    base: Base | None
    origin: Origin
    rules: list[Rule] = field(default_factory=list)


@dataclass(slots=True)
class _Table:
    """A table while it is being read."""

    family: TableFamily
    name: str
    dormant: bool
    chains: dict[str, _Chain] = field(default_factory=dict)
    sets: list[NamedSet] = field(default_factory=list)
    elements: dict[str, Sequence[Any]] = field(default_factory=dict)


def read_objects(objects: Iterable[tuple[Origin, Any]]) -> Ruleset:
    """Read the objects of a listing (`table`, `chain`, `set`, `map`, `rule`, …), each with where it stands."""
    tables: dict[tuple[str, str], _Table] = {}
    unread: list[Unread] = []
    # nft lists a table's chains and sets before its rules, but not every set before the rules of the table before it.
    later: list[tuple[Origin, Any]] = []
    for origin, entry in objects:
        match tagged(entry):
            case "rule", detail:
                later.append((origin, detail))
                why = ""
            case "table", {"family": str(family), "name": str(name)} as detail if family in list(TableFamily):
                flags = _table_flags(detail)
                tables[family, name] = _Table(TableFamily(family), name, dormant=not flags <= _AWAKE)
                why = "" if flags <= _TABLE_FLAGS else "has flags that are not understood, and may be dormant"
            case "chain", detail:
                why = _read_chain(detail, tables, origin)
            case "set" | "map", detail:
                why = _read_set(detail, tables)
            case kind, _ if kind in _OBJECTS:
                why = ""
            case _:
                why = "object is not modelled"
        if why:
            unread.append(Unread(origin, why))
    for origin, detail in later:
        why = _read_rule(detail, tables, origin)
        if why:
            unread.append(Unread(origin, why))
    return Ruleset(tuple(_finish(table) for table in tables.values()), tuple(unread))


_AWAKE = frozenset({"owner", "persist"})
_TABLE_FLAGS = _AWAKE | {"dormant"}


def _table_flags(detail: Any) -> frozenset[str]:
    """Flags of a table. nft 1.0.6 lists the table's name in their place, so any other word may mean `dormant`."""
    return frozenset(_words(detail.get("flags")))


def _words(value: Any) -> tuple[str, ...]:
    """One word or a list of them; nft writes both."""
    if value is None:
        return ()
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _finish(table: _Table) -> Table:
    chains = tuple(Chain(chain.name, chain.base, tuple(chain.rules), chain.origin) for chain in table.chains.values())
    return Table(table.family, table.name, Backend.NF_TABLES, chains, tuple(table.sets), table.dormant)


def _table_of(detail: Any, tables: Mapping[tuple[str, str], _Table]) -> _Table | None:
    match detail:
        case {"family": str(family), "table": str(name)}:
            return tables.get((family, name))
    return None


def _read_chain(detail: Any, tables: Mapping[tuple[str, str], _Table], origin: Origin) -> str:
    table = _table_of(detail, tables)
    match detail:
        case {"name": str(name)} if table is not None:
            try:
                base = _base(detail) if "hook" in detail else None
            except NotUnderstoodError as error:
                return str(error)
            table.chains[name] = _Chain(name, base, origin)
            return ""
    return "is a chain of a table that is not listed"


def _base(detail: Any) -> Base:
    match detail:
        case {"hook": str(hook), "prio": int(priority), "type": str(kind)} if hook in list(Hook):
            policy = detail.get("policy", "accept")
            if policy not in ("accept", "drop"):
                raise NotUnderstoodError("policy of the chain is not understood")
            return Base(Hook(hook), priority, kind, Decision(policy), _words(detail.get("dev")))
    raise NotUnderstoodError("hook, priority or type of the chain are not understood")


def _read_set(detail: Any, tables: Mapping[tuple[str, str], _Table]) -> str:
    table = _table_of(detail, tables)
    match detail:
        case {"name": str(name), "type": kind} if table is not None:
            elements = detail.get("elem", [])
            if not isinstance(elements, list):
                return "elements of the set are not understood"
            dynamic = not {"dynamic", "timeout"}.isdisjoint(_words(detail.get("flags")))
            shown = tuple(expression_text(part[0] if isinstance(part, list) and part else part) for part in elements)
            table.sets.append(NamedSet(name, _words(kind), shown, dynamic))
            table.elements[name] = elements
            return ""
    return "is a set of a table that is not listed"


def _read_rule(detail: Any, tables: Mapping[tuple[str, str], _Table], origin: Origin) -> str:
    table = _table_of(detail, tables)
    match detail:
        case {"chain": str(name), "expr": [*expressions]} if table is not None and name in table.chains:
            comment = str(detail.get("comment") or "")
            handle = detail.get("handle")
            parts = _Parts()
            for expression in expressions:
                parts.take(expression, table)
            rule = Rule(
                text=rule_text(expressions, comment),
                matches=tuple(parts.matches),
                verdict=parts.final,
                origin=origin,
                statements=tuple(parts.statements),
                counter=parts.counter,
                comment=comment,
                handle=handle if isinstance(handle, int) else None,
                answer=parts.answer,
                first=parts.first,
            )
            table.chains[name].rules.append(rule)
            return ""
    return "is a rule of a chain that is not listed"


@dataclass(slots=True)
class _Parts:
    """A rule while its statements are read one after the other."""

    matches: list[Match] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    verdict: Verdict | None = None
    counter: Counter | None = None
    answer: str | None = ""
    changes: bool = False
    """Whether a statement so far has changed what conditions ask for."""
    first: int | None = None
    """How many conditions there were before the change, when others follow it."""
    opaque: str = ""
    """The first statement that may have ended the packet's way without our knowledge."""

    @property
    def final(self) -> Verdict | None:
        return Undecided(self.opaque) if self.opaque else self.verdict

    def take(self, expression: Any, table: _Table) -> None:
        """Add one statement; one that is not understood makes the rule's conditions and verdict unknown."""
        try:
            match tagged(expression):
                case kind, {"why": str(why)} if kind == NOT_UNDERSTOOD:
                    raise NotUnderstoodError(why)
            if not self._ended(expression, table):
                self._take(expression, table)
        except NotUnderstoodError as error:
            text = rule_text([expression])
            self.matches.append(Unmodelled(text, str(error)))
            self.opaque = self.opaque or text

    def _ended(self, expression: Any, table: _Table) -> bool:
        """Whether no packet comes to a statement, which stands behind a verdict.

        A verdict map without an element for a packet ends the rule for it, as one with a verdict does; only `continue`
        leads on (nft_lookup_eval in net/netfilter/nft_lookup.c, nft_do_chain in nf_tables_core.c).
        """
        if self.verdict is None or self.opaque or tagged(expression)[0] == "counter":
            return False
        if not isinstance(self.verdict, VerdictMap):
            return True
        going_on = [branch for branch in self.verdict.branches if branch.verdict is None]
        if not going_on:
            return True
        behind = _verdict(expression, table)
        if isinstance(behind, Undecided):
            raise NotUnderstoodError("what follows a verdict map with `continue` is not modelled")
        self.verdict = VerdictMap(
            tuple(replace(branch, verdict=branch.verdict or behind) for branch in self.verdict.branches)
        )
        return True

    def _ask(self, conditions: Iterable[Match]) -> None:
        """Add conditions; those behind a change are asked of the changed packet."""
        for match in conditions:
            if self.changes and self.first is None:
                self.first = len(self.matches)
            # One that was asked before may hold no longer.
            if match not in self.matches or self.changes:
                self.matches.append(match)

    def _take(self, expression: Any, table: _Table) -> None:
        match tagged(expression):
            case "match", detail:
                self._ask(read_match(detail, table.family, table.elements))
            case "vmap", {"key": key, "data": data}:
                self._ask(implied(key, table.family))
                self.verdict = VerdictMap(_branches(key, data, table))
            case "counter", {"packets": int(packets), "bytes": int(size)}:
                self.counter = Counter(packets, size)
            case (("limit" | "quota" | "ct count" as kind), _):
                self._ask([Sometimes(kind, rule_text([expression]))])
            case "set" | "map", {"stmt": [_, *_]}:
                self._ask([Sometimes("set", rule_text([expression]))])
            case "log", detail:
                prefix = detail.get("prefix", "") if isinstance(detail, dict) else ""
                self.statements.append(Log(str(prefix)))
            case "reject", detail:
                self._ask(implied_by_reject(detail, table.family))
                self.answer = rule_text([{"reject": detail}])
                self.verdict = Decision.REJECT
            case "xt", detail:
                self._take_xt(detail)
            case (("snat" | "dnat" | "masquerade" | "redirect" | "notrack" | "mangle"), _):
                self._take_change(expression, table)
            case kind, _ if kind in _EFFECTS:
                self.statements.append(Effect(rule_text([expression])))
            case _:
                self.verdict = _verdict(expression, table)
                if isinstance(self.verdict, Undecided):
                    self.opaque = self.opaque or self.verdict.text

    def _take_change(self, expression: Any, table: _Table) -> None:
        """A statement that changes the packet or what is known about it.

        A packet that lacks the header it changes, or for which a map in it has no element, leaves the rule there
        (nft(8), "Maps").
        """
        text = rule_text([expression])
        self._ask(implied_by_change(expression, table.family))
        if _has_map(expression):
            self.matches.append(SetMembership(text, (), why="which packets the map has an element for is not modelled"))
        match tagged(expression):
            case (("snat" | "dnat" | "masquerade" | "redirect" as kind), detail):
                target = nat_target(detail) if isinstance(detail, dict) else ""
                self.statements.append(Nat(NatKind(kind), target, nat_written(detail)))
                self.verdict = Decision.ACCEPT
            case "notrack", _:
                self.statements.append(Untrack(text))
            case "mangle", {"key": {"meta": {"key": "mark"}} | {"ct": {"key": "mark"}} as key, "value": new}:
                self.statements.append(mark_set(text, key, new))
            case "mangle", {"key": {"payload": {"protocol": str(protocol), "field": str(name)}}, "value": new}:
                self.statements.append(field_written(text, protocol, name, new))
            case "mangle", {"key": {"payload": _}}:
                raise NotUnderstoodError("which field of the packet is overwritten is not known")
            case _:
                self.statements.append(Effect(text))
        if isinstance(self.statements[-1], SetMark | Untrack | Rewrite):
            if self.first is not None:
                raise NotUnderstoodError("changes before and behind a condition of the same rule are not modelled")
            self.changes = True

    def _take_xt(self, detail: Any) -> None:
        """An extension of iptables: nft lists its name only, and before version 1.0 not even that."""
        text = rule_text([{EXTENSION: detail}])
        match detail:
            case {"type": "match", "name": "comment"} | {"type": "watcher"}:
                return
            case {"type": "match"}:
                self.matches.append(Unmodelled(text, "nft does not show the parameters of iptables extensions"))
            case {"type": "target", "name": "REJECT"}:
                self.answer = None
                self.verdict = Decision.REJECT
            case {"type": "target", "name": "LOG" | "NFLOG"}:
                self.statements.append(Log(""))
            case {"type": "target", "name": str(name)} if name in _XT_NAT:
                self.statements.append(Nat(_XT_NAT[name], ""))
                self.verdict = Decision.ACCEPT
            case {"type": "target", "name": "MARK" | "CONNMARK" as name}:
                # CONNMARK may also restore the packet's mark from the connection's.
                self.statements += [SetMark(text, None, connection) for connection in {False, name == "CONNMARK"}]
            case {"type": "target", "name": "CT"}:
                self.statements.append(Untrack(text, certain=False))
            case {"type": "target", "name": str(name)} if name in _XT_EFFECTS:
                self.statements.append(Effect(text))
            case _:
                self.matches.append(Unmodelled(text, "nft does not show this iptables extension"))
                self.opaque = text


_DEPTH = 16


def _has_map(value: Any, depth: int = 0) -> bool:
    """Whether an expression looks something up in a map; one that nests too deeply is taken to."""
    if depth > _DEPTH:
        return True
    match value:
        case {"map": _}:
            return True
        case dict():
            return any(_has_map(part, depth + 1) for part in value.values())
        case list():
            return any(_has_map(part, depth + 1) for part in value)
    return False


_EFFECTS = frozenset(
    {"counter", "ct helper", "ct timeout", "ct expectation", "set", "map", "dup", "flow", "tproxy"} | {"secmark"}
)
_XT_NAT = {
    "DNAT": NatKind.DESTINATION,
    "SNAT": NatKind.SOURCE,
    "MASQUERADE": NatKind.MASQUERADE,
    "REDIRECT": NatKind.REDIRECT,
}
_XT_EFFECTS = frozenset({"CHECKSUM", "CLASSIFY", "DSCP", "HL", "SET", "TCPMSS", "TOS", "TTL"})


def _branches(key: Any, data: Any, table: _Table) -> tuple[Branch, ...]:
    branches: list[Branch] = []
    fallback: list[Branch] = []
    for element in _map_elements(data, table.elements):
        match element:
            case [value, verdict]:
                branch = Branch(key_conditions(key, value), _verdict(verdict, table))
                (branches if branch.matches else fallback).append(branch)
            case _:
                raise NotUnderstoodError("element of the verdict map is not understood")
    return (*branches, *fallback)


def _map_elements(data: Any, elements: Elements) -> list[Any]:
    match data:
        case {"set": [*pairs]}:
            return pairs
    return values(data, elements)


def _verdict(expression: Any, table: _Table) -> Verdict | None:
    match tagged(expression):
        case (("accept" | "drop" | "return" as kind), None):
            return Decision(kind)
        case "continue", None:
            return None
        case (("jump" | "goto" as kind), {"target": str(target)}) if target in table.chains:
            return Jump(target, goto=kind == "goto")
    return Undecided(rule_text([expression]))
