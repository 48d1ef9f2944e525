"""One host for the commands of a family: asked over its transport, or read back from a bundle or the store."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from secaudit.api import AskedHost, Facts, HostChoice, Unproven
from secaudit.cli.exits import CommandError, Exit
from secaudit.cli.scanning import prepare
from secaudit.cli.stored import read_store
from secaudit.cli.targets import Selection, choose
from secaudit.engine.allowance import Limits
from secaudit.engine.collect import collect
from secaudit.engine.evaluate import read_facts
from secaudit.engine.plan import HostPlan, plan_facts
from secaudit.engine.reference import ReferenceData
from secaudit.model.answer import HostTranscript, Reach
from secaudit.model.inventory import Host, TransportKind
from secaudit.plugins import Registry, discover
from secaudit.transcript.bundle import read_bundle
from secaudit.transport.local import LocalTransport
from secaudit.transport.portscan import NmapProber
from secaudit.transport.ssh import SshTransport

_REPLAY = "replay:"


def ask(choice: HostChoice, wanted: tuple[type, ...]) -> AskedHost:
    """What is known about the host that was chosen.

    Raises CommandError, with exit code 3 where the host or a fact is not to be had, and ConfigError.
    """
    registry = discover()
    if choice.target is not None and choice.target.startswith(_REPLAY):
        transcript = _recorded(Path(choice.target.removeprefix(_REPLAY)), choice.name)
        host = _as_recorded(transcript)
    elif choice.stored:
        transcript = _stored(choice)
        host = _as_recorded(transcript)
    else:
        host = chosen(choice)
        transcript = _asked(plan_facts(host, wanted, registry))
    return _read(wanted, plan_facts(host, wanted, registry), registry, transcript)


def chosen(choice: HostChoice) -> Host:
    """The one host that a target or a name means. Raises CommandError, ConfigError."""
    if choice.name is not None and choice.inventory is None:
        raise CommandError("--host chooses from an inventory: give --inventory, or a target such as ssh://user@host")
    targets = (choice.target,) if choice.target is not None else ()
    inventory = None if targets else choice.inventory
    hosts = choose(targets, Selection(inventory, hosts=(choice.name,) if choice.name else ())).hosts
    if len(hosts) != 1:
        raise CommandError(f"name one host; {len(hosts)} match: {', '.join(host.label for host in hosts[:8])}")
    return hosts[0]


def _asked(plan: HostPlan) -> HostTranscript:
    transports = {TransportKind.SSH: SshTransport, TransportKind.LOCAL: LocalTransport}
    transport = transports[plan.host.transport]()
    transcript, _ = prepare(collect(plan, transport, NmapProber(), Limits(), lambda _step: None))
    if transcript.reach is Reach.UNREACHABLE:
        raise CommandError(f"{plan.host.label} is unreachable: {transcript.detail}", Exit.INCOMPLETE)
    return transcript


def _recorded(path: Path, name: str | None) -> HostTranscript:
    found = [host.transcript for host in read_bundle(path).hosts if name in (None, host.host.name)]
    if len(found) != 1:
        raise CommandError(f"{path} holds {len(found)} hosts that match; choose one with --host")
    return found[0]


def _stored(choice: HostChoice) -> HostTranscript:
    if choice.name is None:
        raise CommandError("--from-store needs --host")
    with ExitStack() as stack:
        store = read_store(choice.store, stack)
        found = [transcript for transcript in store.latest_transcripts() if transcript.host == choice.name]
    if len(found) != 1:
        raise CommandError(f"the store holds complete answers of {len(found)} hosts that are called {choice.name}")
    return found[0]


def _as_recorded(transcript: HostTranscript) -> Host:
    return Host(transcript.customer, transcript.site, transcript.host, transcript.address)


def _read(wanted: tuple[type, ...], plan: HostPlan, registry: Registry, transcript: HostTranscript) -> AskedHost:
    values = read_facts(plan, registry, transcript, transcript.opened, ReferenceData())
    facts = Facts(values)
    for fact in wanted:
        found = facts.get(fact)
        if isinstance(found, Unproven):
            raise CommandError(f"{plan.host.label}: {found.reason}", Exit.INCOMPLETE)
    answers = {answer.request: answer for answer in transcript.answers}
    return AskedHost(plan.host.label, facts, answers)
