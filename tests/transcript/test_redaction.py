"""Secrets go, everything else stays where it is."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from secaudit.model.answer import Answer, AnswerStatus, HostTranscript, Reach
from secaudit.model.request import MIB, Command
from secaudit.transcript import redact
from secaudit.transcript.redaction import _HINTS, MARK, redact_bytes, redact_text

BASE64 = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"

SECRETS = [
    ("password=hunter2", "password=[redacted]"),
    ("DB_PASSWORD: correct horse battery  # staging", "DB_PASSWORD: [redacted]"),
    ("export PGPASSWORD='s3cr3t word'", "export PGPASSWORD='[redacted]'"),
    ("spring.datasource.password = s3cr3t", "spring.datasource.password = [redacted]"),
    ('  "smtp_password": "a\\"b c",', '  "smtp_password": "[redacted]",'),
    (r'"env": "{\"api_key\": \"k3y\", \"n\": 1}"', r'"env": "{\"api_key\": \"[redacted]\", \"n\": 1}"'),
    ("define( 'DB_PASSWORD', 'hunter2' );", "define( 'DB_PASSWORD', '[redacted]' );"),
    ('["app", "--token", "hunter2", "-v"]', '["app", "--token", "[redacted]", "-v"]'),
    ("rocommunity hunter2 10.0.0.0/8", "rocommunity [redacted] 10.0.0.0/8"),
    ("requirepass hunter2", "requirepass [redacted]"),
    ("bindpw hunter2", "bindpw [redacted]"),
    ("createUser audit SHA hunter22 AES hunter23", "createUser audit [redacted]"),
    ('%any : PSK "hunter2"', '%any : PSK "[redacted]"'),
    ("//nas/x /mnt cifs user=u,pass=hunter2 0 0", "//nas/x /mnt cifs user=u,pass=[redacted] 0 0"),
    ("$dbpass = 'hunter2';", "$dbpass = '[redacted]';"),
    ("java -jar app.jar -password hunter2", "java -jar app.jar -password [redacted]"),
    ("redis-cli -h db -a hunter2 ping", "redis-cli -h db -a [redacted] ping"),
    ("snmpwalk -v2c -c hunter2 10.0.0.1", "snmpwalk -v2c -c [redacted] 10.0.0.1"),
    ("    client-key-data: TUlJRXBBSUJBQUtDQVFFQQ==", "    client-key-data: [redacted]"),
    ("GET /c?sv=2020&sig=aGVsbG8gd29ybGQ%3D&se=1", "GET /c?sv=2020&sig=[redacted]&se=1"),
    ("curl https://b.example/k?X-Amz-Signature=0123456789ab", "curl https://b.example/k?X-Amz-Signature=[redacted]"),
    ("curl https://hooks.slack.com/services/T0/B0/abcdefgh", "curl https://hooks.slack.com/services/[redacted]"),
    ('{"auths": {"r": {"auth": "dXNlcjpodW50ZXIyMjIy"}}}', '{"auths": {"r": {"auth": "[redacted]"}}}'),
    ('proxy_set_header Authorization "Basic dXNlcjpodW50ZXIy";', 'proxy_set_header Authorization "Basic [redacted]";'),
    ("sk-proj-0123456789abcdefghij", "sk-proj-[redacted]"),
    ("hf_0123456789abcdefghijABCDEFGHIJ", "hf_[redacted]"),
    ("<password>hunter2</password>", "<password>[redacted]</password>"),
    (
        "ExecStart=/usr/bin/app --db-password hunter2 --port 1",
        "ExecStart=/usr/bin/app --db-password [redacted] --port 1",
    ),
    ("5 2 * * * root mysqldump -uroot -phunter2 shop", "5 2 * * * root mysqldump -uroot -p[redacted] shop"),
    ("sshpass -p hunter2 ssh root@nas", "sshpass -p [redacted] ssh root@nas"),
    ("curl -s -u admin:hunter2 https://nas/", "curl -s -u admin:[redacted] https://nas/"),
    ("machine nas login admin password hunter2", "machine nas login admin password [redacted]"),
    ("repository rest:https://u:p@ss@h:8000/x opened", "repository rest:https://u:[redacted]@h:8000/x opened"),
    ("origin https://0123456789abcdef0123@git.example/r", "origin https://[redacted]@git.example/r"),
    ("> Authorization: Basic YWRtaW46aHVudGVyMg==", "> Authorization: Basic [redacted]"),
    ("proxy-authorization: Bearer abc.def", "proxy-authorization: Bearer [redacted]"),
    ("X-Api-Key: 12345", "X-Api-Key: [redacted]"),
    ("Set-Cookie: sid=31d4d96e407aad42; Path=/", "Set-Cookie: [redacted]"),
    ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key = [redacted]"),
    ("PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=", "PrivateKey = [redacted]"),
    ("anna:$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o:19000:0:99999:7:::", "anna:$y$[redacted]:19000:0:99999:7:::"),
    ("old:XXkTrnVwYJyuY:19000:0:99999:7:::", "old:[redacted]:19000:0:99999:7:::"),
    ("www:$apr1$h5Kz9f8L$0Yx4u0w2bJr4e5g9nXk1k.", "www:$apr1$[redacted]"),
    ("userPassword:: e1NTSEF9OVpmMnhrV3FIcURr", "userPassword:[redacted]"),
    ("rootpw {SSHA}9Zf2xkWqHqDkYk2mPqGZ1oUu4vCq0bQv", "rootpw {SSHA}[redacted]"),
    ("'root'@'%' *2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19", "'root'@'%' *[redacted]"),
    ("GITHUB ghp_16C7e42F292c6912E7710c838347Ae178B4a", "GITHUB ghp_[redacted]"),
    ("seen eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN ok", "seen [redacted] ok"),
    ("kennwort: hunter2", "kennwort: [redacted]"),
    ("Geheimnis = hunter2", "Geheimnis = [redacted]"),
    ("pw hunter2", "pw [redacted]"),
    ("db_pass hunter", "db_pass [redacted]"),
    ("the password is hunter2, as ever", "the password is [redacted], as ever"),
    ("Das Kennwort lautet Sommer24.", "Das Kennwort lautet [redacted]"),
    (
        'tcp dport 22 accept comment "secret hunter" # handle 4',
        'tcp dport 22 accept comment "secret [redacted]" # handle 4',
    ),
    ('"comment": "secret hunter2", "handle": 4', '"comment": "secret [redacted]", "handle": 4'),
    ('-m comment --comment "token hunter" -j ACCEPT', '-m comment --comment "token [redacted]" -j ACCEPT'),
    ("# root password hunter2!", "# root password [redacted]"),
    ("AKIAQ7ZTXVLMNOPQRSTU:0123456789abcdefABCD0123456789abcdefAB/+", "[redacted]:[redacted]"),
    ("AKIAQ7ZTXVLMNOPQRSTU 0123456789abcdefABCD0123456789abcdefABCD", "[redacted] [redacted]"),
    ("id ASIAQ7ZTXVLMNOPQRSTU", "id [redacted]"),
    ("datadog_agent = 0123456789abcdef0123456789abcdef", "datadog_agent = [redacted]"),
    ("old dapi0123456789abcdef0123456789abcdef gone", "old [redacted] gone"),
    ("x glsa_0123456789abcdefghijABCDEFGHIJ01_0123abcd", "x [redacted]"),
    ("shpat_0123456789abcdef0123456789abcdef", "[redacted]"),
    ("1234567890:AAHabcdefghijklmnopqrstuvwxyz012345", "[redacted]"),
    ("AGE-SECRET-KEY-1QYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQ", "AGE-SECRET-KEY-1[redacted]"),
]

HARMLESS = [
    "PasswordAuthentication yes",
    "passwordauthentication no",
    "passwd:         files systemd",
    "requirepass_token=no",
    "sudo: a password is required",
    "Last password change : Nov 01, 2026",
    "libpam-token:amd64 1.2-3",
    "251 1661940348.0 /var/lib/dpkg/info/gir1.2-secret-1:amd64.md5sums",
    "PWD=/root",
    "ssl_certificate_key /etc/ssl/private/web.key;",
    "PrivateKey = /etc/wireguard/private",
    "restic -r /srv/repo --password-file /root/.restic snapshots",
    'tcp LISTEN 0 128 [::]:22 [::]:* users:(("sshd",pid=812,fd=4))',
    "root:x:0:0:root:/root:/bin/bash",
    "anna:!:19000:0:99999:7:::",
    "link/ether 52:54:00:12:34:56 brd ff:ff:ff:ff:ff:ff",
    "net.ipv4.tcp_syncookies = 1",
    "Get:1 http://deb.example:3142/debian bookworm InRelease",
    "$1 $2 $HOME",
    "Vulnerability Spec store bypass: Mitigation; Speculative Store Bypass disabled via prctl",
    "pubkeyacceptedalgorithms sk-ssh-ed25519-cert-v01@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com",
    "block drop in pass out quick on em0 proto tcp flags S/SA keep state",
    "/usr/sbin/snmpd -LOw -u Debian-snmp -c /etc/snmp/snmpd.conf",
    "https://packages.example/search?q=apache&page=2",
    "passed 12, failed 3; tests passed: 12",
    "-----BEGIN CERTIFICATE-----",
    "password requisite pam_pwquality.so retry=3",
    "password [success=1 default=ignore] pam_unix.so obscure yescrypt",
    "password sufficient pam_unix.so sha512 shadow nullok try_first_pass use_authtok",
    "passwd 0.80-12.el9",
    "passwd 1:4.13+dfsg1-1 install ok installed",
    "base-passwd 3.6.1 install ok installed",
    "pass 1.7.4-6.el9",
    "token 2.1-1",
    "secret-service 0.4",
    "Password is too short",
    "the password is stored in /etc/shadow",
    "the token expired 3 days ago",
    "Das Passwort ist abgelaufen",
    "pw useradd audit",
    'comment "allow token service"',
    'comment "let web pass"',
    '-A INPUT -m comment --comment "no secret" -j ACCEPT',
    "datadog-agent 1:7.50.0-1",
    "linear: /dev/mapper/vg0-root",
    "sonar = https://sonar.example/1234567890123456",
    "Europe/Asia akia 0123456789abcdef0123456789abcdef01234567",
]


@pytest.mark.parametrize(("line", "expected"), SECRETS)
def test_a_secret_is_replaced_within_its_line(line: str, expected: str) -> None:
    before, after = "tcp LISTEN 0.0.0.0:22\n", "\nlast line"
    assert redact_text(before + line + after) == before + expected + after


@pytest.mark.parametrize("line", HARMLESS)
def test_what_is_no_secret_stays(line: str) -> None:
    assert redact_text(line) == line


@pytest.mark.parametrize("kind", ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "])
@pytest.mark.parametrize(
    ("before", "after"), [("", ""), ("    ", ""), ("/etc/ssl/web.key:", ""), ("12:", ""), ('  "', '\\n",')]
)
def test_a_private_key_goes_line_by_line(kind: str, before: str, after: str) -> None:
    lines = [f"-----BEGIN {kind}PRIVATE KEY-----", BASE64, BASE64, "c2hvcnQ=", f"-----END {kind}PRIVATE KEY-----"]
    redacted = redact_text("".join(f"{before}{line}{after}\n" for line in lines) + "bash\n")
    assert redacted.split("\n")[1:4] == ["[redacted]"] * 3
    assert redacted.split("\n")[5:] == ["bash", ""]
    assert BASE64[:8] not in redacted


def test_headers_checksums_and_carriage_returns_do_not_end_a_key() -> None:
    key = ["-----BEGIN PGP PRIVATE KEY BLOCK-----", "Version: GnuPG v2", "", BASE64, BASE64, "=njUN", "-----END", ""]
    redacted = redact_text("\r\n".join(key))
    assert BASE64 not in redacted
    assert redacted.count("\n") == 7
    encrypted = ["-----BEGIN RSA PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,3F17", "", BASE64]
    assert BASE64 not in redact_text("\n".join(encrypted))
    assert BASE64 not in redact_text(
        f"PuTTY-User-Key-File-3: ssh-rsa\nPrivate-Lines: 2\n{BASE64}\n{BASE64}\nPrivate-MAC: 0"
    )


def test_a_key_in_one_line_of_json_goes() -> None:
    line = rf'{{"key": "-----BEGIN PRIVATE KEY-----\n{BASE64}\nAAAA\n-----END PRIVATE KEY-----\n", "port": 22}}'
    assert (
        redact_text(line) == '{"key": "-----BEGIN PRIVATE KEY-----[redacted]-----END PRIVATE KEY-----\\n", "port": 22}'
    )


def test_a_planted_begin_line_hides_nothing_after_it() -> None:
    planted = "-----BEGIN PRIVATE KEY-----\nLISTEN 0 128 0.0.0.0:31337 0.0.0.0:*\ntcp 22\n"
    assert redact_text(planted) == planted


def test_all_parts_of_a_transcript_are_redacted() -> None:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    secret = b"token=abcdef\n"
    dirty = Answer(Command(("env",)), AnswerStatus.ENDED, now, exit=0, stdout=secret, stderr=secret, detail="pwd=x")
    clean = Answer(Command(("uptime",)), AnswerStatus.ENDED, now, exit=0, stdout=b"\xff\0 up\n")
    redacted = redact(HostTranscript("c", "s", "h", "a", now, now, Reach.PARTIAL, "https://u:p@proxy", (dirty, clean)))
    first, second = redacted.answers
    assert first.stdout == first.stderr == b"token=[redacted]\n"
    assert (first.detail, redacted.detail) == ("pwd=[redacted]", "https://u:[redacted]@proxy")
    assert second is clean


_PIECES = st.sampled_from(
    [piece.encode() for pair in SECRETS for piece in pair]
    + [line.encode() for line in HARMLESS]
    + [
        b"\n",
        b"\r\n",
        b"\n",
        b'"',
        b"\\",
        b"'",
        b"=",
        b": ",
        b"@",
        b"://",
        b"-----BEGIN RSA PRIVATE KEY-----\n",
        b" -p",
    ]
    + [BASE64.encode() + b"\n", b"AAAA\n", b"\n\n", b"-----END RSA PRIVATE KEY-----\n", b"--", b"$6$", b"token", b" "]
)
_OUTPUT = st.lists(_PIECES | st.binary(max_size=12), max_size=14).map(b"".join)


@settings(max_examples=400, deadline=None)
@given(_OUTPUT)
@example(b"password=\n\npassword: \n")
def test_no_line_moves_and_twice_is_once(data: bytes) -> None:
    redacted = redact_bytes(data)
    assert redacted.count(b"\n") == data.count(b"\n")
    for before, after in zip(data.split(b"\n"), redacted.split(b"\n"), strict=True):
        assert before == after or MARK in after
    assert redact_bytes(redacted) == redacted


@pytest.mark.parametrize("hint", _HINTS)
def test_no_replacement_makes_a_hint(hint: bytes) -> None:
    """Hints are looked for once, before anything is replaced."""
    assert not set(hint) & set(b"[]")
    assert hint not in MARK


@pytest.mark.parametrize(
    "pattern",
    [
        b"password",
        b"password ",
        b"--a ",
        b"mysql -",
        b"curl ",
        b"://a:",
        b"-----BEGIN PRIVATE KEY-----\n",
        b"\tpsk",
        b"a",
    ],
)
def test_hostile_repetition_costs_linear_time(pattern: bytes) -> None:
    """A megabyte takes well under a second; a pattern that backtracks would take minutes."""
    data = pattern * (MIB // len(pattern))
    begin = time.process_time()
    redact_bytes(data)
    assert time.process_time() - begin < 5
