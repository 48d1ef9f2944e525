"""`secaudit deliver`: what changed is told once, to those who are to know."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BufferedReader
from pathlib import Path

import pytest

from secaudit.cli.main import run
from secaudit.export.delivery.sending import Refused
from secaudit.model.answer import Reach
from secaudit.model.delivery import Stage
from secaudit.model.outcome import Outcome
from secaudit.store import Store, open_store
from tests.store.scenes import WEB, a_result, a_run, record

DELIVERY = """
targets:
  archive: {directory: ./sent}
  broken: {smtp: {host: 127.0.0.1, port: 1, security: none, sender: a@provider.example, to: [b@provider.example]}}
subscriptions:
  - {customer: muster, changes: [archive], monthly: [archive], minimum: high}
"""


def scanned(store: Store, ago: timedelta, *results: Outcome, reach: Reach = Reach.COMPLETE) -> None:
    """A scan of one host so long ago."""
    at = datetime.now(UTC) - ago
    info = replace(a_run(id=f"run-{at.isoformat()}"), started=at)
    store.begin(info, [WEB])
    record(store, info, WEB, [a_result(WEB, outcome=outcome) for outcome in results], reach)
    store.finish(replace(info, finished=at))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a store and a delivery file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECAUDIT_STORE", str(tmp_path / "store.sqlite"))
    (tmp_path / "delivery").mkdir()
    (tmp_path / "delivery" / "all.yaml").write_text(DELIVERY)
    return tmp_path


def messages(place: Path) -> list[str]:
    return [(folder / "message.txt").read_text() for folder in sorted((place / "delivery" / "sent").glob("[0-9]*"))]


def test_a_finding_is_told_once_and_its_end_once(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_store(str(place / "store.sqlite")) as store:
        scanned(store, timedelta(hours=3), Outcome.FAILED)
        assert run(["deliver"]) == 0
        assert "muster: 1 new" in capsys.readouterr().out
        assert not (place / "delivery" / "sent").exists(), "nothing leaves unless asked for"
        assert run(["deliver", "--send"]) == 0
        assert run(["deliver", "--send"]) == 0
        scanned(store, timedelta(hours=2), Outcome.FAILED)
        assert run(["deliver", "--send"]) == 0
        scanned(store, timedelta(hours=1), Outcome.PASSED)
        assert run(["deliver", "--send"]) == 0
    told = messages(place)
    assert [text.splitlines()[0] for text in told] == ["[secaudit] muster: 1 new", "[secaudit] muster: 1 resolved"]


def test_the_end_of_what_was_only_unproven_is_no_good_news(place: Path) -> None:
    with open_store(str(place / "store.sqlite")) as store:
        for hours, outcome in ((5, Outcome.UNPROVEN), (4, Outcome.PASSED), (3, Outcome.UNPROVEN)):
            scanned(store, timedelta(hours=hours), outcome)
            assert run(["deliver", "--send"]) == 0
        assert messages(place) == []
        for hours, outcome in ((2, Outcome.FAILED), (1, Outcome.UNPROVEN), (0, Outcome.PASSED)):
            scanned(store, timedelta(hours=hours), outcome)
            assert run(["deliver", "--send"]) == 0
    heads = [text.splitlines()[0] for text in messages(place)]
    assert heads == ["[secaudit] muster: 1 new", "[secaudit] muster: 1 resolved"]


def test_a_host_that_does_not_answer_is_told_once_and_when_it_is_back(place: Path) -> None:
    with open_store(str(place / "store.sqlite")) as store:
        scanned(store, timedelta(hours=9), Outcome.PASSED)
        for hours, reach in ((8, Reach.UNREACHABLE), (7, Reach.UNREACHABLE), (6, Reach.COMPLETE)):
            scanned(store, timedelta(hours=hours), reach=reach)
            assert run(["deliver", "--send"]) == 0
    heads = [text.splitlines()[0] for text in messages(place)]
    assert heads == ["[secaudit] muster: 1 unreachable", "[secaudit] muster: 1 reachable again"]


def test_a_host_that_is_scanned_only_in_part_is_told_once_and_when_that_ends(place: Path) -> None:
    course = [Reach.COMPLETE, Reach.PARTIAL, Reach.PARTIAL, Reach.COMPLETE, Reach.COMPLETE]
    course += [Reach.UNREACHABLE, Reach.PARTIAL, Reach.PARTIAL, Reach.COMPLETE]
    with open_store(str(place / "store.sqlite")) as store:
        for hours, reach in enumerate(course):
            scanned(store, timedelta(hours=20 - hours), *[Outcome.PASSED] * (reach is Reach.COMPLETE), reach=reach)
            assert run(["deliver", "--send"]) == 0
            assert run(["deliver", "--send"]) == 0
    told = messages(place)
    heads = [text.splitlines()[0].removeprefix("[secaudit] muster: ") for text in told]
    assert heads == [
        "1 partly scanned",
        "1 scanned whole again",
        "1 unreachable",
        "1 partly scanned",
        "1 scanned whole again",
    ]
    assert "web1: connection refused" in told[0]


def test_what_is_long_ago_is_not_told(place: Path) -> None:
    with open_store(str(place / "store.sqlite")) as store:
        scanned(store, timedelta(days=30), Outcome.FAILED)
    assert run(["deliver", "--send"]) == 0
    assert not (place / "delivery" / "sent").exists()


def test_a_report_goes_out_once_with_all_its_files(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_store(str(place / "store.sqlite")) as store:
        scanned(store, timedelta(hours=3), Outcome.PASSED)
    month = ["deliver", "--send", "--month", "2026-10", "--customer", "muster"]
    assert run(month) == 2
    assert "secaudit report --kind monthly" in capsys.readouterr().err
    folder = place / "out" / "muster"
    folder.mkdir(parents=True)
    for name in ("monthly-2026-10-de.html", "monthly-2026-10-de.html.intoto.json"):
        (folder / name).write_text(name)
    assert run(month) == 0
    assert run(month) == 0
    (sent,) = (place / "delivery" / "sent").glob("[0-9]*")
    assert (sent / "monthly-2026-10-de.html.intoto.json").is_file()


def test_what_cannot_be_sent_waits_and_is_tried_again(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = place / "delivery" / "all.yaml"
    file.write_text(DELIVERY.replace("changes: [archive]", "changes: [broken]"))
    with open_store(str(place / "store.sqlite")) as store:
        scanned(store, timedelta(hours=3), Outcome.FAILED)
        assert run(["deliver", "--send"]) == 3
        (waiting,) = store.posted()
        assert waiting.next > datetime.now(UTC)
    assert run(["deliver", "list"]) == 0
    assert "127.0.0.1:1" in capsys.readouterr().out
    assert run(["deliver", "drop", str(waiting.id)]) == 0
    assert run(["deliver", "retry", str(waiting.id)]) == 0
    assert run(["deliver", "--send"]) == 3


def test_what_is_refused_for_good_fails_at_once_and_keeps_the_answer(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise Refused("mx.muster.example refuses it@muster.example: 550 5.1.1 no such user")

    monkeypatch.setattr("secaudit.cli.posting.deliver", refuse)
    with open_store(str(place / "store.sqlite")) as store:
        scanned(store, timedelta(hours=3), Outcome.FAILED)
        assert run(["deliver", "--send"]) == 3
        (failed,) = store.posted()
        assert (failed.stage, failed.attempts) == (Stage.FAILED, 1)
        assert store.waiting(datetime.now(UTC) + timedelta(days=1)) == ()
    assert run(["deliver", "--send"]) == 3, "until somebody decides"
    capsys.readouterr()
    assert run(["deliver", "list"]) == 0
    assert "550 5.1.1 no such user" in capsys.readouterr().out


def test_who_has_mended_it_need_not_wait(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits to be tried again is told each time, with when; `retry` sends it at once."""
    monkeypatch.setattr("secaudit.cli.posting._FIRST_WAIT", timedelta(days=1))
    file = place / "delivery" / "all.yaml"
    file.write_text(DELIVERY.replace("changes: [archive]", "changes: [broken]"))
    with open_store(str(place / "store.sqlite")) as store:
        scanned(store, timedelta(hours=3), Outcome.FAILED)
        assert run(["deliver", "--send"]) == 3
        capsys.readouterr()
        assert run(["deliver", "--send"]) == 3
        assert capsys.readouterr().err == "1 message will be tried again: secaudit deliver list\n"
        assert run(["deliver"]) == 0
        assert re.search(r"again from \S+ \S+ UTC on\)\n", capsys.readouterr().out)
        (waiting,) = store.posted()
        mended = DELIVERY.replace("broken:", "other:").replace("archive:", "broken:")
        file.write_text(mended.replace("[archive]", "[broken]"))
        assert run(["deliver", "retry", str(waiting.id)]) == 0
        assert run(["deliver", "--send"]) == 0
        assert run(["deliver", "--send"]) == 0
        assert "nothing to tell" in capsys.readouterr().err
        assert run(["deliver", "retry", str(waiting.id)]) == 2, "it was sent"


def test_what_failed_for_good_is_told_until_somebody_decides(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = place / "delivery" / "all.yaml"
    file.write_text(DELIVERY.replace("changes: [archive]", "changes: [broken]"))
    with open_store(str(place / "store.sqlite")) as store:
        scanned(store, timedelta(hours=3), Outcome.FAILED)
        assert run(["deliver", "--send"]) == 3
        (waiting,) = store.posted()
        assert store.claim(waiting.id, datetime.now(UTC), timedelta(minutes=1))
        store.settle(waiting.id, Stage.FAILED, "eight times", datetime.now(UTC))
        capsys.readouterr()
        assert run(["deliver", "--send"]) == 3
        assert capsys.readouterr().err == "1 message could not be sent: secaudit deliver list\n"
        assert run(["deliver", "drop", str(waiting.id)]) == 0
        assert run(["deliver", "--send"]) == 0


def test_a_sender_that_is_killed_in_the_middle_leaves_a_message_for_a_person(place: Path) -> None:
    """The server takes the connection and says nothing; the sender is killed while it waits."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        (place / "delivery" / "all.yaml").write_text(
            DELIVERY.replace("changes: [archive]", "changes: [broken]").replace("port: 1,", f"port: {port},")
        )
        with open_store(str(place / "store.sqlite")) as store:
            scanned(store, timedelta(hours=3), Outcome.FAILED)
        program = [str(Path(sys.executable).with_name("secaudit")), "deliver", "--send"]
        sender = subprocess.Popen(program, env=dict(os.environ), cwd=place)
        connection, _ = silent.accept()
        os.kill(sender.pid, signal.SIGKILL)
        sender.wait()
        connection.close()
    with open_store(str(place / "store.sqlite")) as store:
        (left,) = store.posted()
        assert left.stage.value == "sending"
        assert store.expire(left.next) == 1
    assert run(["deliver", "--send"]) == 3, "it says that there is one nobody knows about, and sends nothing"


def test_an_outage_is_told_once_however_long_it_lasts(place: Path) -> None:
    with open_store(str(place / "store.sqlite")) as store:
        scanned(store, timedelta(hours=80), Outcome.PASSED)
        for hours in range(79, 14, -1):
            scanned(store, timedelta(hours=hours), reach=Reach.UNREACHABLE)
            if hours % 8 == 0:
                assert run(["deliver", "--send"]) == 0
    assert [text.splitlines()[0] for text in messages(place)] == ["[secaudit] muster: 1 unreachable"]


def test_a_scan_that_broke_off_is_told_once(place: Path) -> None:
    at = datetime.now(UTC) - timedelta(hours=9)
    with open_store(str(place / "store.sqlite")) as store:
        scanned(store, timedelta(hours=20), Outcome.PASSED)
        store.begin(replace(a_run(id="broken"), started=at), [WEB])
        assert run(["deliver", "--send"]) == 0
        assert run(["deliver", "--send"]) == 0
    (text,) = messages(place)
    assert "the same scan and --resume broken" in text


CONTRACT = """
schema: secaudit.contract/1
customer: {id: muster, name: Muster GmbH, number: V-1}
valid: {from: 2020-01-01, until: 2099-12-31}
calendar: {timezone: Europe/Vienna, hours: {mon-sun: ["00:00-24:00"]}}
priorities:
  P2: {from: [high], response: {time: 2h, clock: real}, remediation: {time: 10h, clock: real}}
report: {language: de, recipients: [it@kunde.example]}
"""


def test_deadlines_are_told_as_they_come_near_and_pass_and_old_ones_not(place: Path) -> None:
    (place / "contracts").mkdir()
    (place / "contracts" / "muster.yaml").write_text(CONTRACT)
    with open_store(str(place / "store.sqlite")) as store:
        scanned(store, timedelta(hours=9), Outcome.FAILED)
        assert run(["deliver", "--send"]) == 0
        assert run(["deliver", "--send"]) == 0
    (text,) = messages(place)
    assert text.splitlines()[0] == "[secaudit] muster: 1 überfällig, 1 neu, 1 bald fällig"
    assert "Reaktion innerhalb von 2h" in text
    assert "Behebung innerhalb von 10h" in text


@pytest.mark.parametrize(
    ("customer", "language", "contract", "head"),
    [
        ("muster", "", "de", "1 neu"),
        ("muster", "", "en", "1 new"),
        ("muster", "", "", "1 new"),
        ("muster", ", language: en", "de", "1 new"),
        ("muster", ", language: de", "", "1 neu"),
        ("'*'", "", "de", "1 new"),
        ("'*'", ", language: de", "en", "1 neu"),
    ],
)
def test_a_digest_is_in_the_language_of_the_subscription_else_of_the_contract(
    place: Path, customer: str, language: str, contract: str, head: str
) -> None:
    if contract:
        (place / "contracts").mkdir()
        text = CONTRACT.replace("language: de", f"language: {contract}").replace(
            "response: {time: 2h", "response: {time: 9d"
        )
        (place / "contracts" / "muster.yaml").write_text(
            text.replace("remediation: {time: 10h", "remediation: {time: 9d")
        )
    archive, service = place / "delivery" / "all.yaml", "The service ssh.service has failed."
    archive.write_text(
        DELIVERY.split("subscriptions:", maxsplit=1)[0]
        + f"subscriptions:\n  - {{customer: {customer}, changes: [archive], minimum: high{language}}}\n"
    )
    with open_store(str(place / "store.sqlite")) as store:
        at = datetime.now(UTC) - timedelta(hours=1)
        info = replace(a_run(id="run-1"), started=at)
        store.begin(info, [WEB])
        record(store, info, WEB, [replace(a_result(WEB, outcome=Outcome.FAILED), reason=service)])
        store.finish(replace(info, finished=at))
    assert run(["deliver", "--send"]) == 0
    (text,) = messages(place)
    assert text.splitlines()[0] == f"[secaudit] muster: {head}"
    assert (service in text) == (head == "1 new")
    assert ("Der Dienst ssh.service ist ausgefallen." in text) == (head == "1 neu")


def test_what_passed_long_ago_is_not_told_to_who_subscribes_today(place: Path) -> None:
    (place / "contracts").mkdir()
    (place / "contracts" / "muster.yaml").write_text(CONTRACT)
    with open_store(str(place / "store.sqlite")) as store:
        scanned(store, timedelta(days=40), Outcome.FAILED)
        scanned(store, timedelta(hours=1), Outcome.FAILED)
    assert run(["deliver", "--send"]) == 0
    assert messages(place) == []


def test_a_monthly_mail_goes_to_the_recipients_of_the_contract(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "contracts").mkdir()
    (place / "contracts" / "muster.yaml").write_text(CONTRACT)
    (place / "delivery" / "all.yaml").write_text(DELIVERY.replace("monthly: [archive]", "monthly: [broken]"))
    (place / "out" / "muster").mkdir(parents=True)
    (place / "out" / "muster" / "monthly-2026-10-de.html").write_text("page")
    with open_store(str(place / "store.sqlite")) as store:
        scanned(store, timedelta(hours=3), Outcome.PASSED)
    assert run(["deliver", "--month", "2026-10", "--customer", "muster"]) == 0
    shown = capsys.readouterr().out
    assert "b@provider.example, it@kunde.example" in shown
    assert "Muster GmbH: Monatsbericht 2026-10" in shown


class TakesAndHangs(threading.Thread):
    """A mail server that takes a message and never says goodbye; `taken` is set once it has answered 250."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.taken, self.told = threading.Event(), threading.Event()
        self.messages = 0

    def run(self) -> None:
        connection, _ = self._socket.accept()
        with self._socket, connection, connection.makefile("rb") as lines:
            self._talk(connection, lines)

    def _talk(self, connection: socket.socket, lines: BufferedReader) -> None:
        connection.sendall(b"220 here\r\n")
        for line in lines:
            word = line.split(b" ")[0].strip().upper()
            if word == b"DATA":
                connection.sendall(b"354 go on\r\n")
                while lines.readline() != b".\r\n":
                    pass
                self.messages += 1
                connection.sendall(b"250 taken\r\n")
            elif word == b"QUIT":
                self.taken.set()
                self.told.wait(60)
                break
            else:
                connection.sendall(b"250 fine\r\n")


def test_what_was_taken_before_the_sender_was_killed_is_not_sent_again(place: Path) -> None:
    server = TakesAndHangs()
    server.start()
    (place / "delivery" / "all.yaml").write_text(
        DELIVERY.replace("changes: [archive]", "changes: [broken]").replace("port: 1,", f"port: {server.port},")
    )
    with open_store(str(place / "store.sqlite")) as store:
        scanned(store, timedelta(hours=3), Outcome.FAILED)
    sender = subprocess.Popen(
        [str(Path(sys.executable).with_name("secaudit")), "deliver", "--send"], env=dict(os.environ), cwd=place
    )
    assert server.taken.wait(30)
    os.kill(sender.pid, signal.SIGKILL)
    sender.wait()
    server.told.set()
    server.join(30)
    with open_store(str(place / "store.sqlite")) as store:
        (left,) = store.posted()
        assert left.stage.value == "sending"
        store.expire(left.next)
        assert store.waiting(left.next) == ()
    assert run(["deliver", "--send"]) == 3
    assert server.messages == 1


DYING = """
import os, signal, sys
from secaudit.cli.main import run
from secaudit.store import outbox

def die(*arguments, **named):
    os.kill(os.getpid(), signal.SIGKILL)

{where} = die
run(["deliver", "--send"])
"""


@pytest.mark.parametrize(
    ("where", "composed"),
    [("outbox._row", 0), ("outbox.Outbox.waiting", 1), ("outbox.Outbox.claim", 1)],
    ids=["while it is put into the outbox", "before it looks what waits", "before it claims the message"],
)
def test_what_was_composed_before_the_sender_was_killed_is_sent_once(place: Path, where: str, composed: int) -> None:
    """What is told and the message are put down together: both, or neither and it is composed anew."""
    with open_store(str(place / "store.sqlite")) as store:
        scanned(store, timedelta(hours=3), Outcome.FAILED)
    died = subprocess.run([sys.executable, "-c", DYING.format(where=where)], cwd=place, check=False)
    assert died.returncode == -signal.SIGKILL
    with open_store(str(place / "store.sqlite")) as store:
        assert len(store.posted()) == composed
    assert messages(place) == []
    assert run(["deliver", "--send"]) == 0
    assert run(["deliver", "--send"]) == 0
    assert len(messages(place)) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("subscriptions: [{customer: muster, changes: [chat]}]", "1:46: there is no target 'chat'"),
        ("targets: {a: {smtp: {host: m.example, security: none, sender: a@b.example}}}", "in the clear"),
        ("targets: {a: {directory: x, apprise: {env: U}}}", "one of smtp, apprise and directory"),
        ("subscriptions: [{customer: '*', monthly: [a]}]", "monthly report is for one customer"),
        ("{}", "no delivery file says"),
    ],
)
def test_what_is_wrong_in_a_file_is_said(place: Path, text: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "delivery" / "all.yaml").write_text(text)
    assert run(["deliver"]) == 2
    assert says in capsys.readouterr().err
