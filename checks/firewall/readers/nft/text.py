"""nftables rules as text: what the JSON of libnftables says, in the syntax of nft(8), for people to read.

The text names a rule in findings, so the same rule must always give the same text: counters are left out and the
elements of anonymous sets are sorted. What has no known form is shown as its JSON.
"""

from __future__ import annotations

import json
from typing import Any

_DEPTH = 24


def tagged(value: Any) -> tuple[str, Any]:
    """Statements and expressions are objects with one key that names their kind: the key and what stands under it.

    The kind is empty for anything else.
    """
    if isinstance(value, dict) and len(value) == 1:
        kind, detail = next(iter(value.items()))
        return str(kind), detail
    return "", value


def rule_text(expressions: list[Any], comment: str = "") -> str:
    """The statements of a rule on one line, without counters."""
    shown = [_statement(expression) for expression in expressions]
    if comment:
        shown.append(f"comment {json.dumps(comment, ensure_ascii=False)}")
    return " ".join(part for part in shown if part)


def expression_text(value: Any, depth: int = 0) -> str:  # noqa: C901 - one case per kind of expression
    """An expression (the left or right side of a match) in the syntax of nft(8)."""
    if depth > _DEPTH:
        return "…"
    inner = depth + 1
    match tagged(value):
        case "", str(text):
            return text
        case "", bool():
            return "exists" if value else "missing"
        case "", int():
            return str(value)
        case "", list():
            return ",".join(expression_text(part, inner) for part in value)
        case "prefix", {"addr": address, "len": int(length)}:
            return f"{expression_text(address, inner)}/{length}"
        case "range", [low, high]:
            return f"{expression_text(low, inner)}-{expression_text(high, inner)}"
        case "concat", [*parts]:
            return " . ".join(expression_text(part, inner) for part in parts)
        case "set", [*elements]:
            return "{ " + ", ".join(sorted(_element(element, inner) for element in elements)) + " }"
        case "set", element:
            return "{ " + _element(element, inner) + " }"
        case "elem", {"val": element}:
            return expression_text(element, inner)
        case "payload", {"protocol": str(protocol), "field": str(field)}:
            return f"{protocol} {field}"
        case "payload", {"base": str(base), "offset": offset, "len": length}:
            return f"@{base},{offset},{length}"
        case "meta", {"key": str(key)}:
            return key if key in ("iif", "iifname", "oif", "oifname") else f"meta {key}"
        case "ct", {"key": str(key), "dir": str(direction)}:
            return f"ct {direction} {key}"
        case "ct", {"key": str(key)}:
            return f"ct {key}"
        case "fib", {"result": str(result), "flags": flags}:
            return f"fib {' . '.join(flags) if _texts(flags) else expression_text(flags, inner)} {result}"
        case "numgen", {"mode": str(mode), "mod": int(modulus)}:
            return f"numgen {mode} mod {modulus}"
        case "exthdr", {"name": str(name), "field": str(field)}:
            return f"{name} {field}"
        case "exthdr", {"name": str(name)}:
            return f"exthdr {name}"
        case "map", {"key": key, "data": data}:
            return f"{expression_text(key, inner)} map {expression_text(data, inner)}"
        case "&", [left, right]:
            return f"{expression_text(left, inner)} & {_grouped(right, inner)}"
        case "|", [*parts]:
            return " | ".join(expression_text(part, inner) for part in parts)
    return _json(value)


def _texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _grouped(value: Any, depth: int) -> str:
    text = expression_text(value, depth)
    return f"({text.replace(',', '|')})" if isinstance(value, list) else text


def _element(element: Any, depth: int) -> str:
    match element:
        case [key, verdict]:
            return f"{expression_text(key, depth)} : {_statement(verdict)}"
    return expression_text(element, depth)


def _statement(value: Any) -> str:  # noqa: C901 - one case per kind of statement
    match tagged(value):
        case "counter", _:
            return ""
        case "match", {"op": str(op), "left": left, "right": right}:
            plain = op == "in" or (op == "==" and tagged(left)[0] != "&")
            shown = "" if plain else f"{op} "
            return f"{expression_text(left)} {shown}{expression_text(right)}"
        case "vmap", {"key": key, "data": data}:
            return f"{expression_text(key)} vmap {expression_text(data)}"
        case "jump", {"target": str(target)}:
            return f"jump {target}"
        case "goto", {"target": str(target)}:
            return f"goto {target}"
        case "reject", {"type": str(kind), "expr": str(reason)}:
            return f"reject with {kind} {reason}"
        case "reject", {"type": str(kind)}:
            return f"reject with {kind}"
        case "log", {"prefix": str(prefix)}:
            return f"log prefix {json.dumps(prefix, ensure_ascii=False)}"
        case "limit", {"rate": rate, "per": per, **rest}:
            unit = f" {rest['rate_unit']}" if "rate_unit" in rest else ""
            return f"limit rate {'over ' if rest.get('inv') else ''}{rate}{unit}/{per}"
        case (("dnat" | "snat" | "redirect" | "masquerade" as kind), dict(detail)):
            target = nat_target(detail)
            return f"{kind} to {target}" if target else kind
        case "mangle", {"key": key, "value": new}:
            return f"{expression_text(key)} set {expression_text(new)}"
        case "xt", {"type": str(kind), "name": str(name)}:
            return f"xt {kind} {name}"
        case "queue", {"num": number}:
            return f"queue num {expression_text(number)}"
        case "set", {"op": str(op), "elem": element, "set": str(name)}:
            return f"{op} {name} {{ {expression_text(element)} }}"
        case "not understood", {"text": str(text)}:
            return text
        case str(kind), None if kind:
            return str(kind)
    return _json(value)


def nat_target(detail: dict[str, Any]) -> str:
    """New address and port of a NAT statement: `10.0.0.1:8080`, `:80`, or nothing."""
    address = expression_text(detail["addr"]) if "addr" in detail else ""
    port = f":{expression_text(detail['port'])}" if "port" in detail else ""
    return address + port


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
