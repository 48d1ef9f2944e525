"""Rulesets into a network namespace, and their listings out of it again."""

from __future__ import annotations

import re
import shlex
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence

from secaudit.model.observation import RulesetText, Syntax
from secaudit.model.safe_text import visible
from secaudit.verification.errors import VerificationError
from secaudit.verification.watching import TABLE, WITNESS

_PATIENCE = 120.0
_WHILE = 0.01
_BUILT_IN = {
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "raw": ("PREROUTING", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
_LOAD = {
    Syntax.NFT: ("nft", "-f", "-"),
    Syntax.NFT_JSON: ("nft", "-j", "-f", "-"),
    Syntax.IPTABLES: ("iptables-nft-restore",),
    Syntax.IP6TABLES: ("ip6tables-nft-restore",),
    Syntax.IPTABLES_LEGACY: ("iptables-legacy-restore",),
    Syntax.IP6TABLES_LEGACY: ("ip6tables-legacy-restore",),
    Syntax.IPSET: ("ipset", "restore"),
}
_LIST = {
    Syntax.NFT: (Syntax.NFT_JSON, ("nft", "-j", "list", "ruleset")),
    Syntax.NFT_JSON: (Syntax.NFT_JSON, ("nft", "-j", "list", "ruleset")),
    Syntax.IPTABLES: (Syntax.IPTABLES, ("iptables-nft-save", "-c")),
    Syntax.IP6TABLES: (Syntax.IP6TABLES, ("ip6tables-nft-save", "-c")),
    Syntax.IPTABLES_LEGACY: (Syntax.IPTABLES_LEGACY, ("iptables-legacy-save", "-c")),
    Syntax.IP6TABLES_LEGACY: (Syntax.IP6TABLES_LEGACY, ("ip6tables-legacy-save", "-c")),
    Syntax.IPSET: (Syntax.IPSET, ("ipset", "save")),
}
_LEGACY = (Syntax.IPTABLES_LEGACY, Syntax.IP6TABLES_LEGACY)


def run_in(namespace: str, argv: Sequence[str], given: str = "") -> str:
    """Run a program in the namespace and return its stdout. Raises VerificationError when it is missing or fails."""
    try:
        done = subprocess.run(
            ["nsenter", f"--net={namespace}", *argv],
            input=given,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
        )
    except FileNotFoundError:
        raise VerificationError("nsenter(1) is not installed here") from None
    except subprocess.TimeoutExpired:
        raise VerificationError(f"{argv[0]} did not end within {_PATIENCE:.0f} s") from None
    if done.returncode:
        said = visible(done.stderr.strip()[:1000]) or f"exit code {done.returncode}"
        raise VerificationError(f"{argv[0]} refused: {said}")
    return done.stdout


class Loader:
    """The rulesets of one namespace. It remembers the legacy tables and the sets that it has to remove."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._legacy: dict[Syntax, dict[str, None]] = {syntax: {} for syntax in _LEGACY}
        self._sets = False

    def load(self, rulesets: Sequence[RulesetText]) -> None:
        """Replace what is loaded, sets before the rules that ask for them, and watch it.

        Raises VerificationError for a text that is dangerous or that a tool refuses.
        """
        for ruleset in rulesets:
            refuse_dangers(ruleset)
        run_in(self._namespace, _LOAD[Syntax.NFT], "flush ruleset\n")
        for syntax, tables in self._legacy.items():
            if tables:
                run_in(self._namespace, _LOAD[syntax], "".join(map(_emptied, tables)))
        if self._sets:
            self._destroy_sets()
        for ruleset in sorted(rulesets, key=lambda ruleset: ruleset.syntax is not Syntax.IPSET):
            self._sets |= ruleset.syntax is Syntax.IPSET
            if ruleset.syntax in _LEGACY:
                self._legacy[ruleset.syntax] |= dict.fromkeys(re.findall(r"^\*(\w+)", ruleset.text, re.MULTILINE))
            run_in(self._namespace, _LOAD[ruleset.syntax], ruleset.text)
        run_in(self._namespace, _LOAD[Syntax.NFT], TABLE)

    def _destroy_sets(self) -> None:
        """Remove every set; the kernel lets go of those that removed rules asked for only after a while."""
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                # A list of sets holds on to its members until it is empty.
                run_in(self._namespace, ["ipset", "flush"])
                run_in(self._namespace, ["ipset", "destroy"])
            except VerificationError:
                if time.monotonic() > end:
                    raise
                time.sleep(_WHILE)
            else:
                self._sets = False
                return

    def listings(self, syntaxes: Iterable[Syntax]) -> Iterator[RulesetText]:
        """What is loaded, with counters, from the tools that list what these syntaxes load. Ends the watch."""
        run_in(self._namespace, ["nft", "delete", "table", "inet", WITNESS])
        for listed, argv in dict.fromkeys(_LIST[syntax] for syntax in syntaxes):
            yield RulesetText(listed, run_in(self._namespace, argv))


def refuse_dangers(ruleset: RulesetText) -> None:
    """Raise VerificationError for a text that could do more than load rules into the namespace.

    nft would read other files of this machine (`include`), the iptables tools start any program that a rule names
    with `--modprobe`, and ipset writes to a file that an option names; options may be abbreviated (getopt_long(3)).
    """
    if WITNESS in ruleset.text:
        raise VerificationError(f"the ruleset names the table {WITNESS}, which is the verification's own")
    if ruleset.syntax is Syntax.NFT_JSON:
        return
    if ruleset.syntax is Syntax.NFT:
        if re.search(r'\binclude\b[\s\\]*"', ruleset.text):
            raise VerificationError("the ruleset includes other files; verify what `nft list ruleset` prints instead")
        return
    for number, line in enumerate(ruleset.text.split("\n"), 1):
        if ruleset.syntax is Syntax.IPSET:
            if not _only_fills_sets(line):
                raise VerificationError(f"line {number} does something else than creating and filling sets")
        elif any(map(_names_modprobe, _tokens(line))):
            raise VerificationError(f"line {number} names a program that loads kernel modules (--modprobe)")


def _tokens(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def _only_fills_sets(line: str) -> bool:
    tokens = _tokens(line)
    if not tokens or line.startswith("#"):
        return True
    return tokens[0] in ("create", "add") and not any(word.startswith("-") and word != "-exist" for word in tokens)


def _names_modprobe(token: str) -> bool:
    if token.startswith("--"):
        name = token.partition("=")[0]
        return len(name) > len("--") and "--modprobe".startswith(name)
    return token.startswith("-") and "M" in token


def _emptied(table: str) -> str:
    heads = [f":{chain} ACCEPT [0:0]" for chain in _BUILT_IN.get(table, ())]
    return "\n".join([f"*{table}", *heads, "COMMIT", ""])
