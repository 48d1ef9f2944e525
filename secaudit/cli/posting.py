"""Composing what is told to whom, and sending what waits in the outbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from secaudit.cli.changes import changes_of
from secaudit.cli.exits import CommandError
from secaudit.export.delivery.digest import Change, body, subject
from secaudit.export.delivery.sending import MaybeDelivered, Refused, Reveal, deliver
from secaudit.model.contract import Contracts
from secaudit.model.delivery import (
    EVERYONE,
    Attachment,
    DeliveryPlan,
    Letter,
    MailTarget,
    Message,
    Posted,
    Stage,
    Subscription,
)
from secaudit.model.errors import UserError
from secaudit.model.hours import Month
from secaudit.model.phrasebook import Phrasebook
from secaudit.store import Store, StoreError
from secaudit.store.outbox import topic_of

LEASE = timedelta(minutes=10)
"""How long sending one message may take; after that nobody knows whether it arrived."""

TRIES = 8
_FIRST_WAIT = timedelta(minutes=1)
_ATTACHED = 25 * 1024 * 1024
"""Bytes that go along with a message; mail servers take no more."""


def digests(store: Store, contracts: Contracts, plan: DeliveryPlan, now: datetime) -> Mapping[str, Letter]:
    """A digest for each target that has something to be told it was not told yet (`now` is aware UTC)."""
    letters: dict[str, Letter] = {}
    books: dict[str, Phrasebook] = {}
    for customer in (one.customer for one in store.customers()):
        for target, subscriptions in _told_of(plan, customer).items():
            found = {
                topic_of(target, change.key): change
                for one in subscriptions
                for change in changes_of(store, contracts, customer, one.minimum, now)
            }
            new = sorted(store.untold(found.keys()))
            if new:
                told: list[Change] = [found[topic] for topic in new]
                language = _language(subscriptions, contracts, customer)
                if language not in books:
                    books[language] = _book(language)
                book = books[language]
                head, text = subject(customer, told, book), body(customer, told, now, book)
                message = Message(customer, target, head, text)
                letters[topic_of("digest", target, *new)] = Letter(message, tuple(new))
    return letters


def _told_of(plan: DeliveryPlan, customer: str) -> Mapping[str, list[Subscription]]:
    told: dict[str, list[Subscription]] = {}
    for one in plan.subscriptions:
        if one.customer in (customer, EVERYONE):
            for target in one.changes:
                told.setdefault(target, []).append(one)
    return told


def _language(subscriptions: Sequence[Subscription], contracts: Contracts, customer: str) -> str:
    """What a target is written to in about a customer, by its subscriptions."""
    named = next((one.language for one in subscriptions if one.language), "")
    contract = contracts.of(customer)[-1:] if any(one.customer == customer for one in subscriptions) else ()
    return named or (contract[0].report.language if contract else "en")


def _book(language: str) -> Phrasebook:
    """The words of messages; the catalogues are read only where they are needed."""
    if language == "en":
        return Phrasebook()
    from secaudit.cli.translations import phrasebook

    return phrasebook(language, "secaudit.export.delivery")


def monthly_topics(plan: DeliveryPlan, customer: str, month: Month) -> Mapping[str, str]:
    """The topic of the report of a month for each target that gets it."""
    mine = [one for one in plan.subscriptions if one.customer == customer]
    return {name: topic_of("monthly", name, customer, str(month)) for one in mine for name in one.monthly}


def monthly(
    plan: DeliveryPlan,
    contracts: Contracts,
    customer: str,
    month: Month,
    folder: Path,
    counts: Callable[[Path], bool] = lambda _: True,
) -> Mapping[str, Letter]:
    """The customer's report of a month, to everybody who gets it: of the files in the folder those that count.

    Raises CommandError when there is none to send.
    """
    topics = monthly_topics(plan, customer, month)
    if not topics:
        raise CommandError(f"nobody gets the monthly report of {customer}: name targets under `monthly`")
    there = sorted(folder.glob(f"monthly-{month}-*"))
    files = [path for path in there if counts(path)]
    if not files:
        lacking = "only a preview, written before the month was over" if there else f"no report of {month}"
        raise CommandError(
            f"there is {lacking} in {folder}; write it with "
            f"secaudit report --kind monthly --customer {customer} --month {month}"
        )
    try:
        attachments = tuple(Attachment(path.name, path.read_bytes()) for path in files)
    except OSError as error:
        raise CommandError(f"cannot read {error.filename}: {error.strerror or error}") from None
    if sum(len(file.data) for file in attachments) > _ATTACHED:
        raise CommandError(f"the files of {month} in {folder} are too large for a mail")
    mine = [one for one in plan.subscriptions if one.customer == customer]
    contract = contracts.of(customer)[-1:]
    recipients = contract[0].report.recipients if contract else ()
    called = contract[0].name if contract else ""
    letters = {}
    for name, topic in topics.items():
        target = plan.target(name)
        to = (*target.to, *recipients) if isinstance(target, MailTarget) else ()
        book = _book(_language([one for one in mine if name in one.monthly], contracts, customer))
        shown = f"{called or customer}: {book.told(f'Monthly report {month}')}"
        text = book.told(f"Attached: the report on {month}.") + "\n"
        message = Message(customer, name, shown, text, tuple(dict.fromkeys(to)), attachments)
        letters[topic] = Letter(message)
    return letters


@dataclass(frozen=True, slots=True)
class Attempt:
    """One message that was tried, and how that ended."""

    id: int
    target: str
    stage: Stage
    detail: str


def send_waiting(store: Store, plan: DeliveryPlan, reveal: Reveal, clock: Callable[[], datetime]) -> Iterator[Attempt]:
    """Send what waits. Each message is claimed on disk before it leaves, so that no two senders have it."""
    store.expire(clock())
    for number in store.waiting(clock()):
        if store.claim(number, clock(), LEASE):
            try:
                posted = store.message(number)
            except StoreError as trouble:
                store.settle(number, Stage.FAILED, str(trouble), clock())
                yield Attempt(number, "", Stage.FAILED, str(trouble))
                continue
            stage, detail = _sent(posted, plan, reveal)
            again = clock()
            if stage is Stage.WAITING:
                # The claim has counted this attempt already.
                again += _FIRST_WAIT * 2 ** (posted.attempts - 1)
                stage = Stage.FAILED if posted.attempts >= TRIES else stage
            store.settle(number, stage, detail, again)
            yield Attempt(number, posted.message.target, stage, detail)


def _sent(posted: Posted, plan: DeliveryPlan, reveal: Reveal) -> tuple[Stage, str]:
    target = plan.target(posted.message.target)
    if target is None:
        return Stage.WAITING, f"the delivery files have no target {posted.message.target!r} any more"
    try:
        deliver(posted, target, reveal)
    except MaybeDelivered as trouble:
        return Stage.UNCERTAIN, str(trouble)
    except Refused as trouble:
        return Stage.FAILED, str(trouble)
    except UserError as trouble:
        return Stage.WAITING, str(trouble)
    except Exception as trouble:  # noqa: BLE001 - one message's trouble stays its own; nobody knows how far it got
        return Stage.UNCERTAIN, f"sending it failed with {type(trouble).__name__}"
    return Stage.SENT, ""
