"""Who wrote a ruleset, told from the names that tools give to their chains and tables.

The kernel's rules are the truth whoever wrote them; the owner tells where a change must be made to last.
"""

from __future__ import annotations

from .ruleset import Ruleset, Table

# How each tool names what it creates: prefixes of chain names, and tables (family and name) of its own.
_CHAIN_PREFIXES = {
    "ufw": ("ufw-", "ufw6-"),
    "Docker": ("DOCKER",),
    "kube-proxy": ("KUBE-",),
    "fail2ban": ("f2b-", "fail2ban-"),
    "libvirt": ("LIBVIRT_",),
    "firewalld": ("INPUT_direct", "INPUT_ZONES", "IN_public", "FWDI_public", "filter_INPUT_ZONES", "filter_IN_public"),
    "shorewall": ("net-fw", "net2fw", "shorewall"),
    "Tailscale": ("ts-input", "ts-forward"),
    "Cilium": ("CILIUM_",),
    "Calico": ("cali-",),
}
_TABLES = {
    "inet firewalld": "firewalld",
    "ip firewalld": "firewalld",
    "ip6 firewalld": "firewalld",
    "inet f2b-table": "fail2ban",
    "ip libvirt_network": "libvirt",
    "ip6 libvirt_network": "libvirt",
    "ip docker-bridges": "Docker",
    "ip6 docker-bridges": "Docker",
    "ip kube-proxy": "kube-proxy",
    "ip6 kube-proxy": "kube-proxy",
}


_AT_RUN_TIME = frozenset({"Docker", "kube-proxy", "fail2ban", "libvirt", "Tailscale", "Cilium", "Calico"})


def running_tool(name: str) -> bool:
    """Whether a tool makes a chain, or a table (family and name), of this name while it runs, whatever was saved."""
    if name in _TABLES:
        return _TABLES[name] in _AT_RUN_TIME
    return any(name.startswith(_CHAIN_PREFIXES[tool]) for tool in _CHAIN_PREFIXES.keys() & _AT_RUN_TIME)


def table_owners(table: Table) -> tuple[str, ...]:
    """The tools that have chains in a table, in the order of their first chain; empty when none is recognised."""
    found = dict.fromkeys([_TABLES[table.label]] if table.label in _TABLES else [])
    for chain in table.chains:
        found |= dict.fromkeys(tool for tool, prefixes in _CHAIN_PREFIXES.items() if chain.name.startswith(prefixes))
    return tuple(found)


def owners(ruleset: Ruleset) -> tuple[str, ...]:
    """The tools that have chains anywhere in the ruleset."""
    return tuple(dict.fromkeys(tool for table in ruleset.tables for tool in table_owners(table)))
