"""Reader for rulesets in the syntax of nft(8): what `nft list ruleset` prints, and files such as /etc/nftables.conf.

The text becomes the objects of libnftables-json(5), which `listing` gives their meaning. nft shows less in text than
in JSON (no handles), and adds up what a file says in several places; so does this reader for tables and chains.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from ...rules.matches import NotUnderstoodError
from ...rules.ruleset import Origin, Ruleset, RulesetError, TableFamily, Unread
from .expressions import read_rule
from .listing import read_objects
from .values import Json, elements
from .words import Cursor, Word, read_words, shown, with_definitions

_FAMILIES = frozenset(TableFamily)
_NESTED = 16
"""Jumps in jumps that the kernel allows (NFT_JUMP_STACK_SIZE)."""
# Named priorities of nft(8); those of bridge have values of their own.
_PRIORITIES = {"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100}
_BRIDGE_PRIORITIES = {"dstnat": -300, "filter": -200, "out": 100, "srcnat": 300}
# What a set says about itself beside its type, flags and elements, by whether it decides who is in it.
_SET_OPTIONS = frozenset({"auto-merge", "comment", "counter", "gc-interval", "policy", "size"})


def read_nft_ruleset(text: str, source: str) -> Ruleset:
    """Read tables, chains, sets and maps; `source` is what origins name.

    Raises `RulesetError` when there is no table. What is not understood inside a rule becomes part of that rule; any
    other statement is listed in `unread`: `include`, commands that add or remove single things, objects that are not
    modelled.
    """
    reader = _Reader(source)
    words = list(read_words(text))
    reader.read(Cursor(words))
    braces = [word.text for word in words if not word.quoted]
    if braces.count("{") != braces.count("}"):
        last = max(word.line for word in words if word.text != "\n")
        reader.unread.append(Unread(Origin(source, last, ""), "braces are not in pairs"))
    if not reader.tables:
        raise RulesetError("holds no table in the syntax of nft")
    found = read_objects(reader.objects)
    return Ruleset(found.tables, (*found.unread, *reader.unread))


class UnnamedChains:
    """The chains without a name in statements that are given as text, as chains of their tables: `objects`."""

    def __init__(self, source: str) -> None:
        self._reader = _Reader(source)

    @property
    def objects(self) -> Sequence[tuple[Origin, Json]]:
        """The chains found so far and their rules, as libnftables-json(5) has them."""
        return self._reader.objects

    @property
    def unread(self) -> Sequence[Unread]:
        """What in them is not understood and belongs to no rule."""
        return self._reader.unread

    def statements(self, text: str, family: str, table: str) -> list[Json]:
        """The statements that a text stands for; what is not understood is one that says so."""
        words = list(read_words(text))
        with suppress(NotUnderstoodError):
            words = self._reader.lifted(words, {"family": family, "table": table})
        return read_rule(words)[0]


@dataclass(slots=True)
class _Reader:
    source: str
    objects: list[tuple[Origin, Json]] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    tables: dict[tuple[str, str], dict[str, Json]] = field(default_factory=dict)
    chains: set[tuple[str, str, str]] = field(default_factory=set)
    sets: set[tuple[str, str, str]] = field(default_factory=set)
    definitions: dict[str, Sequence[Word]] = field(default_factory=dict)
    unnamed: int = 0

    def read(self, cursor: Cursor) -> None:
        """Take in a whole file."""
        while not cursor.done:
            cursor.skip_ends()
            start = cursor.at
            head = cursor.head()
            names = [word.text for word in head]
            if names[:1] == ["add"]:
                names, head = names[1:], head[1:]
            match names:
                case ["table", str(family), str(name)] if family in _FAMILIES:
                    self._table(family, name, head, cursor)
                case ["table", str(name)]:
                    self._table(TableFamily.IP, name, head, cursor)
                case ["define", str(name), "=", *_]:
                    self._define(name, [*head, *cursor.statement()])
                case ["flush", "ruleset"] | ["flush" | "delete" | "destroy", "table", *_] if not self.chains:
                    cursor.statement()
                case []:
                    if cursor.peek() in ("{", "}"):
                        self._list([cursor.take()], "stands in no table")
                case _:
                    cursor.statement()
                    self._list(cursor.between(start), "is a command that is not modelled")

    def _list(self, words: Sequence[Word], why: str) -> None:
        self.unread.append(Unread(self._origin(words), why))

    def _origin(self, words: Sequence[Word]) -> Origin:
        return Origin(self.source, next((word.line for word in words if word.text != "\n"), 1), shown(words))

    def _define(self, name: str, words: list[Word]) -> None:
        try:
            meant = with_definitions(words[3:], self.definitions)
        except NotUnderstoodError as error:
            self._list(words, str(error))
            return
        if name in self.definitions:
            self._list(words, "is defined a second time")
        self.definitions[name] = meant

    def _table(self, family: str, name: str, head: list[Word], cursor: Cursor) -> None:
        table = self.tables.get((family, name))
        if table is None:
            table = self.tables[family, name] = {"family": family, "name": name}
            self.objects.append((self._origin(head), {"table": table}))
        if cursor.peek() != "{":
            return
        body = cursor.block()
        while not body.done:
            body.skip_ends()
            head = body.head()
            names = [word.text for word in head]
            if body.peek() == "{" and head and names[0] != "flags":
                self._block({"family": family, "table": name, "name": names[-1]}, head, body.block())
                continue
            words = body.statement()
            match names:
                case ["flags", *flags]:
                    table["flags"] = [flag for flag in (*flags, *(word.text for word in words)) if flag != ","]
                case ["comment", _]:
                    pass
                case []:
                    if body.peek() == "}":
                        words = [body.take()]
                    if words:
                        self._list(words, "stands where no statement should")
                case _:
                    self._list(head, "is not modelled in a table")

    def _block(self, named: dict[str, Json], head: list[Word], body: Cursor) -> None:
        match [word.text for word in head]:
            case ["chain", _]:
                self._chain(named, head, body)
            case ["set" | "map" as kind, name]:
                if (named["family"], named["table"], name) in self.sets:
                    self._list(head, "describes a set a second time")
                self.sets.add((named["family"], named["table"], name))
                try:
                    self.objects.append((self._origin(head), {kind: named | self._set(body)}))
                except NotUnderstoodError as error:
                    self._list(head, str(error))
            case [*kind, _]:
                self.objects.append((self._origin(head), {" ".join(kind): named}))

    def _chain(self, named: dict[str, Json], head: list[Word], body: Cursor, depth: int = 0) -> None:
        family, table, name = named["family"], named["table"], named["name"]
        again = (family, table, name) in self.chains
        self.chains.add((family, table, name))
        chain = dict(named)
        rules: list[tuple[Origin, Json]] = []
        while not body.done:
            body.skip_ends()
            words = body.statement()
            if not words:
                if body.peek() == "}":
                    self._list([body.take()], "stands where no rule should")
                continue
            texts = [word.text for word in words]
            if words[0].text in ("type", "policy"):
                try:
                    chain |= self._base(texts, family)
                except NotUnderstoodError as error:
                    self._list(words, str(error))
            elif texts[0] != "comment" or len(texts) != 2:
                try:
                    lifted = self.lifted(words, named, depth)
                except NotUnderstoodError as error:
                    self._list(words, str(error))
                    continue
                rules.append((self._origin(words), {"rule": self._rule(lifted, family, table, name)}))
        if not again or "hook" in chain or "policy" in chain:
            if again:
                self._list(head, "describes a chain a second time")
            else:
                self.objects.append((self._origin(head), {"chain": chain}))
        self.objects += rules

    def lifted(self, words: Sequence[Word], named: dict[str, Json], depth: int = 0) -> list[Word]:
        """A rule whose `jump { … }` leads to a chain by name, as in the kernel, which makes one for each such block.

        The block becomes a chain of the table. Raises `NotUnderstoodError` for blocks in blocks beyond what jumps may
        nest.
        """
        cursor = Cursor(words)
        found: list[Word] = []
        while not cursor.done:
            word = cursor.take()
            found.append(word)
            if word.quoted or word.text not in ("jump", "goto") or cursor.peek() != "{":
                continue
            if depth >= _NESTED:
                raise NotUnderstoodError("chains without a name are nested too deeply")
            self.unnamed += 1
            name = f"__chain{self.unnamed}"
            self._chain(
                {**named, "name": name}, [Word("chain", word.line), Word(name, word.line)], cursor.block(), depth + 1
            )
            found.append(Word(name, word.line))
        return found

    def _rule(self, words: Sequence[Word], family: str, table: str, name: str) -> Json:
        # A name that is not defined is no value either: the rule says that it is not understood.
        with suppress(NotUnderstoodError):
            words = with_definitions(words, self.definitions)
        expressions, comment = read_rule(words)
        found = {"family": family, "table": table, "chain": name, "expr": expressions}
        return found | ({"comment": comment} if comment else {})

    def _base(self, words: Sequence[str], family: str) -> dict[str, Json]:
        """`type filter hook input device eth0 priority filter + 5` or `policy drop`."""
        match words:
            case ["policy", policy]:
                return {"policy": policy}
            case ["type", kind, "hook", hook, *devices, "priority", priority]:
                found = {"type": kind, "hook": hook, "prio": _priority([priority], family)}
            case ["type", kind, "hook", hook, *devices, "priority", name, "+" | "-" as sign, number]:
                found = {"type": kind, "hook": hook, "prio": _priority([name, sign, number], family)}
            case _:
                raise NotUnderstoodError("is not a description of a chain")
        names = [word for word in devices if word not in ("device", "devices", "=", "{", "}", ",")]
        return found | ({"dev": names} if names else {})

    def _set(self, body: Cursor) -> dict[str, Json]:
        found: dict[str, Json] = {"flags": []}
        listed: list[Word] = []
        while not body.done:
            body.skip_ends()
            words = body.statement()
            match [word.text for word in words]:
                case []:
                    if not body.done:
                        raise NotUnderstoodError("has a brace in the wrong place")
                case ["type", *parts]:
                    kinds = parts[: parts.index(":")] if ":" in parts else parts
                    found["type"] = [part for part in kinds if part != "."]
                case ["typeof", *parts]:
                    found["type"] = [" ".join(parts)]
                case ["flags", *flags]:
                    found["flags"] += [flag for flag in flags if flag != ","]
                case ["timeout", *_]:
                    found["flags"].append("timeout")
                case ["elements", "=", *_] if not listed:
                    listed = with_definitions(words[2:], self.definitions)
                case [option, *_] if option in _SET_OPTIONS:
                    pass
                case _:
                    raise NotUnderstoodError(f"has a field that is not modelled: {shown(words)}")
        if "type" not in found:
            raise NotUnderstoodError("is a set without a type")
        return found | ({"elem": _elements(listed, found["type"])} if listed else {})


def _elements(listed: Sequence[Word], kinds: Sequence[str]) -> list[Json]:
    """The elements of a set whose key has parts of these types."""
    cursor = Cursor(listed)
    ports = tuple("inet_service" in kind or kind.endswith("port") for kind in kinds)
    found = elements(cursor, ports)
    if not cursor.done:
        raise NotUnderstoodError("has something behind its elements")
    return found


def _priority(words: Sequence[str], family: str) -> int:
    """`-150`, `filter`, `filter + 5`. Raises `NotUnderstoodError` for a name that the family does not have."""
    names = _BRIDGE_PRIORITIES if family == TableFamily.BRIDGE else _PRIORITIES
    try:
        first = names[words[0]] if words[0] in names else int(words[0][:12])
        more = int(words[2][:12]) if len(words) > 1 else 0
    except ValueError as error:
        raise NotUnderstoodError(f"priority {' '.join(words)} is not understood") from error
    return first - more if len(words) > 1 and words[1] == "-" else first + more
