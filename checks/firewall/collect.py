"""Requests of this family and how their answers become facts.

The kernel keeps rules in two places: nf_tables, which `nft` lists whole, and the legacy tables, which only the legacy
tools list. iptables may be a front end to either. Tables that iptables keeps in nf_tables appear in both listings; nft
says which chains and rules there are, and iptables-save says what its extensions (`xt`) mean, which nft cannot show.
The sets that its rules refer to are listed by ipset.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from secaudit.api import MIB, Answers, Command, Evidence, Unproven, UnprovenKind, collector

from .facts import Firewall, Gap, Ipv6Stack, Source
from .readers.ipset.members import resolve_sets
from .readers.ipset.save import read_ipset_save
from .readers.iptables.save import read_iptables_save
from .readers.merge import has_extensions, merge
from .readers.nft.document import read_nft_json
from .rules.matches import PacketFamily, SetMembership
from .rules.ruleset import Backend, Ruleset, RulesetError, TableFamily

_LIMIT = 32 * MIB
_TIMEOUT = timedelta(seconds=60)
_LEGACY_WARNING = "legacy tables present"


def _save(program: str) -> Command:
    # Printed by nf_tables and legacy variants to a user without CAP_NET_ADMIN.
    refusals = ("Permission denied", "Operation not permitted", "you must be root")
    return Command(
        (f"/usr/sbin/{program}", "-c"),
        root=True,
        timeout=_TIMEOUT,
        limit=_LIMIT,
        refusals=refusals,
        remarks=(_LEGACY_WARNING,),
    )


NFT = Command(
    ("/usr/sbin/nft", "-j", "list", "ruleset"),
    root=True,
    timeout=_TIMEOUT,
    limit=_LIMIT,
    refusals=("Operation not permitted", "you must be root"),
)
IPTABLES = _save("iptables-save")
IP6TABLES = _save("ip6tables-save")
IPTABLES_LEGACY = _save("iptables-legacy-save")
IP6TABLES_LEGACY = _save("ip6tables-legacy-save")
IPSET = Command(
    ("/usr/sbin/ipset", "save"), root=True, timeout=_TIMEOUT, limit=_LIMIT, refusals=("Operation not permitted",)
)
MODULES = Command(("cat", "/proc/modules"))

DISABLE_IPV6 = Command(("cat", "/proc/sys/net/ipv6/conf/all/disable_ipv6"))
IPV6_ADDRESSES = Command(("cat", "/proc/net/if_inet6"))
PROC_NET = Command(("ls", "-1", "/proc/net/"))

_BOTH = frozenset(PacketFamily)


@dataclass(frozen=True, slots=True)
class _Family:
    packets: PacketFamily
    tables: TableFamily
    save: Command
    legacy: Command
    legacy_modules: str


_FAMILIES = (
    _Family(PacketFamily.IPV4, TableFamily.IP, IPTABLES, IPTABLES_LEGACY, "iptable_"),
    _Family(PacketFamily.IPV6, TableFamily.IP6, IP6TABLES, IP6TABLES_LEGACY, "ip6table_"),
)


@dataclass(slots=True)
class _View:
    """What is known of the ruleset while one answer after the other is read."""

    answers: Answers
    sources: list[Source]
    gaps: list[Gap]

    def read_nft(self) -> Ruleset | Unproven:
        try:
            answer = self.answers.ended(NFT)
            ruleset = read_nft_json(answer.text, NFT.key)
        except RulesetError as error:
            reason = f"`{NFT.key}` {error}"
            return self._failed(NFT, Unproven(UnprovenKind.NOT_UNDERSTOOD, reason, (self.answers[NFT].evidence(),)))
        except Unproven as reason:
            return self._failed(NFT, reason)
        self._gave(NFT, ruleset)
        return ruleset

    def read_save(self, command: Command, family: TableFamily) -> Ruleset | Unproven:
        try:
            # Its tables come one after the other: nothing in it tells that one is left out.
            listing = self.answers.ended(command, quiet=True)
            ruleset = read_iptables_save(listing.text, family, command.key)
        except Unproven as reason:
            return self._failed(command, reason)
        self._gave(command, ruleset)
        return ruleset

    def resolved(self, ruleset: Ruleset) -> Ruleset:
        """The ruleset with the elements of its ipsets. Without them a set stays what it is: not known."""
        if not any(isinstance(match, SetMembership) for _, _, rule in ruleset.rules for match in rule.matches):
            return ruleset
        try:
            sets = read_ipset_save(self.answers.text(IPSET), IPSET.key)
        except Unproven as reason:
            self._failed(IPSET, reason)
            return ruleset
        self.sources.append(Source(IPSET.key, f"sets: {len(sets.sets)}", self._evidence(IPSET)))
        return resolve_sets(ruleset, sets)

    def gap(self, families: frozenset[PacketFamily], what: str, reason: Unproven) -> None:
        self.gaps.append(Gap(families, reason.kind, f"{what} cannot be seen: {reason.reason}", reason.evidence))

    def _gave(self, command: Command, ruleset: Ruleset) -> None:
        rules = sum(1 for _ in ruleset.rules)
        self.sources.append(
            Source(command.key, f"tables: {len(ruleset.tables)}, rules: {rules}", self._evidence(command))
        )

    def _failed(self, command: Command, reason: Unproven) -> Unproven:
        self.sources.append(Source(command.key, reason.kind.value, self._evidence(command)))
        return reason

    def _evidence(self, command: Command) -> Evidence:
        return self.answers[command].evidence()


@collector(Firewall, (NFT, IPTABLES, IP6TABLES, IPTABLES_LEGACY, IP6TABLES_LEGACY, IPSET, MODULES))
def firewall(answers: Answers) -> Firewall:
    """The whole ruleset, as far as the tools that answered show it.

    Raises `Unproven` when neither nft nor any iptables tool gave an answer.
    """
    view = _View(answers, [], [])
    nft = view.read_nft()
    saves = [view.read_save(family.save, family.tables) for family in _FAMILIES]
    legacies = [view.read_save(family.legacy, family.tables) for family in _FAMILIES]
    refused = [listing for listing in (nft, *saves, *legacies) if isinstance(listing, Unproven)]
    if len(refused) == 1 + len(saves) + len(legacies):
        first = next((reason for reason in refused if reason.kind is not UnprovenKind.MISSING), refused[0])
        raise Unproven(first.kind, first.reason, tuple(part for reason in refused for part in reason.evidence))
    if isinstance(nft, Unproven) and not _nf_tables_unused(answers):
        view.gap(_BOTH, "nftables rules", nft)
    shown: list[Ruleset] = []
    for family, save, legacy in zip(_FAMILIES, saves, legacies, strict=True):
        shown += _of_family(view, family, save, legacy, nft)
    ruleset = view.resolved(merge(nft if isinstance(nft, Ruleset) else None, shown))
    return Firewall(ruleset, tuple(view.gaps), tuple(view.sources))


def _of_family(
    view: _View, family: _Family, save: Ruleset | Unproven, legacy: Ruleset | Unproven, nft: Ruleset | Unproven
) -> list[Ruleset]:
    """What the iptables tools show of one family, legacy tables once, and the gaps they leave."""
    only = frozenset({family.packets})
    save_is_legacy = isinstance(save, Ruleset) and _is_legacy(save)
    nft_suffices = isinstance(nft, Ruleset) and not has_extensions(nft, family.tables)
    if isinstance(save, Unproven) and not (nft_suffices and save.kind is UnprovenKind.MISSING):
        view.gap(only, "iptables rules", save)
    if isinstance(legacy, Unproven) and not save_is_legacy:
        gone = legacy.kind is UnprovenKind.MISSING and _legacy_unused(view.answers, family, save)
        if not gone:
            view.gap(only, "legacy iptables rules", legacy)
    shown = [save] if save_is_legacy else [save, legacy]
    return [ruleset for ruleset in shown if isinstance(ruleset, Ruleset)]


def _is_legacy(ruleset: Ruleset) -> bool:
    """Whether a listing comes from the legacy tables; an empty listing does not tell, and does not matter."""
    return any(table.backend is Backend.LEGACY for table in ruleset.tables)


def _legacy_unused(answers: Answers, family: _Family, save: Ruleset | Unproven) -> bool:
    """Whether nothing speaks for rules in the legacy tables of a family on a host without the legacy tools.

    A table there needs its own module (`iptable_filter`), and iptables-save of the nf_tables variant warns of them.
    """
    modules = _modules(answers)
    if modules is not None and any(name.startswith(family.legacy_modules) for name in modules):
        return False
    if isinstance(save, Ruleset):
        return _LEGACY_WARNING.encode() not in answers[family.save].stderr
    return modules is not None


def _nf_tables_unused(answers: Answers) -> bool:
    """Whether it is proven that the kernel holds no nf_tables rules.

    Netfilter is built as modules where `x_tables` is one (it is the base of legacy iptables), and then rules in
    nf_tables need the module `nf_tables`. A kernel with netfilter built in proves nothing. See proc_modules(5).
    """
    modules = _modules(answers)
    return modules is not None and "x_tables" in modules and "nf_tables" not in modules


def _modules(answers: Answers) -> frozenset[str] | None:
    """The names of the kernel's modules; None when they are not known."""
    try:
        return frozenset(line.split(" ", 1)[0] for line in answers.ended(MODULES).lines)
    except Unproven:
        return None


@collector(Ipv6Stack, (DISABLE_IPV6, IPV6_ADDRESSES, PROC_NET))
def ipv6_stack(answers: Answers) -> Ipv6Stack:
    """Whether IPv6 is on: proven off when the kernel has no IPv6, or it is disabled and no interface has an address."""
    names = answers.ended(PROC_NET)
    if "if_inet6" not in names.lines and answers[IPV6_ADDRESSES].stdout:
        reason = "/proc/net does not list if_inet6, which can be read all the same"
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, reason, (names.evidence(), answers[IPV6_ADDRESSES].evidence()))
    if "if_inet6" not in names.lines:
        if "dev" not in names.lines:
            raise Unproven(
                UnprovenKind.NOT_UNDERSTOOD, "/proc/net does not list the network stack", (names.evidence(),)
            )
        return Ipv6Stack(False, "the kernel has no IPv6 (/proc/net/if_inet6 does not exist)", names.evidence())
    addresses = answers.ended(IPV6_ADDRESSES)
    if addresses.text.strip():
        return Ipv6Stack(True, "interfaces have IPv6 addresses", addresses.evidence())
    disabled = answers.ended(DISABLE_IPV6)
    if disabled.text.strip() == "1":
        reason = "net.ipv6.conf.all.disable_ipv6 is 1 and no interface has an IPv6 address"
        return Ipv6Stack(False, reason, disabled.evidence())
    if disabled.text.strip() == "0":
        return Ipv6Stack(True, "net.ipv6.conf.all.disable_ipv6 is 0", disabled.evidence())
    raise Unproven(
        UnprovenKind.NOT_UNDERSTOOD, "net.ipv6.conf.all.disable_ipv6 is neither 0 nor 1", (disabled.evidence(),)
    )
