"""The tokens that a published secret scanner knows, made from its own rules where SECAUDIT_SCANNER_RULES names them.

The file is a list of rules as gitleaks has it (`config/gitleaks.toml`); nothing of it is kept here.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from secaudit.transcript.redaction import redact_text

RULES = os.environ.get("SECAUDIT_SCANNER_RULES", "")

NOT_ALONE = {
    "airtable-personnal-access-token": "no part of it is rare enough to look for; with its name it goes",
    "sourcegraph-access-token": "40 characters, as every checksum of SHA-1",
    "slack-legacy-token": "shorter than any that was issued",
    "jwt-base64": "the secret that the rule names is a part of the header",
    "microsoft-teams-webhook": "an address, tested with ours",
    "sidekiq-sensitive-url": "an address, tested with ours",
    "facebook-access-token": "digits, a bar and letters stand in many lists",
    "harness-api-key": "a service account's token has no form that paths and versions do not have as well",
    "jwt": "one whose header is no JSON object is none",
    "twilio-api-key": "two letters and a checksum",
    "vault-service-token": "of Vault before 1.10: a letter and 24 characters, as host names have them",
    "private-key": "tested with real blocks",
    "kubernetes-secret-yaml": "a document and no token",
    "nuget-config-password": "a document and no token",
    "hashicorp-tf-password": "a setting, tested with ours",
    "generic-api-key": "a setting, tested with ours",
    "curl-auth-user": "a command line, tested with ours",
    "curl-auth-header": "a command line, tested with ours",
    "freemius-secret-key": "a setting, tested with ours",
    "slack-webhook-url": "an address, tested with ours",
    "sendgrid-api-token": "also matches without the two dots that each has",
}
"""Rules whose tokens cannot be told from other words, or are no tokens, and why."""


def _rules() -> Iterator[Any]:
    if not RULES:
        yield pytest.param("", "", marks=pytest.mark.skip(reason="SECAUDIT_SCANNER_RULES names no list of rules"))
        return
    for rule in tomllib.loads(Path(RULES).read_text(encoding="utf-8"))["rules"]:
        pattern = rule.get("regex", "")
        needs_a_name = r"[\w.-]{0,50}?(?:" in pattern
        if pattern and not needs_a_name and rule["id"] not in NOT_ALONE:
            yield pytest.param(rule["id"], pattern, id=rule["id"])


def _in_python(pattern: str) -> re.Pattern[str]:
    """A pattern of Go's RE2 as Python takes it; where only a part ignores case, all of it has the case of the text."""
    plain = pattern.replace("[[:alnum:]]", "[A-Za-z0-9]").replace("[:alnum:]", "A-Za-z0-9").replace(r"\z", r"\Z")
    return re.compile(plain.replace("(?i)", "").replace("(?-i:", "(?:").replace("(?i:", "(?:"), re.ASCII)


@pytest.mark.parametrize(("name", "pattern"), list(_rules()))
def test_a_token_goes_wherever_it_stands(name: str, pattern: str) -> None:
    compiled = _in_python(pattern)
    printable = st.characters(min_codepoint=33, max_codepoint=126)

    @settings(
        max_examples=20, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(st.from_regex(compiled, fullmatch=True, alphabet=printable))
    def goes(token: str) -> None:
        found = compiled.search(f" {token} ")
        secret = (found[1] if compiled.groups and found and found[1] else token).strip()
        assert secret not in redact_text(f"a line with {secret} in it"), name

    goes()
