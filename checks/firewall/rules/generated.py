"""Which chains a tool writes by itself, so that nobody can tidy up in them."""

from __future__ import annotations

import re

from .ruleset import Chain, Table

_BY_TOOLS = re.compile(
    r"ufw6?-(?!user-(?:input|output|forward)$)"
    r"|DOCKER(?!-USER$)|KUBE-|LIBVIRT_|cali-|CILIUM_|ts-(?:input|forward|postrouting)$"
)
"""Prefixes of chains of ufw, Docker, kube-proxy, libvirt, Calico, Cilium and Tailscale, but for those of the user."""

_FIREWALLD_USERS = re.compile(r"filter_(?:IN|FWD|OUT)_.*_(?:pre|deny|allow|post)$")
_FIREWALLD = ("inet firewalld", "ip firewalld", "ip6 firewalld")


def written_by_tool(table: Table, chain: Chain) -> bool:
    """Whether a tool writes the chain's rules by itself, whatever the user asks for.

    In ufw's and firewalld's other chains are the rules that the user gave.
    """
    if table.label in _FIREWALLD:
        return _FIREWALLD_USERS.match(chain.name) is None
    return _BY_TOOLS.match(chain.name) is not None
