"""Why a line of a ruleset is not understood is told in German as a whole, as readers put it together."""

from __future__ import annotations

import re

import pytest
from secaudit.checks.firewall.readers.ipset.members import resolve_sets
from secaudit.checks.firewall.readers.ipset.save import read_ipset_save
from secaudit.checks.firewall.readers.iptables.save import read_iptables_save
from secaudit.checks.firewall.readers.nft.document import read_nft_json
from secaudit.checks.firewall.readers.nft.ruleset import read_nft_ruleset
from secaudit.checks.firewall.rules.ruleset import Ruleset, TableFamily
from secaudit.checks.firewall.wording import place, short

from secaudit.cli.translations import phrasebook

IPTABLES = """\
*filter
:INPUT DROP [0:0]
:INPUT MAYBE [0:0]
-A INPUT -p tcp --dport 99999 -j ACCEPT
-A INPUT -s 10.0.0.0/255.0.255.0 -j ACCEPT
-A INPUT -p 999 -j DROP
-A INPUT --wibble 3 -j DROP
-A INPUT -p tcp --tcp-flags SYN,FOO SYN -j DROP
-A INPUT -m conntrack --ctstate WIBBLE -j ACCEPT
-A INPUT -m set --match-set absent src -j ACCEPT
-A INPUT -m set --match-set strange src -j ACCEPT
-A INPUT -m set --match-set mixed src -j ACCEPT
-A INPUT -m set --match-set fine what -j ACCEPT
-A INPUT -m set --match-set twice src -j ACCEPT
-A INPUT -m mark --mark zz -j ACCEPT
-A INPUT -p tcp -m multiport --dports 5:3 -j ACCEPT
-A INPUT -m pkttype --pkt-type host -j ACCEPT
-A INPUT -j QUEUE
-A INPUT -j ACCEPT --wibble
-A absent -j ACCEPT
-A INPUT -j LOG --log-prefix "x
what is this
"""

SETS = """\
create strange bitmap:wibble range 1-2
create mixed hash:ip family inet
add mixed 10.0.0.999
create fine hash:ip family inet
create twice hash:ip family inet
create twice hash:ip family inet
what is this
"""

NFT = """\
table inet filter {
  chain input { type filter hook input priority wibble; policy accept;
    tcp dport 99999 accept
    ip saddr 10.0.0.999 accept
    tcp dport @absent accept
    wibble 3 accept
    meta l4proto 999 drop
    tcp flags & (syn|foo) == syn drop
    limit rate over and out accept
    ct state absent accept
    reject with wibble
    tcp dport $absent accept
  }
  set strange { type ipv4_addr; wibble foo; }
  set untyped { flags interval; }
}
"""

JSON = """\
{"nftables": [{"table": {"family": "inet", "name": "t", "flags": ["wibble"]}},
 {"table": {"family": "inet", "name": "filter"}},
 {"chain": {"family": "inet", "table": "filter", "name": "input", "type": "filter", "hook": "wibble", "prio": 0}},
 {"chain": {"family": "inet", "table": "absent", "name": "input"}},
 {"wibble": {}},
 {"rule": {"family": "inet", "table": "filter", "chain": "absent", "expr": []}},
 {"rule": {"family": "inet", "table": "filter", "chain": "input", "expr": [{"wibble": 1}, {"xt": null}]}},
 {"rule": {"family": "inet", "table": "filter", "chain": "input", "expr": [
  {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": "absent"}}]}}]}
"""


def iptables() -> Ruleset:
    return resolve_sets(read_iptables_save(IPTABLES, TableFamily.IP, "iptables-save"), read_ipset_save(SETS, "ipset"))


def nft() -> Ruleset:
    return read_nft_ruleset(NFT, "/etc/nftables.conf")


def json() -> Ruleset:
    return read_nft_json(JSON, "nft -j list ruleset")


@pytest.mark.parametrize(("read", "least"), [(iptables, 19), (nft, 14), (json, 7)])
def test_no_reason_of_a_reader_is_left_in_english(read: object, least: int) -> None:
    assert callable(read)
    book = phrasebook("de")
    entries = read().unmodelled
    assert len(entries) >= least, "every fault is seen"
    for entry in entries:
        excerpt = short(entry.origin.excerpt)
        found = book.find(f"{place(entry.origin)} {entry.why}: {excerpt}")
        assert found is not None, entry.why
        said = found.replace(excerpt, "")
        assert said.startswith("Zeile "), said
        assert not re.search(r"\b(is|are|has|the|of|not)\b", said), said
