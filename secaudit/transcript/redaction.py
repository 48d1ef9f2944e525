"""Taking secrets out of a transcript before anything is evaluated, stored or shown.

Only the secret itself is replaced, inside its line: no line is added, removed or moved, so evidence keeps its line
numbers and readers still understand the rest. Redaction works on bytes, since output may be in any encoding. It is
tuned to hit rather than to spare: a harmless value that is called a password is lost as well.

Every pattern is linear in the size of the output: repetitions are bounded or cannot backtrack.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from secaudit.model.answer import Answer, HostTranscript
from secaudit.transcript import issued_tokens, spoken_secrets

MARK = b"[redacted]"


def redact(transcript: HostTranscript) -> HostTranscript:
    """The transcript without secrets in outputs and details. Redacting twice changes nothing more.

    Requests stay as they are, since they are what a replay looks answers up by: an argv comes from a plugin or a
    baseline, and no secret may stand there.
    """
    answers = tuple(_redact_answer(answer) for answer in transcript.answers)
    return replace(transcript, detail=redact_text(transcript.detail), answers=answers)


def redact_text(text: str) -> str:
    """Text without secrets; lone surrogates become `?`."""
    return redact_bytes(text.encode("utf-8", "replace")).decode("utf-8")


def redact_bytes(data: bytes) -> bytes:
    """Output without secrets, with as many newlines as before and every other line unchanged."""
    if not data:
        return data
    if any(hint in data for hint in _KEY_HINTS):
        data = _redact_key_blocks(data)
    lowered = data.lower()
    # No replacement makes a hint that was not there: none holds a bracket of the mark.
    there = {hint for hint in _HINTS if hint in lowered}
    lines: dict[tuple[bytes, ...], list[tuple[int, int]]] = {}
    for rule in _RULES:
        if there.isdisjoint(rule.hints):
            continue
        if rule.hints not in lines:
            lines[rule.hints] = _lines_with(lowered, rule.hints)
        replaced = _substitute(rule, data, lines[rule.hints])
        if replaced != data:
            data, lowered = replaced, replaced.lower()
            lines.clear()
    return data


def _redact_answer(answer: Answer) -> Answer:
    stdout, stderr, detail = redact_bytes(answer.stdout), redact_bytes(answer.stderr), redact_text(answer.detail)
    if (stdout, stderr, detail) == (answer.stdout, answer.stderr, answer.detail):
        return answer
    return replace(answer, stdout=stdout, stderr=stderr, detail=detail)


@dataclass(frozen=True, slots=True)
class _Rule:
    """`pattern` is only tried on lines that hold one of `hints` (lower case): a substring search is far faster."""

    hints: tuple[bytes, ...]
    pattern: re.Pattern[bytes]
    replacement: bytes | Callable[[re.Match[bytes]], bytes]


def _lines_with(lowered: bytes, hints: tuple[bytes, ...]) -> list[tuple[int, int]]:
    """Start and end of every line that holds one of the hints, in order."""
    spans: set[tuple[int, int]] = set()
    for hint in hints:
        found = lowered.find(hint)
        while found >= 0:
            end = lowered.find(b"\n", found)
            end = len(lowered) if end < 0 else end
            spans.add((lowered.rfind(b"\n", 0, found) + 1, end))
            found = lowered.find(hint, end)
    return sorted(spans)


def _substitute(rule: _Rule, data: bytes, spans: Sequence[tuple[int, int]]) -> bytes:
    parts: list[bytes] = []
    done = 0
    for start, end in spans:
        parts += (data[done:start], rule.pattern.sub(rule.replacement, data[start:end]))
        done = end
    return b"".join([*parts, data[done:]])


def _keep_quotes(found: re.Match[bytes]) -> bytes:
    """The value replaced, but not the quotes around it: JSON stays JSON."""
    value = found[2]
    if value.startswith(rb"\""):
        return found[1] + rb"\"" + MARK
    quote = value[:1] if value[:1] in (b'"', b"'") else b""
    closing = quote if quote and len(value) > 1 and value.endswith(quote) else b""
    return found[1] + quote + MARK + closing


# What a secret is called; the name may have anything before it (`DB_PASSWORD`, `spring.datasource.password`).
_NAME = (
    rb"(?:pass(?:word|phrase|wort)|kennwort|geheimnis|(?:(?<![a-z])|auth|db|smtp|user)pass|passwd(?![ \t]*:[ \t])"
    rb"|(?:bind|root|db)[_-]?pw|authtok|key[_-]data|pwd(?![ \t]*[=:][ \t]*/)|secret(?:[_-]?(?:access[_-]?)?key)?"
    rb"|(?:access|account|api|app|auth|encryption|master|signing|preshared|pre-shared)[_-]?key"
    rb"|private[_-]?key(?![ \t]*[=:][ \t]*[\"']?/[a-z]{2})|token|credentials?(?![ \t]*[=:][ \t]*[\"']?/)|psk)"
    rb"(?:[_-]?(?:hash|base|[0-9]{1,3}))?"
)
_NAME_HINTS = (
    b"pass",
    b"kennwort",
    b"geheimnis",
    b"pw",
    b"secret",
    b"key",
    b"token",
    b"credential",
    b"psk",
    b"authtok",
)
# Settings and Debian architectures (`libpam-token:amd64`) that are surely no secret.
_HARMLESS = (
    rb"(?![\"']?(?:yes|no|true|false|none|null|on|off|[01]|all|any|amd64|arm64|armel|armhf|i386|mips64el|ppc64el"
    rb"|riscv64|s390x)(?:[\"',;).\s]|$))"
)
# In double quotes, in single quotes, in quotes that are escaped themselves (JSON in JSON; its end stays behind).
_QUOTED = rb"\"(?:[^\"\\\n]|\\.)*+\"?|'[^'\n]*+'?|\\\"(?:[^\"\\\n]|\\[^\"\n])*+"
_VALUE = rb"(" + _QUOTED + rb"|[^\s<\"'][^\s<\"]*)"

_RULES = (
    # A configuration line: the rest of the line is the value, spaces included.
    _Rule(
        _NAME_HINTS,
        re.compile(
            rb"(?i)^([ \t]*(?:export[ \t]+|[-#;][ \t]*)?[\w.-]{0,60}" + _NAME + rb"[ \t]{0,8}(?:=>|:=|[:=])[ \t]{0,8})"
            rb"(?![\"'])" + _HARMLESS + rb"([^\s][^\n]*)"
        ),
        _keep_quotes,
    ),
    # The same anywhere in a line: JSON, XML, shell, PHP (`define('DB_PASSWORD', 'x')`), argv as a JSON list.
    _Rule(
        _NAME_HINTS,
        re.compile(
            rb"(?i)("
            + _NAME
            + rb"(?:\\?[\"'])?[ \t]{0,8}(?:=>|:=|[:=>]|(?<=[\"']),(?=[ \t]{0,8}[\"']))[ \t]{0,8})"
            + _HARMLESS
            + _VALUE
        ),
        _keep_quotes,
    ),
    # Command lines: `--password x`, `sshpass -p x`, `mysql -px`, `curl -u user:x`.
    _Rule(
        _NAME_HINTS,
        re.compile(rb"(?i)((?<![\w-])--?[\w-]{0,40}" + _NAME + rb"[ \t]{1,8})(?!-)" + _HARMLESS + _VALUE),
        _keep_quotes,
    ),
    # Settings that are no assignment: redis.conf, snmpd.conf(5), ldap.conf(5), keepalived.conf(5), haproxy's userlists.
    _Rule(
        (b"requirepass", b"masterauth", b"community", b"bindpw", b"rootpw", b"auth_pass", b"insecure-password"),
        re.compile(
            rb"(?i)(\b(?:requirepass|masterauth|r[ow]community6?|bindpw|rootpw(?:modpw)?|auth_pass|insecure-password)"
            rb"[ \t]{1,8})(?!\{)" + _VALUE
        ),
        _keep_quotes,
    ),
    _Rule((b"createuser",), re.compile(rb"(?i)(\bcreateuser[ \t]{1,8}\S{1,64}[ \t]{1,8})\S[^\n]*"), rb"\1" + MARK),
    # ipsec.secrets(5): `: PSK "x"`.
    _Rule(
        (b"psk", b"xauth", b"eap"), re.compile(rb"(?i)(:[ \t]{0,8}(?:psk|xauth|eap)[ \t]{1,8})" + _VALUE), _keep_quotes
    ),
    _Rule((b"sshpass",), re.compile(rb"(\bsshpass[ \t]{1,8}-p[ \t]{0,8})" + _VALUE), _keep_quotes),
    _Rule(
        (b"mysql", b"mariadb"),
        re.compile(rb"(\b(?:mysql|mariadb)[\w-]{0,20}[ \t](?:[^\n]{0,100}?[ \t])?-p)" + _VALUE),
        _keep_quotes,
    ),
    _Rule(
        (b"curl", b"wget"),
        re.compile(rb"(\bcurl[ \t](?:[^\n]{0,100}?[ \t])?(?:-u|--user)[ =]{0,2}[\"']?[^\s:\"']{0,100}:)([^\s\"']+)"),
        _keep_quotes,
    ),
    _Rule(
        (b"redis-cli",), re.compile(rb"(\bredis-cli[ \t](?:[^\n]{0,100}?[ \t])?-a[ \t]{0,8})" + _VALUE), _keep_quotes
    ),
    _Rule(
        (b"snmp",),
        re.compile(
            rb"(\bsnmp(?:bulk)?(?:get|getnext|walk|set|table|status)[ \t](?:[^\n]{0,100}?[ \t])?-[cAX][ \t]{0,8})"
            + _VALUE
        ),
        _keep_quotes,
    ),
    _Rule((b"password",), re.compile(rb"(\blogin[ \t]+\S{1,200}[ \t]+password[ \t]+)(\S+)"), _keep_quotes),
    # URLs with a password, or a token in the place of the user (RFC 3986, section 3.2.1).
    _Rule((b"://",), re.compile(rb"(?<=://)([^\s/:@\"']{0,200}:)[^\s/\"']{1,500}(?=@)"), rb"\1" + MARK),
    _Rule((b"://",), re.compile(rb"(?<=://)[^\s/:@\"']{20,200}(?=@)"), MARK),
    # What signs a request in its query (SAS, presigned URLs, keys of APIs), and webhooks, whose whole path is a secret.
    _Rule(
        (b"sig=", b"signature=", b"token=", b"key=", b"auth=", b"code=", b"sid=", b"session", b"jwt=", b"pw="),
        re.compile(
            rb"(?i)([?&](?:sig|signature|x-(?:amz|goog)-(?:signature|security-token)|key|auth|code|sid|session(?:id)?|jwt|pw)=)"
            rb"[^\s&\"'<>#]{6,}+"
        ),
        rb"\1" + MARK,
    ),
    _Rule(
        (b"hooks.slack.com/", b"/api/webhooks/", b".webhook.office.com/", b"api.telegram.org/bot"),
        re.compile(
            rb"(?i)(hooks\.slack\.com/[a-z]{1,20}/|/api/webhooks/\d{1,30}/|\.webhook\.office\.com/"
            rb"|api\.telegram\.org/bot)[^\s\"'<>]{8,}+"
        ),
        rb"\1" + MARK,
    ),
    # HTTP headers (RFC 9110, section 11; RFC 6265).
    _Rule(
        (b"authorization",),
        re.compile(
            rb"(?i)(authorization(?:\\?[\"'])?[ \t]{0,8}(?:[:=][ \t]{0,8}[\"']?|[\"'](?=basic|bearer))"
            rb"(?:(?:basic|bearer|digest|token|negotiate|apikey|aws4-hmac-sha256)[ \t]{1,8})?)[^\s\"'][^\n\"']*"
        ),
        rb"\1" + MARK,
    ),
    # The same without its scheme, as registries of packages and images have it: `"auth": "…"`, `_auth=…`.
    _Rule(
        (b"auth",),
        re.compile(rb"(?i)((?<![a-z])auth[\"']?[ \t]{0,8}[:=][ \t]{0,8}[\"']?)[a-z0-9+/]{16,}+={0,2}"),
        rb"\1" + MARK,
    ),
    _Rule((b"cookie",), re.compile(rb"(?i)((?<!\w)(?:set-)?cookie[ \t]{0,8}:[ \t]{0,8})[^\s][^\n\"']*"), rb"\1" + MARK),
    _Rule((b"bearer",), re.compile(rb"(?i)(\bbearer[ \t]{1,8})[\w.~+/=-]{16,}+"), rb"\1" + MARK),
    # Password hashes: crypt(5), shadow(5) with DES, LDAP (RFC 2307), PostgreSQL, MySQL.
    _Rule(
        (b"$",),
        re.compile(
            rb"(\$(?:[1-9]|2[abxy]?|A|y|gy|7|md5|sha1|apr1|argon2(?:id|i|d)|scrypt|pbkdf2[\w-]{0,20})\$)[\w./=,$+-]{8,}+"
        ),
        rb"\1" + MARK,
    ),
    _Rule((b"::",), re.compile(rb"^([\w.-]{1,64}:!?)[./A-Za-z0-9]{13}(?=:\d{0,10}:\d{0,10}:)"), rb"\1" + MARK),
    _Rule((b"{",), re.compile(rb"(?i)(\{(?:s?sha\d{0,3}|s?md5|crypt)\})[\w+/=.$-]{8,}+"), rb"\1" + MARK),
    _Rule((b"grub.pbkdf2",), re.compile(rb"(grub\.pbkdf2\.[a-z0-9]{1,10}\.\d{1,10}\.)[\w.]{16,}+"), rb"\1" + MARK),
    _Rule((b"scram-sha-256$",), re.compile(rb"(?i)(scram-sha-256\$)[\w+/=:$]{8,}+"), rb"\1" + MARK),
    _Rule((b"md5",), re.compile(rb"(\bmd5)[0-9a-f]{32}\b"), rb"\1" + MARK),
    _Rule((b"*",), re.compile(rb"(\*)[0-9A-F]{40}\b"), rb"\1" + MARK),
    # Tokens that say themselves what they are.
    _Rule(
        (
            *(b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"_pat_", b"glpat-", b"gldt-", b"glrt-", b"glcbt-"),
            *(b"glptt-", b"npm_", b"pypi-age", b"hvs.", b"hvb.", b"k_live_", b"k_test_", b"whsec_", b"dop_v1_"),
            *(b"tskey-", b"atatt3"),
        ),
        re.compile(
            rb"(?i)\b(gh[pousr]_|github_pat_|dckr_pat_|gl(?:pat|dt|rt|cbt|ptt)-|npm_|pypi-AgE|hv[sb]\.|[rs]k_(?:live|test)_"
            rb"|whsec_|dop_v1_|tskey-[a-z]{1,10}-|ATATT3)[\w-]{16,}+"
        ),
        rb"\1" + MARK,
    ),
    # Without a hyphen, or with a word that no algorithm has: `sk-ssh-ed25519@openssh.com` is none.
    _Rule((b"sk-",), re.compile(rb"\b(sk-(?:proj|ant|svcacct|admin)-)[\w-]{16,}+"), rb"\1" + MARK),
    _Rule((b"sk-", b"hf_"), re.compile(rb"\b(sk-|hf_)[A-Za-z0-9]{30,}+"), rb"\1" + MARK),
    _Rule((b"sg.",), re.compile(rb"\b(SG\.)[\w-]{16,}+\.[\w-]{16,}+"), rb"\1" + MARK),
    _Rule((b"xox",), re.compile(rb"\b(xox[a-z]-)[\w-]{7,}+"), rb"\1" + MARK),
    _Rule((b"aiza",), re.compile(rb"\b(AIza)[\w-]{35}"), rb"\1" + MARK),
    _Rule((b"eyj",), re.compile(rb"\beyJ[\w-]{8,}+\.eyJ[\w-]{8,}+\.[\w-]{8,}+"), MARK),
    _Rule((b"akia", b"asia"), issued_tokens.PAIR, rb"\1" + MARK),
    _Rule(issued_tokens.HINTS, issued_tokens.TOKEN, MARK),
    _Rule(issued_tokens.SERVICE_HINTS, issued_tokens.SERVICE, rb"\1" + MARK),
    # What people write down in words.
    _Rule(spoken_secrets.HINTS, spoken_secrets.ANNOUNCED, rb"\1" + MARK),
    _Rule(spoken_secrets.HINTS, spoken_secrets.SETTING, rb"\1" + MARK),
    _Rule(spoken_secrets.COMMENT_HINTS, spoken_secrets.COMMENT, rb"\1" + MARK),
    _Rule(spoken_secrets.HINTS, spoken_secrets.UNLIKE_A_WORD, rb"\1" + MARK),
    _Rule((b"age-secret-key-1",), re.compile(rb"(?i)(age-secret-key-1)[0-9a-z]{20,}+"), rb"\1" + MARK),
)
_HINTS = tuple(dict.fromkeys(hint for rule in _RULES for hint in rule.hints))

# Private keys: PEM (RFC 7468), OpenSSH, OpenPGP (RFC 9580, section 6.2), PuTTY.
_KEY_HINTS = (b"PRIVATE KEY", b"Private-Lines:")
_BEGIN = re.compile(rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\bPrivate-Lines: \d{1,6}")
_ON_THE_SAME_LINE = re.compile(rb"(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)[\w+/=\\ \t]{16,}+")
# What may stand around base64: a file name or line number from grep, quotes, escapes and commas of JSON.
_BEFORE, _AFTER = rb"(?:\S{0,300}?[:|>-])?[\s\"']*", rb"[\\\"',rn]{0,6}\s*"
_FULL = re.compile(_BEFORE + rb"[A-Za-z0-9+/]{40,}={0,2}" + _AFTER)
_LAST = re.compile(_BEFORE + rb"=?[A-Za-z0-9+/]{1,39}={0,2}" + _AFTER)
_NOTHING_MORE = re.compile(_AFTER)
_HEADER = re.compile(rb".{0,300}?\b(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset): .*|\s*")


def _redact_key_blocks(data: bytes) -> bytes:
    """Replace key material line by line.

    A block goes on while lines look like key material, not blindly to an END line: otherwise whoever may print a
    BEGIN line could make everything after it disappear. The first short line of base64 is the last of its block.
    """
    inside = False
    lines = data.split(b"\n")
    for number, line in enumerate(lines):
        begin = _BEGIN.search(line)
        if begin is not None:
            lines[number] = _ON_THE_SAME_LINE.sub(rb"\1" + MARK, line)
            inside = _NOTHING_MORE.fullmatch(line, begin.end()) is not None
        elif inside:
            inside = bool(_HEADER.fullmatch(line) or _FULL.fullmatch(line))
            if _FULL.fullmatch(line) or _LAST.fullmatch(line):
                lines[number] = MARK
    return b"\n".join(lines)
