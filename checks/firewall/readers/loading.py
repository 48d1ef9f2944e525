"""Rulesets from files, whatever tool wrote them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from secaudit.api import MIB
from secaudit.model.errors import UserError
from secaudit.model.observation import RulesetText, Syntax

from ..rules.matches import PacketFamily
from ..rules.ruleset import Ruleset, RulesetError, TableFamily
from .aws.security_groups import read_aws
from .fortigate.config import read_fortigate
from .ipset.members import resolve_sets
from .ipset.save import read_ipset_save
from .iptables.save import read_iptables_save
from .merge import merge
from .nft.document import read_nft_json
from .nft.ruleset import read_nft_ruleset
from .pfsense.config import read_pfsense

LIMIT = 64 * MIB
"""Bytes of one file; 100,000 rules need about 10."""


class RulesetFormat(StrEnum):
    """What a file is. `AUTO` looks at its beginning."""

    AUTO = "auto"
    IPTABLES = "iptables-save"
    IP6TABLES = "ip6tables-save"
    NFT_JSON = "nft-json"
    IPSET = "ipset-save"
    AWS = "aws"
    NFT = "nft"
    FORTIGATE = "fortigate"
    PFSENSE = "pfsense"


_READERS: Mapping[RulesetFormat, Callable[[str, str], Ruleset]] = {
    RulesetFormat.FORTIGATE: read_fortigate,
    RulesetFormat.NFT: read_nft_ruleset,
    RulesetFormat.NFT_JSON: read_nft_json,
    RulesetFormat.PFSENSE: read_pfsense,
}
"""Formats of which one file is the whole ruleset of both families."""


class FileError(UserError):
    """A file cannot be read, or is not what it is said to be."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A ruleset, and the families whose rules were given: of the others nothing is known."""

    ruleset: Ruleset
    families: frozenset[PacketFamily]


def load(paths: Sequence[Path], format: RulesetFormat = RulesetFormat.AUTO, groups: Sequence[str] = ()) -> Loaded:
    """The ruleset of one host out of its listings; sets of ipset are put in where rules ask for them.

    `groups` are the security groups that its network interface has, where a file holds groups of a cloud.
    Raises `FileError`.
    """
    nft: list[Ruleset] = []
    saves: list[Ruleset] = []
    sets: list[str] = []
    used = False
    for path in paths:
        text = _text(path)
        kind = _guess(path, text) if format is RulesetFormat.AUTO else format
        try:
            match kind:
                case RulesetFormat.IPTABLES:
                    saves.append(read_iptables_save(text, TableFamily.IP, path.name))
                case RulesetFormat.IP6TABLES:
                    saves.append(read_iptables_save(text, TableFamily.IP6, path.name))
                case RulesetFormat.AWS:
                    used = True
                    nft.append(read_aws(text, path.name, groups))
                case _ if kind in _READERS:
                    nft.append(_READERS[kind](text, path.name))
                case _:
                    sets.append(text)
        except RulesetError as error:
            raise FileError(f"{path}: {error}") from error
    if groups and not used:
        raise FileError("security groups are named, but no file holds any (describe-security-groups of AWS)")
    if len(nft) > 1:
        raise FileError("give one listing of nft or of a cloud per host: they would be mixed up")
    if not nft and not saves:
        raise FileError("give a ruleset, not only sets")
    found = merge(nft[0] if nft else None, saves)
    for text in sets:
        found = resolve_sets(found, read_ipset_save(text, "ipset save"))
    families = frozenset(PacketFamily) if nft else {part for save in saves for part in _families(save)}
    return Loaded(found, frozenset(families))


_SYNTAXES: Mapping[RulesetFormat, Syntax] = {
    RulesetFormat.IPTABLES: Syntax.IPTABLES,
    RulesetFormat.IP6TABLES: Syntax.IP6TABLES,
    RulesetFormat.NFT: Syntax.NFT,
    RulesetFormat.NFT_JSON: Syntax.NFT_JSON,
    RulesetFormat.IPSET: Syntax.IPSET,
}
"""Formats that the Linux kernel's own tools load."""


def kernel_texts(paths: Sequence[Path], format: RulesetFormat = RulesetFormat.AUTO) -> tuple[RulesetText, ...]:
    """The files as this machine's kernel can load them. Raises `FileError` for a format that only others understand."""
    texts = []
    for path in paths:
        text = _text(path)
        kind = _guess(path, text) if format is RulesetFormat.AUTO else format
        if kind not in _SYNTAXES:
            raise FileError(f"{path}: the Linux kernel loads no {kind} ruleset; give {', '.join(sorted(_SYNTAXES))}")
        texts.append(RulesetText(_SYNTAXES[kind], text))
    return tuple(texts)


def _families(save: Ruleset) -> frozenset[PacketFamily]:
    return frozenset(family for table in save.tables for family in table.family.packets)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(LIMIT + 1)
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror or error}") from error
    if len(data) > LIMIT:
        raise FileError(f"{path} is larger than {LIMIT // MIB} MiB")
    return data.decode("utf-8", "replace")


_NFT_TABLE = re.compile(r"^[ \t]*(?:add )?table (?:(?:ip|ip6|inet|arp|bridge|netdev) )?[\w-]+\s*\{", re.MULTILINE)


def _guess(path: Path, text: str) -> RulesetFormat:
    begin = text.lstrip()[:4096]
    if begin.startswith("{") and '"nftables"' in begin:
        return RulesetFormat.NFT_JSON
    if begin.startswith(("{", "[")) and '"SecurityGroups"' in text:
        return RulesetFormat.AWS
    if begin.startswith("<") and re.search(r"<(?:pfsense|opnsense)\b", begin):
        return RulesetFormat.PFSENSE
    if re.search(r"^(?:#config-version=|config (?:system|firewall|global|vdom)\b)", begin, re.MULTILINE):
        return RulesetFormat.FORTIGATE
    if _NFT_TABLE.search(text):
        return RulesetFormat.NFT
    if begin.startswith(("create ", "add ")):
        return RulesetFormat.IPSET
    if begin.startswith(("*", "#", ":")) and "\n*" in f"\n{text}":
        modern = "ip6tables" in begin or path.suffix == ".v6" or "ip6tables" in path.name
        return RulesetFormat.IP6TABLES if modern else RulesetFormat.IPTABLES
    names = ", ".join(sorted(set(RulesetFormat) - {RulesetFormat.AUTO}))
    raise FileError(f"{path}: the format is not recognised; name it with --format ({names})")
