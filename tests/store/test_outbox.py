"""The outbox: nothing is told twice, and nothing is lost, whoever dies when."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from secaudit.model.delivery import Attachment, Letter, Message, Stage
from secaudit.store import Store, StoreError, open_store
from secaudit.store.outbox import topic_of
from tests.store.scenes import START

LEASE = timedelta(minutes=10)
MESSAGE = Message("muster", "mail", "1 new", "text\n", ("it@muster.example",), (Attachment("a.pdf", b"%PDF"),))


def test_a_message_is_posted_once_with_its_files(store: Store) -> None:
    assert store.post({"a": Letter(MESSAGE, ("x", "y"))}, START) == 1
    assert store.post({"a": Letter(MESSAGE)}, START) == 0
    assert store.post({"b": Letter(MESSAGE, ("y", "z"))}, START) == 0, (
        "y was told; z is told with what is composed next"
    )
    (posted,) = store.due_messages(START)
    assert posted.message == MESSAGE
    assert store.untold(["x", "y", "z"]) == {"z"}


def test_only_one_sender_gets_a_message(store: Store) -> None:
    store.post({"a": Letter(MESSAGE)}, START)
    (posted,) = store.due_messages(START)
    assert store.claim(posted.id, START, LEASE)
    assert not store.claim(posted.id, START, LEASE)
    assert store.due_messages(START) == ()


def test_senders_at_once_share_the_work(store: Store) -> None:
    store.post({str(number): Letter(MESSAGE) for number in range(20)}, START)
    url = str(store._url.database)
    claimed: list[int] = []

    def work() -> None:
        with open_store(url) as own:
            claimed.extend(posted.id for posted in own.due_messages(START) if own.claim(posted.id, START, LEASE))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == sorted(set(claimed))
    assert len(claimed) == 20


def test_what_a_dead_sender_left_is_uncertain_and_waits_for_a_person(store: Store) -> None:
    store.post({"a": Letter(MESSAGE)}, START)
    (posted,) = store.due_messages(START)
    store.claim(posted.id, START, LEASE)
    assert store.expire(START + LEASE - timedelta(seconds=1)) == 0
    assert store.expire(START + LEASE) == 1
    store.settle(posted.id, Stage.SENT, "", START)
    (left,) = store.posted()
    assert left.stage is Stage.UNCERTAIN, "a sender that wakes up late changes nothing"
    assert store.due_messages(START + LEASE) == ()
    store.send_again(posted.id, START + LEASE)
    assert len(store.due_messages(START + LEASE)) == 1


@pytest.mark.parametrize("stage", [Stage.SENT, Stage.DROPPED])
def test_what_is_over_is_not_dropped(store: Store, stage: Stage) -> None:
    store.post({"a": Letter(MESSAGE)}, START)
    (posted,) = store.due_messages(START)
    store.claim(posted.id, START, LEASE)
    store.settle(posted.id, stage, "", START)
    with pytest.raises(StoreError, match=f"message {posted.id} is {stage.value}"):
        store.drop(posted.id, START)
    with pytest.raises(StoreError, match="no message 99"):
        store.drop(99, START)


def test_topics_keep_their_parts_apart() -> None:
    assert topic_of("a", "bc") != topic_of("ab", "c")
