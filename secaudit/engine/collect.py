"""Asking one host everything that its plan needs, within the limits of the engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from secaudit.engine.allowance import Allowance, HostAllowance, Limits
from secaudit.engine.plan import HostPlan
from secaudit.model.answer import Answer, AnswerStatus, HostTranscript, Reach
from secaudit.model.inventory import Host
from secaudit.model.request import Command, PortScan, Request
from secaudit.transport.interface import Prober, Session, TooMuch, Transport, Unreachable

Step = Callable[[str], None]


def collect(
    plan: HostPlan,
    transport: Transport,
    prober: Prober,
    limits: Limits,
    step: Step,
    opened: Callable[[Session], None] = lambda _session: None,
    allowance: HostAllowance | None = None,
) -> HostTranscript:
    """Ask the host everything that `plan` needs, over `transport` and, for port scans, by `prober` at the same time.

    `step` receives the progress, `opened` gets the session (to close it from elsewhere), `allowance` is what the host
    may send where others are scanned as well. Never raises for the host's trouble: it ends in `reach` and in the
    answers.
    """
    may = allowance or Allowance(limits).host()
    begun = datetime.now(UTC)
    deadline = time.monotonic() + limits.host.total_seconds()
    scans = [request for request in plan.requests if isinstance(request, PortScan)]
    commands = [request for request in plan.requests if isinstance(request, Command)]
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="probe") as probes:
        probing = probes.submit(_probe, plan.host, scans, prober, deadline)
        reach, detail, answers = _run(plan.host, commands, transport, deadline, step, opened, may)
        if scans:
            step("port scan")
        answers.extend(_allowed(answer, may) for answer in probing.result())
    return HostTranscript(
        plan.host.customer,
        plan.host.site,
        plan.host.name,
        plan.host.address,
        begun,
        datetime.now(UTC),
        reach,
        detail,
        tuple(answers),
    )


def _run(
    host: Host,
    commands: list[Command],
    transport: Transport,
    deadline: float,
    step: Step,
    opened: Callable[[Session], None],
    may: HostAllowance,
) -> tuple[Reach, str, list[Answer]]:
    step("connecting")
    try:
        session = transport.open(host, deadline)
    except Unreachable as trouble:
        return Reach.UNREACHABLE, str(trouble), []
    opened(session)

    def started(request: Request) -> None:
        step(request.key)

    try:
        answers = list(session.ask(commands, deadline, started, may.take))
    finally:
        session.close()
    return (*_reach(answers, out_of_time=time.monotonic() >= deadline), answers)


def _reach(answers: list[Answer], *, out_of_time: bool) -> tuple[Reach, str]:
    lost = [answer for answer in answers if answer.status is AnswerStatus.LOST]
    if lost:
        return Reach.PARTIAL, lost[0].detail or "the connection was lost"
    flooded = [answer for answer in answers if answer.status is AnswerStatus.LIMIT]
    if flooded:
        return Reach.PARTIAL, flooded[0].detail
    if out_of_time and any(answer.status is AnswerStatus.TIMEOUT for answer in answers):
        return Reach.PARTIAL, "the host used up its time"
    return Reach.COMPLETE, ""


def _probe(host: Host, scans: list[PortScan], prober: Prober, deadline: float) -> list[Answer]:
    answers = []
    for scan in scans:
        asked = datetime.now(UTC)
        try:
            answer = prober.scan(host, scan, deadline)
        except Exception as trouble:  # noqa: BLE001 - a defect there must not take away what the host itself answered
            detail = f"the port scan failed: {type(trouble).__name__}: {trouble}"
            answer = Answer(scan, AnswerStatus.LOST, asked, detail=detail)
        # What it waited for the scans of others is no time of this host, neither for the next one.
        deadline += (answer.started - (answer.asked or answer.started)).total_seconds()
        answers.append(answer)
    return answers


def _allowed(answer: Answer, may: HostAllowance) -> Answer:
    """The answer of a port scan, unless the host sent too much."""
    try:
        may.take(len(answer.stdout) + len(answer.stderr))
    except TooMuch as error:
        return Answer(answer.request, AnswerStatus.LIMIT, answer.started, answer.duration, detail=str(error))
    return answer
