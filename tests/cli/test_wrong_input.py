"""What people do wrong with commands that live on files, names and servers: one sentence, exit code 2, no secret."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from secaudit.cli.main import run as run_command
from secaudit.model.signing import SigningKey
from secaudit.store import open_store
from tests.store.scenes import WEB, a_result, a_run, record

Fails = Callable[..., str]

SECRET = "t0ken-s3cret"
FINGERPRINT = a_result(WEB).fingerprint
NONE = "00000000000000000000000000000000"

CONTRACT = """\
schema: secaudit.contract/1
customer: {id: muster, name: Muster GmbH, number: V-1}
valid: {from: 2020-01-01, until: 2099-12-31}
calendar: {timezone: Europe/Vienna, hours: {mon-sun: ["00:00-24:00"]}}
priorities:
  P2: {from: [high], response: {time: 2h, clock: real}, remediation: {time: 10h, clock: real}}
sla: {pause_reasons: [waiting], max_pause: 10d}
availability:
  - {service: shop, target: 99.9, source: shop.csv, min_coverage: 99.0}
resources: {unit: hours, included: 10, period: month, ledger: ledger.csv}
report: {language: en, recipients: [it@kunde.example]}
"""
DELIVERY = """\
targets:
  archive: {directory: ./sent}
subscriptions:
  - {customer: muster, changes: [archive], monthly: [archive], minimum: high}
"""
TRACKER = """\
customer: muster
tracker: github
url: http://127.0.0.1:1
project: acme/ops
secret: {env: TRACKER_TOKEN}
timeout: 1
"""
WAIVERS = "- {control: open-ports, host: web1, subject: tcp/9, owner: a@b.example, reason: x, expires: 2027-01-31}\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory in which everything is right: a store with a finding, and a file of each kind."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("SECAUDIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SECAUDIT_STORE", "store.sqlite")
    monkeypatch.setenv("TRACKER_TOKEN", SECRET)
    for folder, text in (("contracts", CONTRACT), ("delivery", DELIVERY), ("trackers", TRACKER), ("waivers", WAIVERS)):
        Path(folder).mkdir()
        Path(folder, "muster.yaml").write_text(text)
    at = datetime.now(UTC) - timedelta(hours=1)
    run = a_run(id="run")
    with open_store("store.sqlite") as store:
        store.begin(run, [WEB])
        record(store, run, WEB, [a_result(WEB)], at=at)
    return tmp_path


@pytest.fixture
def fails(place: Path, capsys: pytest.CaptureFixture[str]) -> Fails:
    """Run a command line that must end with an exit code (2) and one sentence on stderr, which is returned."""

    def call(line: str, *, code: int = 2) -> str:
        ended = run_command(line.split())
        out, err = capsys.readouterr()
        assert ended == code, out + err
        assert "Traceback" not in err
        assert "failed unexpectedly" not in err
        assert "s3cret" not in out + err
        assert not set(err) & set("\x1b\u202e\x00")
        usage, _, said = err.rpartition("\nError: ")
        assert usage.startswith("Usage: ") or not usage
        assert len(said.splitlines()) == 1, err
        return said

    return call


def same_tree(place: Path) -> Mapping[str, bytes]:
    """Every file that people wrote, and its content."""
    return {
        str(path.relative_to(place)): path.read_bytes()
        for path in sorted(place.rglob("*"))
        if path.is_file() and ".sqlite" not in path.name
    }


READERS = {
    "--trackers": ("tracker sync", "tracker list", f"tracker sync --finding {FINGERPRINT}", "tracker forget OPS-1"),
    "--delivery": ("deliver", "deliver --send", "deliver --month 2026-10 --customer muster"),
    "--contracts": (
        "deliver",
        "contract show muster",
        "contract hours show muster",
        "contract hours add muster 30m",
        "availability show muster",
        "availability probe",
        "availability import muster shop shop.csv",
        f"findings show {FINGERPRINT}",
        f"findings pause {FINGERPRINT} --reason waiting --for 1d",
        "waivers list",
    ),
    "--waivers": ("waivers list", "waivers check"),
}
FILES: Mapping[str, tuple[bytes | None, str]] = {
    "none": (None, "{file}: there is no such file"),
    "broken": (b"customer: [muster\n tracker: {\n", "{file}:2:9: not valid YAML"),
    "empty": (b"", "{file}:1:1: the file is empty"),
    "number": (b"4711\n", "{file}:1:1: expected a"),
    "binary": (b"\xff\xfe\x00\x01", "{file}:1:1: byte 0xff is not UTF-8"),
    "twice": (b"customer: a\ncustomer: b\n", "{file}:2:1: "),
}


@pytest.mark.parametrize(("option", "line"), [(option, line) for option, lines in READERS.items() for line in lines])
def test_files_that_cannot_be_read(fails: Fails, place: Path, option: str, line: str) -> None:
    for kind, (data, said) in FILES.items():
        file = f"{kind}.yaml"
        if data is not None:
            Path(file).write_bytes(data)
        before = same_tree(place)
        assert fails(f"{line} {option} {file}").startswith(said.format(file=file))
        assert same_tree(place) == before


@pytest.mark.parametrize("option", READERS)
def test_a_directory_without_a_file(fails: Fails, option: str) -> None:
    Path("nothing").mkdir()
    assert "nothing: there is no *.yaml file" in fails(f"{READERS[option][0]} {option} nothing")


STORES = {
    "nope.sqlite": "there is no store nope.sqlite yet; a scan creates it",
    "empty.sqlite": "there is no store empty.sqlite yet; a scan creates it",
    "text.sqlite": "the store text.sqlite is not an SQLite database",
    "waivers": "the store waivers is a directory",
    "mysql://u:s3cret@h/x": "no store of the kind 'mysql'",
    "://": "that is not a store URL",
    "postgresql://u:s3cret@127.0.0.1:1/x": "cannot be reached",
    ":memory:": "a store in memory keeps nothing",
    "sqlite:///file:store.sqlite?mode=ro&uri=true": "a store is named by its path",
}
KEEPERS = (
    "tracker sync",
    "tracker sync --apply",
    "tracker list",
    "tracker forget OPS-1",
    "deliver",
    "deliver --send",
    "deliver list",
    "deliver retry 1",
    "deliver drop 1",
    "verify",
    "availability show muster",
    "findings list",
    f"findings show {FINGERPRINT}",
    f"findings history {FINGERPRINT}",
    f"findings ack {FINGERPRINT}",
    f"findings note {FINGERPRINT} hello",
    f"findings pause {FINGERPRINT} --reason waiting --for 1d",
    f"findings resume {FINGERPRINT}",
    f"findings withdraw {FINGERPRINT}",
    "waivers check",
)


@pytest.mark.parametrize("line", KEEPERS)
def test_stores_that_are_none(fails: Fails, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """A mistyped store is not begun by a command that needs what is in it."""
    Path("text.sqlite").write_text("not a database, but long enough to be taken for one " * 40)
    Path("empty.sqlite").touch()
    Path("contracts/shop.csv").write_text("time,up\n")
    for url, said in STORES.items():
        monkeypatch.setenv("SECAUDIT_STORE", url)
        assert said in fails(line)
    assert not Path("nope.sqlite").exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("tracker sync --customer nobody", "there is no tracker of nobody"),
        ("tracker list --customer nobody", "there is no tracker of nobody"),
        (f"tracker sync --finding {NONE}", f"the store knows no finding '{NONE}'; see `secaudit findings list`"),
        ("tracker forget OPS-9", "the store knows no issue 'OPS-9'"),
        ("tracker forget", "Missing argument 'ISSUE'"),
        ("tracker nosuch", "No such command 'nosuch'"),
        ("tracker sync --apply --dry-run", "contradict each other"),
        ("deliver --month 2026-13 --customer muster", "'2026-13' is not a month; write for example 2026-10"),
        ("deliver --customer muster", "--customer needs --month or --due"),
        ("deliver --due --month last", "--due finds the month that is due"),
        ("deliver --due --customer nobody", "there is no contract of nobody"),
        ("deliver --month 2026-10 --customer nobody", "nobody gets the monthly report of nobody"),
        ("deliver --month 2026-10 --customer muster", "there is no report of 2026-10 in out/muster; write it with"),
        ("deliver retry 99", "the outbox holds no message 99"),
        ("deliver drop x", "'x' is not a valid integer"),
        ("keys new waivers", "is a directory"),
        ("keys new nodir/key", "nodir/key: No such file or directory"),
        ("keys new waivers/muster.yaml", "is there already; nothing was written"),
        ("keys show nope.pub", "nope.pub: No such file or directory"),
        ("keys show waivers/muster.yaml", "not a public key in PEM; `secaudit keys new` makes one"),
        ("verify waivers/muster.yaml", "whom do you trust?"),
        ("verify waivers/muster.yaml --key nope.pub", "nope.pub: No such file or directory"),
        ("verify waivers/muster.yaml --key waivers/muster.yaml", "not a public key in PEM"),
        ("availability show nobody", "there is no contract of nobody"),
        ("availability show muster --month x", "'x' is not a month"),
        ("availability show muster", "contracts/shop.csv: cannot be read: No such file or directory"),
        ("availability probe --customer nobody", "no contract in force has a service to probe"),
        ("availability import nobody shop x.csv", "there is no contract of nobody"),
        ("availability import muster door x.csv", "no contract of muster promises the availability of 'door'"),
        ("availability import muster shop x.csv", "x.csv: cannot be read: No such file or directory"),
        ("availability import muster shop waivers", "waivers: cannot be read: Is a directory"),
        ("contract show nobody", "there is no contract of nobody"),
        ("contract validate", "Missing argument 'PATH...'"),
        ("contract hours show nobody", "there is no contract of nobody"),
        ("contract hours show muster", "ledger.csv: cannot be read: No such file or directory"),
        ("contract hours add nobody 30m", "there is no contract of nobody"),
        ("contract hours add muster 30x", "'30x' is not a time of work; write 45, 45m, 2h or 1h30m"),
        ("contract hours add muster 999999999999h", "is not a time of work"),
        ("contract hours add muster 30m --date 2026-02-30", "'2026-02-30' is not a day; write for example 2026-10-31"),
        ("contract hours import muster x.csv", "x.csv: cannot be read"),
        ("findings list --severity bad", "'bad' is not one of"),
        ("findings list --cve=", "name a CVE or an advisory"),
        ("findings list --limit 0", "0 is not in the range"),
        ("findings list --customer nobody", "the store knows no customer 'nobody'; it knows: muster"),
        ("findings list --host nope", "the store knows no host 'nope'"),
        ("findings list --customer muster --host nope", "the store knows no host 'nope' of muster"),
        (f"findings show {NONE}", f"the store knows no finding '{NONE}'; see `secaudit findings list`"),
        (f"findings history {NONE}", f"the store knows no result '{NONE}'"),
        (f"findings ack {NONE}", f"the store knows no finding '{NONE}'"),
        (f"findings note {NONE} hello", f"the store knows no finding '{NONE}'"),
        (f"findings pause {NONE} --reason waiting --for 1d", f"the store knows no finding '{NONE}'"),
        (f"findings pause {FINGERPRINT} --reason tired --for 1d", "no pause reason 'tired'; it allows: waiting"),
        (f"findings pause {FINGERPRINT} --reason waiting --for 99d", "allows a pause of 10d at most"),
        (f"findings pause {FINGERPRINT} --reason waiting --for soon", "'soon' is not a duration; write for example"),
        (f"findings pause {FINGERPRINT} --reason waiting --for 99999999999d", "longer than any duration can be"),
        (f"findings pause {FINGERPRINT} --reason waiting", "Missing option '--for'"),
        (f"findings resume {FINGERPRINT}", "is not paused"),
        (f"findings withdraw {NONE}", f"the store knows no finding '{NONE}'"),
        (f"findings withdraw {FINGERPRINT}", "has no acknowledgement or note that could be taken back"),
        (f"findings withdraw {FINGERPRINT} 1", "has no acknowledgement or note 1"),
        (f"findings withdraw {FINGERPRINT} 0", "0 is not in the range"),
        ("waivers list --customer nobody", "there is neither a waiver nor a contract of nobody"),
        ("waivers check --customer nobody", "there is no waiver of nobody, and the store knows no host of it"),
        ("waivers check --inventory nope.yaml", "nope.yaml: there is no such file"),
        ("waivers add --customer muster", "Missing option '--control'"),
    ],
)
def test_names_days_and_lengths_that_are_wrong(fails: Fails, place: Path, line: str, said: str) -> None:
    before = same_tree(place)
    assert said in fails(line)
    assert same_tree(place) == before


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("--expires yesterday", "nothing was written: 'yesterday' is not a time; write a day such as 2027-01-31"),
        ("--expires 2027-02-30", "nothing was written: '2027-02-30' is not a day"),
        ("--expires 2020-01-01", "nothing was written: the waiver expires at"),
        ("--expires 2099-01-01", "nothing was written: the waiver would be too long"),
        ("--expires 2027-01-01 --start never", "nothing was written: 'never' is not a time"),
        ("--expires 2027-01-01 --waivers broken.yaml", "broken.yaml:2:1: not valid YAML"),
        ("--expires 2027-01-01 --waivers binary.yaml", "binary.yaml:1:1: byte 0xff is not UTF-8"),
    ],
)
def test_waivers_that_are_not_added(fails: Fails, place: Path, given: str, said: str) -> None:
    """What was wrong in the file before is told with its place there, and the new entry without one: it has none."""
    Path("broken.yaml").write_text("- [{\n")
    Path("binary.yaml").write_bytes(b"\xff\xfe")
    before = same_tree(place)
    added = "waivers add --customer muster --control open-ports --host web1 --owner o --reason r"
    assert fails(f"{added} {given}").startswith(said)
    assert same_tree(place) == before


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("p.csv", "nonsense\n", "p.csv:1:1: the first line must name the columns time"),
        ("p.csv", "time,up\n2026-10-01T00:00:00Z,maybe\n", "p.csv:2:1: up is 'maybe'; write 1 or 0"),
        ("p.csv", "time,up\nyesterday,1\n", "p.csv:2:1: 'yesterday' is not a time with its zone"),
        ("p.json", "[\n {,", "p.json:2:3: not JSON"),
        ("p.json", "{}", "p.json: expected a list of objects"),
        ("p.json", "[" * 100_000, "p.json: not JSON"),
        ("p.json", '[{"time": 1e400, "up": 1}]', "p.json:1:1: "),
    ],
)
def test_probes_that_are_none(fails: Fails, name: str, text: str, said: str) -> None:
    Path(name).write_text(text)
    assert said in fails(f"availability import muster shop {name}")


def test_a_ledger_with_a_wrong_line(fails: Fails) -> None:
    Path("h.csv").write_text("date,minutes,kind,ticket,note\n2026-10-01,-5,support,,\n")
    assert fails("contract hours import muster h.csv").startswith("h.csv:2:1: '-5' are not minutes")


@pytest.mark.parametrize(("statement", "said"), [("none", "h.html.intoto.json"), ("broken", "h.html")])
def test_a_statement_that_tells_nothing(fails: Fails, statement: str, said: str) -> None:
    """Exit code 3: it cannot be told whether the report was changed."""
    key = SigningKey.new()
    key.write(Path("key"))
    Path("h.html").write_text("<p>")
    if statement == "broken":
        Path("h.html.intoto.json").write_text("{")
    assert said in fails("verify h.html --key key.pub", code=3)


def test_nobody_is_logged_in(fails: Fails, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account without a name, as in a container: say who you are."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 54_321)
    assert "say who you are with --by" in fails(f"findings ack {FINGERPRINT}")


@pytest.mark.parametrize(
    ("secret", "value", "said"),
    [
        ("{env: TRACKER_TOKEN}", None, "the environment variable TRACKER_TOKEN is not set"),
        ("{env: TRACKER_TOKEN}", "", "the secret from env TRACKER_TOKEN is empty"),
        ("{env: TRACKER_TOKEN}", f"{SECRET}\r", "holds a character that no token has"),
        ("{env: TRACKER_TOKEN}", f"{SECRET}é", "holds a character that no token has"),
        ("{file: nope.txt}", SECRET, "nope.txt cannot be read: No such file or directory"),
        ("{file: .}", SECRET, "cannot be read: Is a directory"),
        (f"{{command: [nope, {SECRET}]}}", SECRET, "nope cannot be run for a secret"),
        (f"{{command: ['false', {SECRET}]}}", SECRET, "false gave no secret: exit code 1"),
    ],
)
def test_a_token_that_is_not_there(
    fails: Fails, monkeypatch: pytest.MonkeyPatch, secret: str, value: str | None, said: str
) -> None:
    Path("trackers/muster.yaml").write_text(TRACKER.replace("{env: TRACKER_TOKEN}", secret))
    if value is None:
        monkeypatch.delenv("TRACKER_TOKEN")
    else:
        monkeypatch.setenv("TRACKER_TOKEN", value)
    assert said in fails("tracker sync", code=3)


def test_certificates_that_are_none(fails: Fails) -> None:
    for name, said in (("nope.pem", "No such file"), ("muster.yaml", "NO_CERTIFICATE_OR_CRL_FOUND")):
        Path("trackers/muster.yaml").write_text(f"{TRACKER}ca_file: {name}\n")
        message = fails("tracker sync", code=3)
        assert f"trackers/{name} cannot be read" in message
        assert said in message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Response('{"message": "Bad credentials"}', 401), "status 401"),
        (Response("no", 403), "status 403: no"),
        (Response("", 404), "status 404"),
        (Response("<html>\x1b[31m\u202e</html>", 500), "status 500"),
        (Response("", 302, {"Location": "http://127.0.0.1:9/"}), "status 302"),
        (Response("<html>", 200), "the answer is not JSON"),
        (Response(b"\xff\x00\x1b", 200), "the answer is not JSON"),
        (Response("[" * 200_000, 200), "the answer is not JSON"),
        (Response('"text"', 200), "the tracker's answer holds no list of issues"),
        (Response("", 200), "the tracker's answer holds no list of issues"),
        (Response(b"x" * 3000, 200), "more than 2000 bytes came back"),
        (Response(b"no gzip", 200, {"Content-Encoding": "gzip"}), "DecodingError"),
    ],
)
@pytest.mark.parametrize("line", ["tracker sync", "tracker sync --apply"])
def test_trackers_that_answer_nonsense(
    fails: Fails,
    monkeypatch: pytest.MonkeyPatch,
    httpserver: HTTPServer,
    line: str,
    answer: Response,
    said: str,
) -> None:
    monkeypatch.setattr("secaudit.export.trackers.session.MAX_BYTES", 2000 if "2000" in said else 1_000_000)
    monkeypatch.setattr("secaudit.export.trackers.session.TRIES", 1)
    httpserver.expect_request("/repos/acme/ops/issues").respond_with_response(answer)
    Path("trackers/muster.yaml").write_text(TRACKER.replace("http://127.0.0.1:1", httpserver.url_for("").rstrip("/")))
    assert said in fails(line, code=3)


def test_a_tracker_that_shows_what_it_was_sent(
    fails: Fails, monkeypatch: pytest.MonkeyPatch, httpserver: HTTPServer
) -> None:
    """As servers in debug mode do."""
    monkeypatch.setattr("secaudit.export.trackers.session.TRIES", 1)
    for user, said in (("", "Bearer ***"), ("user: anna\n", "Basic ***")):
        httpserver.clear_all_handlers()
        handler = httpserver.expect_request("/rest/api/2/search")
        handler.respond_with_handler(lambda request: Response(request.headers["Authorization"], 500))
        text = TRACKER.replace("http://127.0.0.1:1", httpserver.url_for("").rstrip("/")).replace("acme/ops", "OPS")
        text = text.replace("github", "jira") + user + 'workflow: {close: "1", reopen: "2"}\n'
        Path("trackers/muster.yaml").write_text(text)
        assert said in fails("tracker sync", code=3)


def drip(_request: Request) -> Response:
    """An answer that never ends and never stops."""

    def bits() -> Iterator[bytes]:
        for _ in range(100):
            yield b" "
            time.sleep(0.05)

    return Response(bits(), 200)


def test_a_tracker_that_never_comes_to_an_end(
    fails: Fails, monkeypatch: pytest.MonkeyPatch, httpserver: HTTPServer
) -> None:
    """The timeout is for each step; the whole has one too."""
    monkeypatch.setattr("secaudit.export.trackers.session.MAX_SECONDS", 0.2)
    httpserver.expect_request("/repos/acme/ops/issues").respond_with_handler(drip)
    Path("trackers/muster.yaml").write_text(TRACKER.replace("http://127.0.0.1:1", httpserver.url_for("").rstrip("/")))
    assert "the answer took more than 0.2 s" in fails("tracker sync", code=3)


def test_a_tracker_that_never_answers(fails: Fails, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secaudit.export.trackers.session.TRIES", 1)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        Path("trackers/muster.yaml").write_text(TRACKER.replace("http://127.0.0.1:1", url))
        assert "ReadTimeout" in fails("tracker sync", code=3)


@contextmanager
def talker(*answers: bytes) -> Iterator[int]:
    """The port of a server that says one thing after the other, whatever it is asked."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def talk() -> None:
            # Whoever is answered nonsense may hang up in the middle of it.
            connection, _ = server.accept()
            with suppress(OSError), connection:
                for answer in answers:
                    connection.sendall(answer)
                    connection.recv(65_536)

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(5)


MAIL = """\
targets:
  archive:
    smtp:
      host: 127.0.0.1
      port: PORT
      security: none
      sender: audit@provider.example
      to: [b@provider.example]
      user: audit
      password: {env: MAIL_PASSWORD}
      timeout: 1
subscriptions:
  - {customer: muster, changes: [archive]}
"""
HELLO, LOGIN = b"220 here\r\n", b"250-here\r\n250 AUTH PLAIN\r\n"


@pytest.mark.parametrize(
    ("answers", "password", "said"),
    [
        ((b"HTTP/1.1 400 Bad Request\r\n\r\n",), SECRET, "this is no answer of a mail server"),
        ((b"\x1b[31m\xff\x00\r\n",), SECRET, "this is no answer of a mail server"),
        ((b"554 go away\r\n",), SECRET, "554 go away"),
        ((HELLO, LOGIN, b"535 no " + SECRET.encode() + b"\r\n"), SECRET, "535 no ***"),
        ((HELLO, LOGIN, b"535 no\r\n"), f"{SECRET}é", "has a character that may not stand there"),
        ((HELLO, b"250 here\r\n"), SECRET, "SMTP AUTH extension not supported"),
        ((b"",), SECRET, "timed out"),
        ((), None, "the environment variable MAIL_PASSWORD is not set"),
    ],
)
def test_mail_servers_that_answer_nonsense(
    fails: Fails, monkeypatch: pytest.MonkeyPatch, answers: tuple[bytes, ...], password: str | None, said: str
) -> None:
    """The message waits and is tried again: exit code 3, and `list` says why."""
    if password is not None:
        monkeypatch.setenv("MAIL_PASSWORD", password)
    with talker(*answers) as port:
        Path("delivery/muster.yaml").write_text(MAIL.replace("PORT", str(port)))
        assert said in fails("deliver --send", code=3)
        with socket.create_connection(("127.0.0.1", port)):
            pass
    with open_store("store.sqlite", read_only=True) as store:
        (left,) = store.posted()
        assert (left.stage.value, said in left.detail) == ("waiting", True)


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Nobody, where the tests run as root, who may write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("findings list", "store.sqlite may not be written; even to read it, SQLite writes beside it"),
        ("deliver --send", "cannot be opened: Permission denied"),
        ("tracker forget OPS-1", "cannot be opened: Permission denied"),
        (f"findings ack {FINGERPRINT} --by me", "cannot be opened: Permission denied"),
        (
            "waivers add --customer muster --control c --host h --owner o --reason r --expires 2027-01-01",
            "cannot write",
        ),
        ("contract hours add muster 30m", "Permission denied"),
        ("keys new here", "here: Permission denied"),
    ],
)
def test_what_may_not_be_written(
    place: Path, fails: Fails, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    # Nobody may not read the interpreter that lies in root's home: all is imported by a rehearsal in a copy.
    monkeypatch.chdir(shutil.copytree(place, place / "rehearsal"))
    run_command(line.split())
    capsys.readouterr()
    monkeypatch.chdir(place)
    for path in [place, *place.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    for folder in place.parents[:2]:
        folder.chmod(folder.stat().st_mode | 0o111)
    try:
        with ordinary_user():
            assert said in fails(line)
    finally:
        for path in [place, *place.rglob("*")]:
            path.chmod(0o755)
