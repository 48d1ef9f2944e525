"""Secrets that people write into comments and notes: `pw hunter2`, `password is x`, `Kennwort lautet x`.

In running text the name of a secret is mostly followed by an ordinary word (`password expired`). So a value counts when
it is announced (`is`, `lautet`), when the name is surely that of a setting (`db_pass x`), when it ends the comment of a
rule, or when no word looks like it.
"""

from __future__ import annotations

import re

HINTS = (b"pass", b"pw", b"kennwort", b"secret", b"geheimnis", b"token", b"psk", b"apikey", b"api_key", b"api-key")

_PLAIN = rb"(?:pass(?:word|wort|phrase|code)|pw|kennwort|geheimnis|secret|token|psk|api[_-]?key)"
"""Without names that are programs and packages as well: what follows `passwd` may be its version."""

_WORD = rb"(?:pass(?:word|wort|wd|phrase|code)?|pwd?|pw[sd]|kennwort|geheimnis|secret|token|psk|api[_-]?key)"
# What follows the name of a secret in ordinary text, in messages of programs and in settings, and is no secret.
_ORDINARY = (
    rb"(?!(?:a|an|the|and|or|of|in|on|to|for|from|at|by|with|without|is|are|was|were|be|been|being|has|have|had|not|no|never"
    rb"|must|may|can|cannot|will|should|does|do|if|when|that|this|it|its|as|too|very|still|now|only|also|than|then|via|per"
    rb"|required|expired|expires|expire|needed|set|unset|empty|locked|unlocked|disabled|enabled|incorrect|invalid|valid|used"
    rb"|missing|ok|okay|correct|wrong|old|new|weak|strong|changed|change|changes|stored|hashed|encrypted|protected|unknown"
    rb"|known|given|accepted|rejected|denied|blank|optional|mandatory|authentication|auth|age|aging|policy|policies|file"
    rb"|files|hash|hashes|hashing|manager|management|mismatch|prompt|requisite|sufficient|include|substack|rules|rule|length"
    rb"|quality|reset|store|storage|agent|based|less|protection|protected|entry|entries|database|field|inactive|last|login"
    rb"|logins|ring|bucket|key|keys|service|services|server|servers|name|names|value|values|type|types|user|users|root"
    rb"|useradd|usermod|userdel|usershow|usernext|groupadd|groupmod|groupdel|groupshow|groupnext|lock|unlock|group|out|in"
    rb"|quick|all|any|tcp|udp|icmp|inet|inet6|proto|log|tests?|through|over|traffic|packets?|only"
    rb"|und|oder|der|die|das|den|dem|ein|eine|ist|sind|war|wird|wurde|nicht|kein|keine|fehlt|leer|abgelaufen|falsch|richtig"
    rb"|gesetzt|bekannt|unbekannt|alt|neu|gesperrt|muss|kann|soll|darf|von|vom|zu|zum|zur|im|am|bei|mit|ohne|nur"
    rb"|lautet|heisst|geschuetzt|gesch\xc3\xbctzt|ge\xc3\xa4ndert|erforderlich)(?![\w@$!%&*+-]))"
)
_NO_VERSION = rb"(?!\d[\w:+~-]{0,20}\.)"
_VALUE = rb"[^\s\"'\\,;<>(){}\[\]]{2,200}"
_SAID = rb"[ \t]{1,8}(?:is|was|ist|war|lautet|heisst|hei\xc3\x9ft|=|:)[ \t]{1,8}[\"']?"

ANNOUNCED = re.compile(rb"(?i)((?<![a-z0-9])" + _WORD + _SAID + rb")" + _ORDINARY + _VALUE)

SETTING = re.compile(
    # `db_pass x`, `smtp-pw x`, `pw x`; no path, no module of PAM, no option.
    rb"(?i)((?<![\w./-])(?:[a-z0-9]{1,30}_(?:pass(?:word|wort|wd|phrase)?|pwd?|kennwort|secret|token|psk)|pw|kennwort)"
    rb"[ \t]{1,8})"
    + _ORDINARY
    + rb"(?![-/=:|&])"
    + _NO_VERSION
    + rb"(?![\w.-]{1,100}\.(?:so|conf|service|socket|timer|d|ya?ml|json|pem|key)\b)"
    + _VALUE
)

COMMENT_HINTS = (b"comment", b"remark", b"descr")
COMMENT = re.compile(
    # nft, iptables, pf, routers: `comment "secret x"`, `"comment": "secret x"`, `--comment "the token x"`.
    rb"(?i)((?:comment|remark|descr(?:iption)?)[\"']?[ \t]{0,8}[:=]?[ \t]{0,8}\\?[\"'](?:[^\"'\n]{0,80}[^\"'\na-z0-9])?"
    + _PLAIN
    + rb"[ \t]{1,8})"
    + _ORDINARY
    + rb"(?![-/=:|&])"
    + _VALUE
    + rb"(?=\\?[\"'])"
)

UNLIKE_A_WORD = re.compile(
    # Anywhere: the value has letters together with a digit or with a sign that no word has inside.
    rb"(?i)((?<![\w./-])"
    + _PLAIN
    + rb"[ \t]{1,8})"
    + _NO_VERSION
    + rb"(?=[^\s\"',;]{0,40}[a-z])(?=[^\s\"',;]{0,40}[0-9!@$%&*+~^])(?![-/=:|&\[])"
    rb"(?![\w.+-]{1,100}\.(?:so|conf|service|socket|timer|d|ya?ml|json|pem|key|js|py|c|h|md5sums)\b)"
    rb"(?![\w-]{1,60}[=:(/])" + _ORDINARY + rb"[^\s\"'\\,;<>(){}\[\]/]{5,100}(?![\w/])"
)
