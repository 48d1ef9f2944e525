"""Rules in the syntax of nft(8) as the statements of libnftables-json(5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ...rules.matches import NotUnderstoodError
from .listing import NOT_UNDERSTOOD
from .text import tagged
from .values import VERDICTS, Json, concatenation, elements, value, verdict
from .words import Cursor, Word, shown

_PAYLOADS = frozenset(
    {"ah", "arp", "comp", "dccp", "esp", "ether", "icmp", "icmpv6", "igmp", "ip", "ip6", "sctp", "tcp", "th", "udp"}
    | {"udplite", "vlan"}
)
_EXTENSION_HEADERS = frozenset({"dst", "frag", "hbh", "mh", "rt"})
_BARE_META = frozenset(
    {"cgroup", "cpu", "iif", "iifgroup", "iifname", "iiftype", "l4proto", "mark", "nfproto", "oif", "oifgroup"}
    | {"oifname", "oiftype", "pkttype", "protocol", "rtclassid", "skgid", "skuid"}
)
_OPERATORS = {"==": "==", "eq": "==", "!=": "!=", "ne": "!=", "<": "<", "lt": "<", ">": ">", "gt": ">"} | {
    "<=": "<=", "le": "<=", ">=": ">=", "ge": ">=", "!": "!",
}  # fmt: skip
_BITWISE = {"&": "&", "and": "&", "|": "|", "or": "|", "^": "^", "xor": "^"}
_NAT_FLAGS = frozenset({"fully-random", "persistent", "random"})
_PORT = re.compile(r"(?P<address>.*?):(?P<ports>\d{1,5}(?:-\d{1,5})?)", re.ASCII)


def read_rule(words: Sequence[Word]) -> tuple[list[Json], str]:
    """The statements of a rule and its comment.

    Never raises for its input: from the first statement on that is not understood, the rest of the rule becomes one
    statement of the kind `NOT_UNDERSTOOD`.
    """
    cursor = Cursor(words)
    found: list[Json] = []
    comment = ""
    while not cursor.done:
        start = cursor.at
        try:
            if cursor.takes("comment"):
                comment = cursor.take().text
            else:
                found.append(_statement(cursor))
        except NotUnderstoodError as error:
            found.append({NOT_UNDERSTOOD: {"text": shown(cursor.rest(start)), "why": str(error)}})
            break
    return found, comment


def _statement(cursor: Cursor) -> Json:
    kind = cursor.peek()
    if kind in VERDICTS:
        return verdict(cursor)
    if kind == "ct" and cursor.peek(1) == "count":
        return _connection_count(cursor)
    if kind == "ct" and cursor.peek(1) in ("helper", "timeout", "expectation") and cursor.peek(2) == "set":
        name = cursor.peek(1)
        for _ in range(3):
            cursor.take()
        return {f"ct {name}": cursor.take().text}
    read = _STATEMENTS.get(kind)
    if read is not None:
        cursor.take()
        return read(cursor)
    return _with_field(cursor)


def _counter(cursor: Cursor) -> Json:
    if cursor.takes("packets"):
        packets = cursor.number()
        cursor.expect("bytes")
        return {"counter": {"packets": packets, "bytes": cursor.number()}}
    if cursor.takes("name"):
        return {"counter": cursor.take().text}
    return {"counter": {"packets": 0, "bytes": 0}}


def _limit(cursor: Cursor) -> Json:
    if cursor.takes("name"):
        return {"limit": cursor.take().text}
    cursor.expect("rate")
    over = cursor.takes("over")
    amount, slash, per = cursor.take().text.partition("/")
    unit = ""
    if not slash:
        unit, _, per = cursor.take().text.partition("/")
    if not (amount.isascii() and amount.isdigit() and len(amount) <= 20 and per):
        raise NotUnderstoodError("limit is not understood")
    found = {"rate": int(amount), "per": per} | ({"rate_unit": unit} if unit else {}) | ({"inv": True} if over else {})
    if cursor.takes("burst"):
        cursor.number()
        cursor.take()
    return {"limit": found}


def _log(cursor: Cursor) -> Json:
    found: dict[str, Json] = {}
    while (key := cursor.peek()) in ("prefix", "level", "group", "snaplen", "queue-threshold", "flags"):
        cursor.take()
        if key == "flags":
            cursor.take()
            while cursor.takes(",") or cursor.peek() in ("sequence", "options"):
                cursor.take()
        else:
            found[key] = cursor.take().text
    return {"log": found or None}


def _reject(cursor: Cursor) -> Json:
    if not cursor.takes("with"):
        return {"reject": None}
    kind = cursor.take().text
    if kind == "tcp":
        cursor.expect("reset")
        return {"reject": {"type": "tcp reset"}}
    if kind not in ("icmp", "icmpv6", "icmpx"):
        raise NotUnderstoodError(f"reject with {kind} is not understood")
    cursor.takes("type")
    return {"reject": {"type": kind, "expr": cursor.take().text}}


def _quota(cursor: Cursor) -> Json:
    if cursor.takes("name"):
        return {"quota": cursor.take().text}
    over = cursor.takes("over")
    if not over:
        cursor.takes("until")
    found = {"val": cursor.number(), "val_unit": cursor.take().text} | ({"inv": True} if over else {})
    if cursor.takes("used"):
        cursor.number()
        cursor.take()
    return {"quota": found}


def _connection_count(cursor: Cursor) -> Json:
    cursor.take()
    cursor.take()
    over = cursor.takes("over")
    return {"ct count": {"val": cursor.number()} | ({"inv": True} if over else {})}


def _queue(cursor: Cursor) -> Json:
    start = cursor.at
    while not cursor.done and cursor.peek() != "comment":
        cursor.take()
    return {"queue": shown(cursor.between(start))}


def _extension(cursor: Cursor) -> Json:
    kind = cursor.take().text
    return {"xt": {"type": kind, "name": cursor.take().text}}


def _flow(cursor: Cursor) -> Json:
    cursor.take()
    return {"flow": {"op": "add", "flowtable": cursor.take().text}}


def _set_statement(operation: str) -> Callable[[Cursor], Json]:
    """`add @name { key timeout 5m }`, also with `: data` and statements; what is in the braces is only shown."""

    def read(cursor: Cursor) -> Json:
        name = cursor.take().text
        start = cursor.at
        inner = cursor.block()
        text = shown(cursor.between(start)[1:-1])
        statements = any(not word.quoted and word.text in ("limit", "quota", "ct") for word in inner.rest(0))
        found = {"op": operation, "elem": text, "set": name}
        return {"set": found | ({"stmt": [text]} if statements else {})}

    return read


def _nat(kind: str) -> Callable[[Cursor], Json]:
    def read(cursor: Cursor) -> Json:
        found: dict[str, Json] = {}
        if cursor.peek() in ("ip", "ip6") and cursor.peek(1) == "to":
            found["family"] = cursor.take().text
        cursor.takes("to")
        if cursor.peek() in _PAYLOADS | {"meta", "numgen", "ct"}:
            key = _selector(cursor)
            cursor.expect("map")
            found["addr"] = {"map": {"key": key, "data": _set_or_name(cursor, ())}}
            if cursor.peek().startswith(":"):
                found["port"] = cursor.take().text
        elif not cursor.done and cursor.peek() not in _NAT_FLAGS | VERDICTS | {"comment", ""}:
            found |= _new_end(cursor)
        while cursor.peek() in _NAT_FLAGS or cursor.peek() == ",":
            cursor.take()
        return {kind: found or None}

    return read


def _new_end(cursor: Cursor) -> dict[str, Json]:
    """A new address and port: `10.0.0.1`, `10.0.0.1-10.0.0.9:80-90`, `[2001:db8::1]:80`, `:80`."""
    word = cursor.take()
    found = _PORT.fullmatch(word.text)
    bracketed = word.text.startswith("[")
    if found is None or (found["address"].count(":") and not bracketed):
        return {"addr": value(Cursor([Word(word.text.strip("[]"), word.line)]), False)}
    address, ports = (Cursor([Word(text, word.line)]) for text in (found["address"].strip("[]"), found["ports"]))
    end: dict[str, Json] = {"port": value(ports, True)}
    return end | ({"addr": value(address, False)} if found["address"] else {})


_STATEMENTS: dict[str, Callable[[Cursor], Json]] = {
    "add": _set_statement("add"),
    "counter": _counter,
    "delete": _set_statement("delete"),
    "dnat": _nat("dnat"),
    "flow": _flow,
    "limit": _limit,
    "log": _log,
    "masquerade": _nat("masquerade"),
    "notrack": lambda _: {"notrack": None},
    "queue": _queue,
    "quota": _quota,
    "redirect": _nat("redirect"),
    "reject": _reject,
    "snat": _nat("snat"),
    "update": _set_statement("update"),
    "xt": _extension,
}


def _with_field(cursor: Cursor) -> Json:
    """A statement that begins with a field of the packet: a comparison, a verdict map, or a change."""
    left = _selector(cursor)
    if cursor.takes("vmap"):
        return {"vmap": {"key": left, "data": _set_or_name(cursor, _ports(left))}}
    if cursor.takes("set"):
        return {"mangle": {"key": left, "value": _written(cursor)}}
    while cursor.peek() in ("&", "and"):
        cursor.take()
        left = {"&": [left, _bits(cursor)]}
    given = _OPERATORS.get(cursor.peek())
    if given is not None:
        cursor.take()
    operator = given or ("in" if _is_bits(left) and cursor.peek() != "{" else "==")
    right = _right(cursor, left)
    if cursor.takes("/"):
        return {"match": {"op": given or "==", "left": {"&": [left, _flags(cursor)]}, "right": right}}
    if operator in ("==", "!=") and isinstance(right, list) and tagged(left)[0] != "&":
        # A comparison with several flags asks for all of them together.
        right = {"|": right}
    return {"match": {"op": operator, "left": left, "right": right}}


def _is_bits(left: Json) -> bool:
    """Whether a field is compared by its bits when no operator is given."""
    match tagged(left):
        case "payload", {"protocol": "tcp", "field": "flags"}:
            return True
        case "ct", {"key": "state" | "status"}:
            return True
    return False


def _ports(left: Json) -> tuple[bool, ...]:
    match tagged(left):
        case "concat", [*parts]:
            return tuple(_ports(part) == (True,) for part in parts)
        case "payload", {"field": "sport" | "dport"}:
            return (True,)
    return (False,)


def _set_or_name(cursor: Cursor, ports: tuple[bool, ...]) -> Json:
    if cursor.peek() == "{":
        return {"set": elements(cursor, ports)}
    name = cursor.take().text
    if not name.startswith("@"):
        raise NotUnderstoodError(f"{name} is not a set")
    return name


def _right(cursor: Cursor, left: Json) -> Json:
    if cursor.peek() == "{" or cursor.peek().startswith("@"):
        return _set_or_name(cursor, _ports(left))
    if cursor.peek() == "(":
        return _flags(cursor)
    first = concatenation(cursor, _ports(left))
    if cursor.peek() not in (",", "|"):
        return first
    return [first, *_more_flags(cursor)]


def _flags(cursor: Cursor) -> Json:
    """One flag or several, in parentheses or not, joined by commas or `|`."""
    closing = cursor.takes("(")
    first = value(cursor, False)
    more = _more_flags(cursor)
    if closing:
        cursor.expect(")")
    return [first, *more] if more else first


def _more_flags(cursor: Cursor) -> list[Json]:
    found: list[Json] = []
    while cursor.peek() in (",", "|"):
        cursor.take()
        found.append(value(cursor, False))
    return found


def _bits(cursor: Cursor) -> Json:
    """The right side of `&`: a number, or flags in parentheses."""
    return _flags(cursor) if cursor.peek() == "(" else value(cursor, False)


def _written(cursor: Cursor) -> Json:
    """The new value of a field: a field or a value, and bitwise operations on it from left to right."""
    start = cursor.at
    try:
        found = _selector(cursor)
    except NotUnderstoodError:
        cursor.at = start
        found = value(cursor, False)
    while cursor.peek() in _BITWISE:
        operator = _BITWISE[cursor.take().text]
        found = {operator: [found, value(cursor, False)]}
    return found


def _selector(cursor: Cursor) -> Json:
    parts = [_field(cursor)]
    while cursor.takes("."):
        parts.append(_field(cursor))
    return parts[0] if len(parts) == 1 else {"concat": parts}


def _field(cursor: Cursor) -> Json:
    word = cursor.take()
    name = "" if word.quoted else word.text
    if name == "tcp" and cursor.takes("option"):
        option = {"name": cursor.take().text}
        field = {} if cursor.peek() in ("exists", "missing") else {"field": cursor.take().text}
        return {"tcp option": option | field}
    if name in _PAYLOADS:
        return {"payload": {"protocol": name, "field": cursor.take().text}}
    if name in _EXTENSION_HEADERS:
        return {"exthdr": {"name": name, "field": cursor.take().text}}
    if name in _BARE_META:
        return {"meta": {"key": name}}
    match name:
        case "meta":
            return {"meta": {"key": cursor.take().text}}
        case "ct":
            return _connection(cursor)
        case "fib":
            flags = [cursor.take().text]
            while cursor.takes("."):
                flags.append(cursor.take().text)
            return {"fib": {"result": cursor.take().text, "flags": flags}}
        case "numgen":
            mode = cursor.take().text
            cursor.expect("mod")
            found = {"mode": mode, "mod": cursor.number(), "offset": 0}
            return {"numgen": found | ({"offset": cursor.number()} if cursor.takes("offset") else {})}
    raise NotUnderstoodError(f"{word.text} is not a field or statement that is modelled")


def _connection(cursor: Cursor) -> Json:
    found = {}
    if cursor.peek() in ("original", "reply"):
        found["dir"] = cursor.take().text
    key = cursor.take().text
    if key in ("ip", "ip6"):
        key = f"{key} {cursor.take().text}"
    return {"ct": {"key": key} | found}
