"""Everything that leaves in files and messages, made from texts that are all attacks."""

from __future__ import annotations

import csv
import email
import email.policy
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from html.parser import HTMLParser
from importlib.metadata import entry_points
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from secaudit.cli.main import run
from secaudit.cli.translations import phrasebook
from secaudit.export.delivery import digest, sending
from secaudit.export.delivery.digest import Change, ChangeKind
from secaudit.export.trackers.draft import Markup, draft_of
from secaudit.model.delivery import Attachment, MailTarget, Message, Posted, Security, Stage
from secaudit.model.run import RunReport
from secaudit.model.severity import Severity
from secaudit.store import open_store
from secaudit.store.records import FindingFilter, FindingState
from tests.hostile.scenes import EVIL, FORBIDDEN, NAME, evil_run
from tests.store.scenes import START


@pytest.fixture(scope="module")
def evil_report(evil_store: Path) -> RunReport:
    with open_store(str(evil_store), read_only=True) as store:
        return store.report("run-3")


def rendered(name: str, report: RunReport) -> str:
    (entry,) = entry_points(group="secaudit.formats", name=name)
    data: bytes = entry.load().render(report)
    return data.decode("utf-8")


class _Page(HTMLParser):
    """The elements and the names of their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.handlers: list[str] = []
        self._is_script = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self._is_script = tag == "script"

    def handle_data(self, data: str) -> None:
        if self._is_script:
            self.scripts.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._is_script = self._is_script and tag != "script"


def test_a_page_runs_nothing_of_it(evil_report: RunReport) -> None:
    page = rendered("html", evil_report)
    found = _Page(page)
    assert found.handlers == []
    assert not any("alert(1)" in script for script in found.scripts)
    assert not FORBIDDEN & set(page)


def test_xml_stays_xml(evil_report: RunReport) -> None:
    text = rendered("junit", evil_report)
    root = ET.fromstring(text)
    ours = {"testsuites", "testsuite", "testcase", "failure", "error", "skipped"}
    assert {element.tag for element in root.iter()} == ours
    assert not FORBIDDEN & set(text)


def test_no_cell_is_a_formula_and_no_row_becomes_two(evil_report: RunReport) -> None:
    text = rendered("csv", evil_report)
    head, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert len(rows) == len(evil_report.results)
    assert {len(row) for row in rows} == {len(head)}
    assert not any(cell[:1] in {"=", "+", "-", "@", "\t", "\r"} for row in rows for cell in row)
    assert not FORBIDDEN & set(text.replace("\r\n", "\n"))


def test_sarif_stays_json(evil_report: RunReport) -> None:
    text = rendered("sarif", evil_report)
    assert json.loads(text)["version"] == "2.1.0"
    assert not FORBIDDEN & set(text)


def test_results_are_json_without_loss(evil_report: RunReport) -> None:
    document = json.loads(rendered("json", evil_report))
    assert len(document["results"]) == len(evil_report.results)


def _mailed(posted: Posted) -> EmailMessage:
    target = MailTarget("mail", "localhost", 25, Security.NONE, "secaudit@provider.example", ("a@customer.example",))
    data = sending.as_mail(posted, target).as_bytes()
    read = email.message_from_bytes(data, policy=email.policy.SMTP)
    assert isinstance(read, EmailMessage)
    return read


def _posted(message: Message) -> Posted:
    return Posted(1, message, START, Stage.SENDING, 0, START, "")


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_mail_has_our_headers_and_lines_only(language: str) -> None:
    book = phrasebook(language, "secaudit.export.delivery")
    changes = [
        Change(f"{kind}{at}", kind, START, Severity.HIGH, EVIL, EVIL, EVIL, f"{at}{EVIL}", EVIL)
        for kind in ChangeKind
        for at in range(2)
    ]
    subject = digest.subject(EVIL, changes, book)
    text = digest.body(EVIL, changes, START, book)
    harmless = [replace(one, host="x", text="x", control="x", subject="x", deadline="x") for one in changes]
    plain = digest.body("x", harmless, START, book)
    assert len(text.splitlines()) == len(plain.splitlines())
    mail = _mailed(_posted(Message(EVIL, "mail", subject, text, attachments=(Attachment(f"{NAME}.html", b"x"),))))
    assert set(mail.keys()) == {
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"),
    }
    assert mail["To"] == "a@customer.example"
    body = mail.get_body()
    assert body is not None
    names = [part.get_filename() or "" for part in mail.iter_attachments()]
    for shown in (mail["Subject"], body.get_content().replace("\r\n", "\n"), *names):
        assert not FORBIDDEN & set(shown)


def test_a_mail_survives_texts_that_nobody_made_inert() -> None:
    """What an outbox holds may come from an older version."""
    mail = _mailed(_posted(Message(EVIL, "mail", EVIL, EVIL, attachments=(Attachment(EVIL, b"x"),))))
    assert "Bcc" not in mail


@pytest.mark.parametrize("markup", Markup)
def test_an_issue_mentions_nobody_and_says_nothing_of_its_own(evil_store: Path, markup: Markup) -> None:
    with open_store(str(evil_store), read_only=True) as store:
        findings = store.findings(FindingFilter(state=FindingState.ALL), 50)
    draft = draft_of("ab" * 8, findings)
    body = draft.body(markup)
    assert not FORBIDDEN & set(body + draft.title)
    assert "\n" not in draft.title
    assert not set("@#") & set(draft.title)


def test_a_directory_gets_whole_messages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with open_store(str(tmp_path / "store.sqlite")) as store:
        evil_run(store, datetime.now(UTC) - timedelta(hours=1))
    monkeypatch.setenv("SECAUDIT_STORE", str(tmp_path / "store.sqlite"))
    (tmp_path / "delivery").mkdir()
    (tmp_path / "delivery" / "all.yaml").write_text(
        "targets: {archive: {directory: ./sent}}\nsubscriptions: [{customer: '*', changes: [archive], minimum: info}]\n"
    )
    for arguments in (["deliver"], ["deliver", "--send"], ["deliver", "list"]):
        assert run(arguments) == 0
    shown = capsys.readouterr()
    assert not FORBIDDEN & set(shown.out + shown.err)
    (told,) = (tmp_path / "delivery" / "sent").glob("*/message.txt")
    assert not FORBIDDEN & set(told.read_text())
