"""Values of nft(8) as libnftables-json(5) writes them: addresses, ports, names, ranges, sets and verdicts."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Any

from ...rules.matches import NotUnderstoodError
from .words import Cursor, Word

Json = Any
"""Expressions and statements as libnftables-json(5) has them."""

# Names of ports in hand-written files, from IANA's "Service Name and Transport Protocol Port Number Registry".
SERVICES = {
    "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "bootps": 67, "bootpc": 68, "tftp": 69, "http": 80,
    "pop3": 110, "sunrpc": 111, "ntp": 123, "netbios-ns": 137, "netbios-dgm": 138, "netbios-ssn": 139, "imap": 143,
    "imap2": 143, "snmp": 161, "snmp-trap": 162, "bgp": 179, "ldap": 389, "https": 443, "microsoft-ds": 445,
    "submission": 587, "ipp": 631, "ldaps": 636, "imaps": 993, "pop3s": 995, "openvpn": 1194, "mysql": 3306,
    "ms-wbt-server": 3389, "postgresql": 5432, "mdns": 5353, "isakmp": 500, "ipsec-nat-t": 4500, "syslog": 514,
    "dhcpv6-client": 546, "dhcpv6-server": 547, "sip": 5060, "http-alt": 8080,
}  # fmt: skip
_NUMBER = re.compile(r"0x[0-9a-fA-F]{1,16}|\d{1,20}", re.ASCII)
_DEPTH = 4
VERDICTS = frozenset({"accept", "drop", "return", "continue", "jump", "goto"})
_EXISTENCE = {"exists": True, "missing": False}
_TIMES = frozenset({"timeout", "expires"})


def value(cursor: Cursor, port: bool) -> Json:
    """One value; `port` says that names stand for ports."""
    return _value(cursor.take(), port)


def _value(word: Word, port: bool) -> Json:
    text = word.text
    if word.quoted:
        return text
    if not re.match(r"[\w*:.\[@-]", text) or text.startswith("-"):
        raise NotUnderstoodError(f"{text} is not a value")
    if _NUMBER.fullmatch(text):
        return int(text, 16) if text.startswith("0x") else int(text)
    if text in _EXISTENCE:
        return _EXISTENCE[text]
    if port and text in SERVICES:
        return SERVICES[text]
    address, slash, length = text.partition("/")
    if slash and _is_address(address) and length.isascii() and length.isdigit() and len(length) <= 3:
        return {"prefix": {"addr": address, "len": int(length)}}
    low, dash, high = text.partition("-")
    if dash and ((_NUMBER.fullmatch(low) and _NUMBER.fullmatch(high)) or (_is_address(low) and _is_address(high))):
        return {"range": [_value(Word(end, word.line), port) for end in (low, high)]}
    return text


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def concatenation(cursor: Cursor, ports: tuple[bool, ...]) -> Json:
    """A value, or several joined by dots; `ports` says for each part whether names stand for ports."""
    parts = [value(cursor, ports[0] if ports else False)]
    while cursor.takes("."):
        parts.append(value(cursor, ports[len(parts)] if len(parts) < len(ports) else False))
    return parts[0] if len(parts) == 1 else {"concat": parts}


def elements(cursor: Cursor, ports: tuple[bool, ...], depth: int = 0) -> list[Json]:
    """The elements of a set or map in braces; sets within it, from definitions, are part of it."""
    if depth > _DEPTH:
        raise NotUnderstoodError("sets are nested too deeply")
    inner = cursor.block()
    found: list[Json] = []
    while True:
        while inner.peek() in ("\n", ","):
            inner.take()
        if inner.done:
            return found
        if inner.peek() == "{":
            found += elements(inner, ports, depth + 1)
        else:
            found.append(_element(inner, ports))
        while inner.takes("\n"):
            pass
        if not inner.done:
            inner.expect(",")


def _element(cursor: Cursor, ports: tuple[bool, ...]) -> Json:
    key = concatenation(cursor, ports)
    _attributes(cursor)
    if not cursor.takes(":"):
        return key
    data = verdict(cursor) if cursor.peek() in VERDICTS else concatenation(cursor, ())
    _attributes(cursor)
    return [key, data]


def _attributes(cursor: Cursor) -> None:
    """What an element says about itself."""
    while True:
        if cursor.peek() in _TIMES or cursor.peek() == "comment":
            cursor.take()
            cursor.take()
        elif cursor.takes("counter"):
            if cursor.takes("packets"):
                cursor.number()
                cursor.expect("bytes")
                cursor.number()
        else:
            return


def verdict(cursor: Cursor) -> Json:
    """A verdict."""
    kind = cursor.take().text
    if kind in ("jump", "goto"):
        return {kind: {"target": cursor.take().text}}
    if kind not in VERDICTS:
        raise NotUnderstoodError(f"{kind} is not a verdict")
    return {kind: None}
