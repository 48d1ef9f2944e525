"""What settles a result that could not be proven: never the remedy of a failure that nobody saw. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from secaudit.model.evidence import Evidence
from secaudit.model.inventory import Host
from secaudit.model.outcome import UnprovenKind
from secaudit.model.request import Command, PortScan, Request
from secaudit.model.sudoers import sudoers_rule

USUAL_ACCOUNT = "audit"
"""The account of `secaudit sudoers`, where the inventory names none."""

_OF_A_COMMAND: Mapping[UnprovenKind, str] = {
    UnprovenKind.DENIED: "Let the account that secaudit logs in with run `{command}`, then scan again.",
    UnprovenKind.MISSING: "Install `{command}` on the host or, if it is not meant to be there, take the control out of "
    "the host's baseline. Then scan again.",
    UnprovenKind.TIMEOUT: "Find out on the host why `{command}` takes so long, then scan again.",
    UnprovenKind.TRUNCATED: "`{command}` prints more than secaudit reads. Look on the host for what makes it so long, "
    "then scan again.",
    UnprovenKind.ERROR: "Run `{command}` on the host, fix what its error message says, then scan again.",
}
_IN_GENERAL: Mapping[UnprovenKind, str] = {
    UnprovenKind.UNREACHABLE: "Log in to the host from the scanner with the account of the inventory, fix what keeps "
    "that from working, then scan again.",
    UnprovenKind.DENIED: "Give the account that secaudit logs in with the permission that the reason names, then scan "
    "again. `secaudit sudoers` prints all that must run as root.",
    UnprovenKind.MISSING: "Install on the host what the reason names, then scan again.",
    UnprovenKind.TIMEOUT: "Find out what takes so long, or scan with a longer --host-limit.",
    UnprovenKind.TRUNCATED: "Look for what makes the answer so long, then scan again.",
    UnprovenKind.ERROR: "Fix on the host what the reason names, then scan again.",
    UnprovenKind.NOT_UNDERSTOOD: "Look at the evidence by hand: secaudit does not know this form of the answer. Please "
    "report it with a recording (`secaudit scan --record DIR`).",
    UnprovenKind.STALE: "Renew what the reason calls too old or missing: reference data with `secaudit feed update` or "
    "`secaudit feed import`, package lists with the host's package manager. Then scan again.",
    UnprovenKind.NOT_RECORDED: "Scan the host itself: the recorded answers do not hold what this control needs.",
    UnprovenKind.PLUGIN: "Run `secaudit doctor`, repair or update the plugin that it names, then scan again.",
}
_RULE = "Add this line to the sudoers file of the account on the host, then scan again:\n{rule}"
_SCANNER = "Install nmap on the machine that scans, then scan again."
_RIGHTS = "Let the scanner run nmap with the rights that the reason names, then scan again."


def settling(kind: UnprovenKind | None, evidence: Iterable[Evidence], host: Host, requests: Iterable[Request]) -> str:
    """What to do so that the next scan can decide, by why this one could not.

    Where the evidence is the answer to one of the host's `requests`, it is about that command.
    """
    if kind is None:
        return ""
    asked = {request.key: request for request in requests}
    request = next((asked[one.source] for one in evidence if one.source in asked), None)
    if isinstance(request, PortScan) and kind in (UnprovenKind.MISSING, UnprovenKind.DENIED):
        return _SCANNER if kind is UnprovenKind.MISSING else _RIGHTS
    if isinstance(request, Command) and kind in _OF_A_COMMAND:
        if kind is UnprovenKind.DENIED and request.root:
            return _RULE.replace("{rule}", sudoers_rule(host.ssh.user or USUAL_ACCOUNT, request))
        shown = request.argv[0] if kind is UnprovenKind.MISSING else request.key
        return _OF_A_COMMAND[kind].replace("{command}", shown)
    return _IN_GENERAL[kind]
