"""Packages of Python and Node.js: their versions' order, how they are found, and the advisories about them."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
from datetime import timedelta
from functools import cmp_to_key
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import InvalidVersion as NoPythonVersion
from packaging.version import Version
from pydantic import ValidationError
from secaudit.checks.host.facts import Mount, Mounts
from secaudit.checks.patch.checks import language_packages
from secaudit.checks.patch.collect import language_packages as collect_packages
from secaudit.checks.patch.feeds.importing import import_feeds
from secaudit.checks.patch.languages import (
    LANGUAGES,
    LanguageAdvisories,
    LanguageFlaws,
    LanguagePackages,
    LanguageSource,
    is_there,
    looked_at,
    node_below,
    python_below,
)
from secaudit.checks.patch.readers.used_places import DECLARED
from secaudit.checks.patch.versions import InvalidVersion, pep440_key, semver_key

from secaudit.api import Answer, AnswerStatus, Command, Facts, Outcome, Unproven, UnprovenKind
from tests.checks.judging import AT, NOT_ANSWERED, collect, damaged, ended, judge, outcomes, unanswered
from tests.shared_data import shared

from .feeding import feed, osv
from .given import NOW, NOWHERE

VENV = "/opt/shop/venv/lib/python3.11/site-packages"
FOUND = (
    f"{VENV}/Django-4.2.1.dist-info\n{VENV}/zope.interface-6.0.dist-info\n"
    "/usr/local/lib/python3.11/dist-packages/typing_extensions-4.8.0.dist-info\n"
)
MODULES = (
    '/usr/lib/node_modules/npm/package.json:  "version": "11.19.1",\n'
    '/usr/lib/node_modules/npm/node_modules/@isaacs/cliui/package.json:  "version": "8.0.2",\n'
    '/opt/shop/node_modules/lodash/package.json:  "version": "4.17.20",\n'
    '/opt/shop/node_modules/lodash/fp/package.json:  "version": "1",\n'
)

PEP440 = ["1.dev1", "1a1.dev1", "1a1", "1a1.post1.dev1", "1a1.post1", "1b2", "1rc1", "1", "1+abc", "1+abc.5", "1+5"]
PEP440 += ["1.post1.dev2", "1.post1", "1.0.1", "1.1", "1.10", "2", "1!0.1"]
SEMVER = ["1.0.0-1", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1"]
SEMVER += ["1.0.0", "1.0.1", "1.9.0", "1.10.0", "2.0.0"]


def test_order_by_hand() -> None:
    for earlier, later in pairwise(PEP440):
        assert pep440_key(earlier) < pep440_key(later), (earlier, later)
    for earlier, later in pairwise(SEMVER):  # the example of the specification, item 11, and more
        assert semver_key(earlier) < semver_key(later), (earlier, later)
    assert pep440_key("1.0.0") == pep440_key("1") == pep440_key("v1.0-0".replace("-0", ""))
    assert semver_key("1.0.0+build.5") == semver_key("1.0.0")
    assert semver_key("v1.2.3") == semver_key("=1.2.3") == semver_key("1.2.3")


def a_python_version(rng: random.Random) -> str:
    release = ".".join(str(rng.choice([0, 0, 1, 2, 10])) for _ in range(rng.randint(1, 4)))
    pre = rng.choice(["", "", "a1", "b0", "rc2", "rc10"])
    post, dev = rng.choice(["", "", ".post0", ".post2"]), rng.choice(["", "", ".dev0", ".dev3"])
    return f"{rng.choice(['', '', '1!'])}{release}{pre}{post}{dev}{rng.choice(['', '', '+1', '+a.2', '+a'])}"


def test_packaging_agrees_on_the_order() -> None:
    rng = random.Random(20261124)
    versions = [a_python_version(rng) for _ in range(20_000)]
    keyed = {text: pep440_key(text) for text in versions}
    parsed = {text: Version(text) for text in versions}
    for left, right in ((rng.choice(versions), rng.choice(versions)) for _ in range(100_000)):
        ours = (keyed[left] > keyed[right]) - (keyed[left] < keyed[right])
        theirs = (parsed[left] > parsed[right]) - (parsed[left] < parsed[right])
        assert ours == theirs, (left, right)


def by_the_specification(left: str, right: str) -> int:
    """Item 11 of Semantic Versioning 2.0.0, word by word."""
    core, others = zip(*(text.partition("+")[0].partition("-")[::2] for text in (left, right)), strict=True)
    first, second = ([int(part) for part in text.split(".")] for text in core)
    if first != second:
        return 1 if first > second else -1
    if not others[0] or not others[1]:
        return bool(others[1]) - bool(others[0])
    one, other = (text.split(".") for text in others)
    for a, b in zip(one, other, strict=False):
        if a != b:
            if a.isdigit() and b.isdigit():
                return 1 if int(a) > int(b) else -1
            return (b.isdigit() - a.isdigit()) or (1 if a > b else -1)
    return (len(one) > len(other)) - (len(one) < len(other))


PART = st.integers(0, 12).map(str)
IDENTIFIER = st.one_of(PART, st.from_regex(r"[a-z-][a-zA-Z0-9-]{0,3}", fullmatch=True))
A_SEMVER = st.builds(
    lambda core, pre: ".".join(core) + (f"-{'.'.join(pre)}" if pre else ""),
    st.tuples(PART, PART, PART),
    st.lists(IDENTIFIER, max_size=3),
)


@given(st.lists(A_SEMVER, min_size=2, max_size=8))
def test_the_order_of_semantic_versions(versions: list[str]) -> None:
    ordered = sorted(versions, key=cmp_to_key(by_the_specification))
    assert [semver_key(one) for one in ordered] == sorted(semver_key(one) for one in versions)


@given(st.text())
def test_any_text_has_a_key_or_is_refused(text: str) -> None:
    for key in (pep440_key, semver_key):
        try:
            assert isinstance(key(text), bytes)
        except InvalidVersion:
            continue


@pytest.mark.parametrize("version", ["vv1.2.3", "v", "v1.2", "V1.2.3", "v 1.2.3", "1.2.3v"])
def test_what_npm_does_not_take_is_no_version(version: str) -> None:
    with pytest.raises(InvalidVersion):
        semver_key(version)


NO_MOUNTS = Mounts(())
PYTHON, NODE = python_below("/opt"), node_below("/opt")


def installed(
    python: str | Answer = "",
    node: str | Answer = "",
    declared: str | Answer = "",
    *more: Answer,
    mounts: Mounts | Unproven = NO_MOUNTS,
    **expect: Any,
) -> LanguagePackages:
    """What lies below /opt; the other places are empty, and /var/www is not there."""
    wanted = LanguageFlaws.model_validate(expect)
    answers = {}
    for name, (_, _, below) in LANGUAGES.items():
        for place in looked_at([wanted], name):
            answers[is_there(place)] = ended(is_there(place), exit=int(place == "/var/www"))
            absent = place == "/var/www"
            answers[below(place)] = ended(below(place), exit=int(absent), stderr="no such file" if absent else "")
    answers[PYTHON] = ended(PYTHON, python) if isinstance(python, str) else python
    answers[NODE] = ended(NODE, node, exit=1) if isinstance(node, str) else node
    answers[DECLARED] = ended(DECLARED, declared, exit=1) if isinstance(declared, str) else declared
    answers.update({answer.request: answer for answer in more})
    return collect(collect_packages, *answers.values(), wanted=[wanted], known=Facts({Mounts: mounts}))


def known(tmp_path: Path, *records: dict[str, Any]) -> LanguageAdvisories:
    if records:
        import_feeds((feed(tmp_path, *records),), tmp_path / "feeds", AT)
    return LanguageSource(tmp_path / "feeds").load(None)


def test_what_is_installed() -> None:
    found = installed(FOUND, MODULES).found
    names = {
        name: [(one.name, one.version) for one in packages.packages]
        for name, packages in found.items()
        if not isinstance(packages, Exception)
    }
    assert names == {
        "pypi": [("django", "4.2.1"), ("zope-interface", "6.0"), ("typing-extensions", "4.8.0")],
        "npm": [("npm", "11.19.1"), ("@isaacs/cliui", "8.0.2"), ("lodash", "4.17.20")],
    }


def test_flaws_are_found_per_package(tmp_path: Path) -> None:
    advisories = known(
        tmp_path,
        osv("GHSA-1", "lodash", "4.17.21", ecosystem="npm", cves=["CVE-2026-1"]),
        osv("GHSA-2", "lodash", "4.17.19", ecosystem="npm"),
        osv("PYSEC-1", "django", "4.2.2", ecosystem="PyPI"),
        osv("PYSEC-2", "django", "4.2.10", ecosystem="PyPI"),
        osv("PYSEC-3", "zope-interface", ecosystem="PyPI"),
    )
    verdicts = judge(language_packages, {}, installed(FOUND, MODULES), advisories, NOW)
    assert outcomes(verdicts) == {"pypi django 4.2.1": Outcome.FAILED, "npm lodash 4.17.20": Outcome.FAILED}
    assert [verdict.observed for verdict in verdicts] == [
        "4.2.1; 4.2.10 settles 2 advisories",
        "4.17.20; 4.17.21 settles 1 advisories",
    ]
    allowed = judge(language_packages, {"allow": ["django", "lodash"]}, installed(FOUND, MODULES), advisories, NOW)
    assert outcomes(allowed) == {"pypi": Outcome.PASSED, "npm": Outcome.PASSED}
    python = next(verdict for verdict in allowed if verdict.subject == "pypi")
    assert python.observed == "none in 3 packages (1 unrepaired flaws do not count)"
    assert python.evidence[0].excerpt == "pypi zope-interface 6.0: PYSEC-3 has no fix"


def test_what_cannot_be_told_is_unproven(tmp_path: Path) -> None:
    advisories = known(tmp_path, osv("PYSEC-1", "django", "4.2.2", ecosystem="PyPI"))
    odd = FOUND.replace("4.2.1", "4.2.x")
    verdicts = judge(language_packages, {"feed_max_age": "3d"}, installed(odd, MODULES), advisories, NOW)
    assert outcomes(verdicts) == {"pypi django 4.2.x": Outcome.UNPROVEN, "npm": Outcome.UNPROVEN}
    nothing = judge(language_packages, {}, installed("", ""), advisories, NOW)
    assert outcomes(nothing) == {"pypi": Outcome.NOT_APPLICABLE, "npm": Outcome.NOT_APPLICABLE}
    later = type(NOW)(AT + timedelta(days=9))
    stale = judge(language_packages, {}, installed(FOUND.replace("4.2.1", "5.0"), ""), advisories, later)
    assert outcomes(stale)["pypi"] is Outcome.UNPROVEN


@pytest.mark.parametrize("status", NOT_ANSWERED)
def test_no_answer_is_unproven_for_its_place_and_proves_nothing_else(status: AnswerStatus, tmp_path: Path) -> None:
    advisories = known(tmp_path, osv("P-1", "x", "1", ecosystem="PyPI"))
    found = installed(unanswered(PYTHON, status), "")
    verdicts = judge(language_packages, {}, found, advisories, NOW)
    assert outcomes(verdicts) == {"pypi /opt": Outcome.UNPROVEN}
    assert verdicts[0].kind is NOT_ANSWERED[status]
    assert installed("a line\n").unread["pypi"]["/opt"].kind is UnprovenKind.NOT_UNDERSTOOD
    # Nothing about units is known: where else packages lie is not known either.
    hidden = judge(language_packages, {}, installed("", "", unanswered(DECLARED, status)), advisories, NOW)
    assert outcomes(hidden) == {"places in use": Outcome.UNPROVEN}
    there = unanswered(is_there("/srv"), status)
    lost = judge(language_packages, {}, installed("", "", "", there), advisories, NOW)
    assert outcomes(lost) == {"pypi /srv": Outcome.UNPROVEN, "npm /srv": Outcome.UNPROVEN}


def test_what_can_be_read_is_judged_beside_what_cannot(tmp_path: Path) -> None:
    advisories = known(tmp_path, osv("PYSEC-1", "django", "4.2.2", ecosystem="PyPI"))
    refused = unanswered(python_below("/srv"), AnswerStatus.DENIED)
    verdicts = judge(language_packages, {}, installed(FOUND, "", "", refused), advisories, NOW)
    assert outcomes(verdicts) == {"pypi /srv": Outcome.UNPROVEN, "pypi django 4.2.1": Outcome.FAILED}


def test_an_error_is_no_empty_answer() -> None:
    failed_search = ended(NODE, exit=1, stderr="find: cannot fork")
    assert installed("", failed_search).unread["npm"]["/opt"].kind is UnprovenKind.ERROR
    gone = ended(node_below("/srv"), exit=1, stderr="find: '/srv': input/output error")
    assert installed("", "", "", gone).unread["npm"]["/srv"].kind is UnprovenKind.ERROR


DECLARATIONS = """\
/etc/systemd/system/shop.service:ExecStart=/data/shop/venv/bin/gunicorn --chdir /x app:app
/etc/systemd/system/shop.service:WorkingDirectory=/data/shop
/etc/systemd/system/api.service:ExecStart=-/usr/bin/node --enable /home/api/current/server.js
/etc/systemd/system/own.service:ExecStart=/opt/own/bin/run
/usr/lib/systemd/system/mariadb.service:ExecStart=/usr/sbin/mariadbd $OPTIONS
/usr/lib/systemd/system/mariadb.service:WorkingDirectory=/var/lib/mysql
/usr/lib/systemd/system/it@.service:WorkingDirectory=/home/%i
/etc/nginx/sites-available/default:        root /var/www/html;
/etc/nginx/sites-available/club:\troot "/web/club/public";
/etc/nginx/sites-available/club:\troot $document;
/etc/apache2/sites-available/a.conf:  DocumentRoot /usr/share/doc
/etc/apache2/sites-available/a.conf:  WSGIScriptAlias / /wsgi/a/app.wsgi
/etc/apache2/sites-available/a.conf:  WSGIDaemonProcess a threads=2 python-home=/venvs/a
/etc/supervisor/conf.d/w.conf:command=/worker/w/bin/python worker.py
/etc/supervisor/conf.d/w.conf:directory = /elsewhere
"""


def test_places_that_services_and_web_servers_use_are_looked_into_or_unproven() -> None:
    found = installed("", "", DECLARATIONS).used
    assert found == {
        "/data/shop": "/etc/systemd/system/shop.service",
        "/home/api": "/etc/systemd/system/api.service",
        "/web/club": "/etc/nginx/sites-available/club",
        "/wsgi/a": "/etc/apache2/sites-available/a.conf",
        "/venvs/a": "/etc/apache2/sites-available/a.conf",
        "/worker/w": "/etc/supervisor/conf.d/w.conf",
        "/elsewhere": "/etc/supervisor/conf.d/w.conf",
    }
    verdicts = judge(language_packages, {}, installed("", "", DECLARATIONS), LanguageAdvisories({}), NOW)
    assert outcomes(verdicts)["/data/shop"] is Outcome.UNPROVEN
    assert (
        "Packages below /data/shop were not looked for (/etc/systemd/system/shop.service names it)"
        in verdicts[0].reason
    )

    own = Mounts(tuple(Mount("sd", at, "ext4", "8:1", "/", (), NOWHERE) for at in ("/", "/srv", "/srv/shop", "/data")))
    assert installed(mounts=own).used == {"/srv/shop": "/proc/self/mountinfo"}
    assert installed(mounts=own, places=["/srv/shop"]).used == {}
    assert installed(mounts=own, ignore_places=["/srv/shop"]).used == {}
    unknown = Unproven(UnprovenKind.DENIED, "no mounts")
    assert installed(mounts=unknown).used is unknown

    named: dict[str, Any] = {
        "places": ["/data", "/web/", "/wsgi"],
        "ignore_places": ["/home", "/venvs", "/worker", "/elsewhere"],
    }
    assert installed("", "", DECLARATIONS, **named).used == {}


@pytest.mark.parametrize("place", ["srv", "/", "/proc/1", "/a/../b", "/a b", "-delete", "/a\n/b", ""])
def test_places_that_are_refused(place: str) -> None:
    with pytest.raises(ValidationError):
        LanguageFlaws.model_validate({"places": [place]})


def test_the_commands_find_what_lies_below_a_place(tmp_path: Path) -> None:
    """Run for real: an application of Python and one of Node.js, as they are deployed to /srv or /var/www."""
    (tmp_path / "shop/venv/lib/python3.11/site-packages/Django-4.2.1.dist-info").mkdir(parents=True)
    module = tmp_path / "www/club/releases/7/node_modules/lodash"
    module.mkdir(parents=True)
    (module / "package.json").write_text('{\n  "name": "lodash",\n  "version": "4.17.20"\n}\n')
    place = str(tmp_path)

    def run(request: Command) -> Answer:
        done = subprocess.run(request.argv, capture_output=True, check=False)
        return ended(request, done.stdout, exit=done.returncode, stderr=done.stderr)

    real = [run(below(place)) for below in (is_there, python_below, node_below)]
    found = installed("", "", "", *real, places=[place])
    assert not any(found.unread.values())
    assert [(one.name, one.version) for packages in found.found.values() for one in packages.packages] == [
        ("django", "4.2.1"),
        ("lodash", "4.17.20"),
    ]
    missing = f"{place}/missing"
    absent = [run(below(missing)) for below in (is_there, python_below, node_below)]
    assert not any(installed("", "", "", *absent, places=[missing]).unread.values())
    # This machine's own units: the search runs through, and names no folder of the distribution.
    declared = run(DECLARED)
    assert not declared.stderr
    assert not {"/usr/bin", "/usr/sbin", "/lib/systemd"} & set(installed("", "", declared).used)


@given(damaged(FOUND.encode()), damaged(MODULES.encode()), damaged(DECLARATIONS.encode()))
def test_any_output_is_read_or_refused(python: bytes, node: bytes, declared: bytes) -> None:
    installed(ended(PYTHON, python), ended(NODE, node), ended(DECLARED, declared))


def test_the_whole_of_pypi_against_packaging(tmp_path: Path) -> None:
    """Old versions of a hundred packages: the feed's own lists of affected versions name the same advisories."""
    path = shared("patch/osv/pypi.osv.jsonl.gz")
    records = [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines()]
    listed: dict[tuple[str, str], set[str]] = {}
    for record in records:
        for affected in () if record.get("withdrawn") else record["affected"]:
            ranges = [one for one in affected.get("ranges", ()) if one["type"] == "ECOSYSTEM"]
            for version in affected.get("versions", ()) if ranges else ():
                if _fixed_later(version, ranges):
                    listed.setdefault((affected["package"]["name"], version), set()).add(record["id"])
    import_feeds((path,), tmp_path / "feeds", AT)
    advisories = LanguageSource(tmp_path / "feeds").load(None).known["pypi"]
    chosen = random.Random(1).sample(sorted(listed), 2000)
    for name, version in chosen:
        standing = advisories.standing(name, version)
        assert standing is not None
        found = {flaw.id for flaw in standing.flaws if flaw.fixed}
        assert listed[name, version] <= found, (name, version)


def _fixed_later(version: str, ranges: list[dict[str, Any]]) -> bool:
    """Whether the version lies in a range that ends with a fix, by `packaging`."""
    try:
        at = Version(version)
        for one in ranges:
            begin: Version | None = None
            for event in one["events"]:
                if "introduced" in event:
                    begin = Version(event["introduced"])
                elif "fixed" in event and begin is not None and begin <= at < Version(event["fixed"]):
                    return True
    except NoPythonVersion:
        return False
    return False
