"""Aerleon's shade check over the rules of the firewall benchmark."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from aerleon.lib import naming, policy

Rule = tuple[str, str, str, int, int, bool]


class _Seen(logging.Handler):
    """Collects the names of terms that warnings call shaded."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.terms: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        term, found, _ = record.getMessage().partition(" is shaded by ")
        if found:
            self.terms.add(term)


def shaded(rules: Sequence[Rule]) -> tuple[float, set[int]]:
    """CPU seconds of the check alone (reading the policy is not counted), and the numbers of the shaded rules."""
    definitions = naming.Naming()
    networks = sorted({network for rule in rules for network in rule[:2] if not network.endswith("/0")})
    names = {network: f"N{number}" for number, network in enumerate(networks)}
    definitions.ParseNetworkList([f"{name} = {network}" for network, name in names.items()])
    services = sorted({rule[2:5] for rule in rules if rule[3]})
    ports = {service: f"S{number}" for number, service in enumerate(services)}
    definitions.ParseServiceList([f"{name} = {low}-{high}/{word}" for (word, low, high), name in ports.items()])
    terms = ["header { target:: juniper forward }"]
    for number, rule in enumerate(rules, 1):
        lines = [f"source-address:: {names[rule[0]]}"] if rule[0] in names else []
        lines += [f"destination-address:: {names[rule[1]]}"] if rule[1] in names else []
        lines += [f"protocol:: {rule[2]}"] if rule[2] else []
        lines += [f"destination-port:: {ports[rule[2:5]]}"] if rule[3] else []
        lines.append(f"action:: {'accept' if rule[5] else 'deny'}")
        body = "\n  ".join(lines)
        terms.append(f"term t{number} {{\n  {body}\n}}")
    text = "\n".join(terms)
    seen = _Seen()
    logger = logging.getLogger()
    logger.addHandler(seen)
    try:
        begun = time.process_time()
        policy.ParsePolicy(text, definitions, optimize=True)
        read = time.process_time()
        policy.ParsePolicy(text, definitions, optimize=True, shade_check=True)
        ended = time.process_time()
    finally:
        logger.removeHandler(seen)
    return (ended - read) - (read - begun), {int(term[1:]) for term in seen.terms}
