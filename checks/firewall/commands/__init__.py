"""`secaudit firewall`: exact answers about the rulesets of hosts and in files."""

import click

from .audit import audit
from .diff import diff
from .query import query
from .reach import reach
from .verify import verify


@click.group()
def command() -> None:
    """Analyse packet filter rulesets exactly: dead rules, verdicts, exposure, changes.

    A SOURCE is files of one host (iptables-save, ip6tables-save, `nft -j list ruleset`, `ipset save`, and appliances'
    formats), or a host: `local`, `ssh://[user@]host[:port]`, `replay:BUNDLE`, or --host NAME of an --inventory. A host
    is only asked what a scan would ask it.
    """


for _member in (audit, query, reach, diff, verify):
    command.add_command(_member)
