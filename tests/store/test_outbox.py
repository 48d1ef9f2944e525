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
    (number,) = store.waiting(START)
    assert store.message(number).message == MESSAGE
    assert store.untold(["x", "y", "z"]) == {"z"}


def test_only_one_sender_gets_a_message(store: Store) -> None:
    store.post({"a": Letter(MESSAGE)}, START)
    (number,) = store.waiting(START)
    assert store.claim(number, START, LEASE)
    assert not store.claim(number, START, LEASE)
    assert store.waiting(START) == ()


def test_senders_at_once_share_the_work(store: Store) -> None:
    store.post({str(number): Letter(MESSAGE) for number in range(20)}, START)
    url = str(store._url.database)
    claimed: list[int] = []

    def work() -> None:
        with open_store(url) as own:
            claimed.extend(number for number in own.waiting(START) if own.claim(number, START, LEASE))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == sorted(set(claimed))
    assert len(claimed) == 20


def test_what_a_dead_sender_left_is_uncertain_and_waits_for_a_person(store: Store) -> None:
    store.post({"a": Letter(MESSAGE)}, START)
    (number,) = store.waiting(START)
    store.claim(number, START, LEASE)
    assert store.expire(START + LEASE - timedelta(seconds=1)) == 0
    assert store.expire(START + LEASE) == 1
    store.settle(number, Stage.SENT, "", START)
    (left,) = store.posted()
    assert left.stage is Stage.UNCERTAIN, "a sender that wakes up late changes nothing"
    assert store.waiting(START + LEASE) == ()
    store.send_again(number, START + LEASE)
    assert len(store.waiting(START + LEASE)) == 1


@pytest.mark.parametrize("stage", [Stage.SENT, Stage.DROPPED])
def test_what_is_over_is_not_dropped(store: Store, stage: Stage) -> None:
    store.post({"a": Letter(MESSAGE)}, START)
    (number,) = store.waiting(START)
    store.claim(number, START, LEASE)
    store.settle(number, stage, "", START)
    with pytest.raises(StoreError, match=f"message {number} is {stage.value}"):
        store.drop(number, START)
    with pytest.raises(StoreError, match="no message 99"):
        store.drop(99, START)


def test_topics_keep_their_parts_apart() -> None:
    assert topic_of("a", "bc") != topic_of("ab", "c")


def test_a_message_without_its_file_is_not_read_as_one_with_an_empty_one(store: Store) -> None:
    store.post({"a": Letter(MESSAGE)}, START)
    (number,) = store.waiting(START)
    with store._writing() as connection:
        connection.exec_driver_sql("DELETE FROM blob")
    with pytest.raises(StoreError, match=r"lacks its file a\.pdf"):
        store.message(number)
