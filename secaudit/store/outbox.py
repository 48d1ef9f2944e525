"""Messages to people outside, from when they are composed until they were sent, and what was told already."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, text, update

from secaudit.model.delivery import Attachment, Letter, Message, Posted, Stage
from secaudit.store.blobs import keep, load
from secaudit.store.errors import StoreError
from secaudit.store.queries import Queries
from secaudit.store.schema import outbox, told
from secaudit.transcript.codec import TranscriptError

_BATCH = 500


def topic_of(*parts: str) -> str:
    """A digest that stands for something told to somebody."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


class Outbox(Queries):
    """What a store knows about messages. Times are aware UTC."""

    def _writing(self) -> AbstractContextManager[Connection]:
        raise NotImplementedError

    def untold(self, topics: Collection[str]) -> frozenset[str]:
        """Those of the topics that nobody was told yet."""
        with self._reading() as connection:
            return frozenset(topics) - _told(connection, topics)

    def post(self, letters: Mapping[str, Letter], now: datetime) -> int:
        """Put messages (by topic) into the outbox and mark what they tell as told, all in one transaction.

        Left out is a message whose topic is there already, and one that tells something that was told since it was
        composed: what is left of it is composed anew next time. Returns how many were put in.
        """
        posted = 0
        with self._writing() as connection:
            if connection.dialect.name == "postgresql":
                # SQLite has one writer anyway.
                connection.execute(text("LOCK TABLE told, outbox IN SHARE ROW EXCLUSIVE MODE"))
            for topic, letter in letters.items():
                known = select(outbox.c.id).where(outbox.c.topic == topic)
                if connection.execute(known).first() is None and not _told(connection, letter.tells):
                    if letter.tells:
                        connection.execute(insert(told), [{"topic": one, "at": now} for one in letter.tells])
                    connection.execute(insert(outbox).values(_row(connection, topic, letter.message, now)))
                    posted += 1
        return posted

    def known_topics(self, topics: Collection[str]) -> frozenset[str]:
        """The topics of messages that are in the outbox, sent ones among them."""
        with self._reading() as connection:
            query = select(outbox.c.topic).where(outbox.c.topic.in_(sorted(topics)))
            return frozenset(connection.execute(query).scalars())

    def posted(self, stages: Collection[Stage] = tuple(Stage), limit: int = 200) -> tuple[Posted, ...]:
        """The newest messages in one of the stages, without the contents of their files."""
        query = (
            select(outbox)
            .where(outbox.c.stage.in_([stage.value for stage in stages]))
            .order_by(outbox.c.id.desc())
            .limit(limit)
        )
        with self._reading() as connection:
            return tuple(_posted(row, {}) for row in connection.execute(query))

    def waiting(self, now: datetime, limit: int = 200) -> tuple[int, ...]:
        """The ids of messages that wait and may be sent, the oldest first."""
        may = (outbox.c.stage == Stage.WAITING.value) & (outbox.c.next <= now)
        with self._reading() as connection:
            return tuple(
                connection.execute(select(outbox.c.id).where(may).order_by(outbox.c.id).limit(limit)).scalars()
            )

    def message(self, id: int) -> Posted:
        """A message with the contents of its files. Raises StoreError where one is gone or damaged."""
        with self._reading() as connection:
            row = connection.execute(select(outbox).where(outbox.c.id == id)).first()
            if row is None:
                raise StoreError(f"the outbox holds no message {id}")
            try:
                contents = load(connection, [digest for _, digest in row.files])
            except TranscriptError as trouble:
                raise StoreError(f"message {id}: {trouble}") from None
        lost = [name for name, digest in row.files if digest not in contents]
        if lost:
            raise StoreError(f"message {id} lacks its file {lost[0]}")
        return _posted(row, contents)

    def claim(self, id: int, now: datetime, lease: timedelta) -> bool:
        """Begin to send a message; False when somebody else does, or it no longer waits.

        Committed before anything is sent: a sender that dies leaves a message that nobody sends by itself again.
        """
        waiting = (outbox.c.id == id) & (outbox.c.stage == Stage.WAITING.value)
        values = {"stage": Stage.SENDING.value, "next": now + lease, "attempts": outbox.c.attempts + 1}
        with self._writing() as connection:
            return connection.execute(update(outbox).where(waiting).values(values)).rowcount == 1

    def settle(self, id: int, stage: Stage, detail: str, next: datetime) -> None:
        """Write down how sending ended; `next` is when to try again, if it is to be."""
        with self._writing() as connection:
            mine = update(outbox).where(outbox.c.id == id, outbox.c.stage == Stage.SENDING.value)
            connection.execute(mine.values(stage=stage.value, detail=detail, next=next))

    def expire(self, now: datetime) -> int:
        """Mark what a sender left in the middle: it may have arrived, and only a person sends it again."""
        left = (outbox.c.stage == Stage.SENDING.value) & (outbox.c.next <= now)
        detail = "the sender ended before it knew whether the message arrived"
        with self._writing() as connection:
            return connection.execute(
                update(outbox).where(left).values(stage=Stage.UNCERTAIN.value, detail=detail)
            ).rowcount

    def send_again(self, id: int, now: datetime) -> None:
        """Let a message wait anew, from now on. Raises StoreError for one that was sent, or is being sent."""
        may = (Stage.WAITING, Stage.FAILED, Stage.UNCERTAIN, Stage.DROPPED)
        self._move(id, may, Stage.WAITING, now, attempts=0)

    def drop(self, id: int, now: datetime) -> None:
        """Never send a message. Raises StoreError for one that was sent, or is being sent."""
        self._move(id, (Stage.WAITING, Stage.FAILED, Stage.UNCERTAIN), Stage.DROPPED, now)

    def _move(self, id: int, before: Collection[Stage], after: Stage, now: datetime, **values: int) -> None:
        with self._writing() as connection:
            row = connection.execute(select(outbox.c.stage).where(outbox.c.id == id).with_for_update()).first()
            if row is None:
                raise StoreError(f"the outbox holds no message {id}")
            if Stage(row.stage) not in before:
                raise StoreError(f"message {id} is {row.stage}")
            moved = update(outbox).where(outbox.c.id == id)
            connection.execute(moved.values(stage=after.value, next=now, **values))


def _told(connection: Connection, topics: Collection[str]) -> set[str]:
    wanted = sorted(topics)
    known: set[str] = set()
    for at in range(0, len(wanted), _BATCH):
        query = select(told.c.topic).where(told.c.topic.in_(wanted[at : at + _BATCH]))
        known.update(connection.execute(query).scalars())
    return known


def _row(connection: Connection, topic: str, message: Message, now: datetime) -> dict[str, Any]:
    digests = [hashlib.sha256(file.data).hexdigest() for file in message.attachments]
    if digests:
        keep(connection, dict(zip(digests, (file.data for file in message.attachments), strict=True)))
    return {
        "topic": topic,
        "customer": message.customer,
        "target": message.target,
        "subject": message.subject,
        "text": message.text,
        "recipients": list(message.to),
        "files": [[file.name, digest] for file, digest in zip(message.attachments, digests, strict=True)],
        "composed": now,
        "stage": Stage.WAITING.value,
        "attempts": 0,
        "next": now,
        "detail": "",
    }


def _posted(row: Row[Any], contents: Mapping[str, bytes]) -> Posted:
    message = Message(
        row.customer,
        row.target,
        row.subject,
        row.text,
        tuple(row.recipients),
        tuple(Attachment(name, contents.get(digest, b"")) for name, digest in row.files),
    )
    return Posted(row.id, message, row.composed, Stage(row.stage), row.attempts, row.next, row.detail)
