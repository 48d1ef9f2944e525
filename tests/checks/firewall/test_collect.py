"""How the answers of several tools become one ruleset, and when they do not."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable

import pytest
from secaudit.checks.firewall import FAMILY, collect
from secaudit.checks.firewall.checks import posture
from secaudit.checks.firewall.facts import Firewall, Ipv6Stack
from secaudit.checks.firewall.rules.ruleset import Backend

from secaudit.api import Answer, AnswerStatus, Command, Outcome, UnprovenKind
from tests.checks.firewall.judging_ipv6 import ON
from tests.checks.firewall.scenarios import COMMANDS, missing, recorded
from tests.checks.judging import collect as gather
from tests.checks.judging import document, ended, judge, outcomes, refusal, unanswered

NFT, IPV4, IPV6, LEGACY4, LEGACY6 = COMMANDS


def gathered(name: str, *instead: Answer) -> Firewall:
    """The fact from a recorded scenario, with some answers put in the place of the recorded ones."""
    return gather(collect.firewall, *replaced(name, instead))


def replaced(name: str, instead: Iterable[Answer]) -> list[Answer]:
    new = {answer.request: answer for answer in instead}
    return [new.get(answer.request, answer) for answer in recorded(name)]


def denied(*names: str) -> list[Answer]:
    return [unanswered(COMMANDS[name], AnswerStatus.DENIED, "a password is required") for name in names]


def defaults(firewall: Firewall) -> dict[str, Outcome]:
    return outcomes(judge(posture.default_policy, {}, firewall, ON))


P, F, U = Outcome.PASSED, Outcome.FAILED, Outcome.UNPROVEN


def test_the_family_offers_its_checks_with_a_page_each() -> None:
    assert {check.id for check in FAMILY.checks} == {
        "firewall.missing",
        "firewall.default-policy",
        "firewall.any-any",
        "firewall.ipv6-unfiltered",
        "firewall.established",
        "firewall.shadowed",
        "firewall.redundant",
        "firewall.management-open",
        "firewall.insecure-services",
        "firewall.intended-flows",
        "firewall.published-past-input",
        "firewall.loopback",
        "firewall.drop-logging",
        "firewall.unused-rules",
        "firewall.rule-owners",
        "firewall.invalid-packets",
        "firewall.fragments",
        "firewall.spoofing",
        "firewall.saved",
        "firewall.hook-order",
        "firewall.rule-order",
        "firewall.ipv6-wider",
    }
    document(FAMILY)


def test_tables_that_two_tools_show_are_counted_once() -> None:
    firewall = gathered("iptables-every-match")
    assert [table.label for table in firewall.ruleset.tables] == ["ip filter", "ip nat"]
    assert sum(1 for _ in firewall.ruleset.rules) == 17
    assert not firewall.ruleset.unmodelled
    assert all(rule.handle for _, _, rule in firewall.ruleset.rules)


def test_legacy_tables_stand_beside_those_in_nf_tables() -> None:
    tables = gathered("legacy-behind-modern").ruleset.tables
    assert [(table.label, table.backend) for table in tables] == [
        ("ip filter", Backend.NF_TABLES),
        ("ip filter", Backend.LEGACY),
        ("ip6 filter", Backend.LEGACY),
    ]


def test_a_legacy_iptables_save_shows_what_the_legacy_tool_shows() -> None:
    legacy = next(answer for answer in recorded("legacy-drop") if answer.request == COMMANDS[LEGACY4])
    firewall = gathered("legacy-drop", ended(COMMANDS[IPV4], legacy.stdout))
    assert len(firewall.ruleset.tables) == 1
    without = gathered("legacy-drop", ended(COMMANDS[IPV4], legacy.stdout), *missing(LEGACY4, LEGACY6))
    assert len(without.ruleset.tables) == 1
    assert not without.gaps


@pytest.mark.parametrize("status", [status for status in AnswerStatus if status is not AnswerStatus.ENDED])
def test_without_any_answer_there_is_no_fact(status: AnswerStatus) -> None:
    reason = refusal(collect.firewall, *(unanswered(command, status) for command in COMMANDS.values()))
    kind = UnprovenKind.TRUNCATED.value if status is AnswerStatus.LIMIT else status.value
    assert reason.kind.value in (kind, "unreachable")
    assert reason.evidence


def test_a_denial_weighs_more_than_a_missing_tool() -> None:
    reason = refusal(collect.firewall, *missing(NFT), *denied(IPV4, IPV6, LEGACY4, LEGACY6))
    assert reason.kind is UnprovenKind.DENIED


def test_legacy_tables_alone_can_prove_a_drop() -> None:
    firewall = gathered("legacy-drop", *denied(NFT, IPV4, IPV6))
    assert defaults(firewall) == {"input ipv4": P, "input ipv6": U, "forward ipv4": P, "forward ipv6": U}


def test_what_is_seen_to_drop_drops_whatever_else_there_is() -> None:
    firewall = gathered("iptables-final-drop", *missing(NFT))
    assert defaults(firewall) == {"input ipv4": P, "input ipv6": P, "forward ipv4": P, "forward ipv6": P}


def test_accept_needs_all_of_the_ruleset() -> None:
    firewall = gathered("iptables-user-chains", *missing(NFT))
    assert set(defaults(firewall).values()) == {U}
    assert set(outcomes(judge(posture.any_any, {}, firewall, ON)).values()) == {U}
    assert outcomes(judge(posture.missing, {}, firewall)) == {"input": P}
    empty = gathered("empty", *missing(NFT))
    assert outcomes(judge(posture.missing, {}, empty)) == {"input": U}
    assert outcomes(judge(posture.ipv6_unfiltered, {}, empty, ON)) == {"input ipv6": U}


def test_a_host_from_before_nftables_needs_no_nft() -> None:
    modules = ended(collect.MODULES, "iptable_filter 16384 1 - Live 0x0\nx_tables 49152 2 - Live 0x0\n")
    firewall = gathered("legacy-drop", *missing(NFT), modules)
    assert not firewall.gaps
    assert defaults(firewall) == {"input ipv4": P, "input ipv6": F, "forward ipv4": P, "forward ipv6": F}


@pytest.mark.parametrize(
    "modules", ["", "ext4 1 0 - Live 0x0\n", "nf_tables 1 0 - Live 0x0\nx_tables 1 0 - Live 0x0\n"]
)
def test_a_kernel_that_may_hold_nftables_rules_needs_nft(modules: str) -> None:
    assert gathered("legacy-drop", *missing(NFT), ended(collect.MODULES, modules)).gaps


def test_without_iptables_its_extensions_stay_unknown() -> None:
    firewall = gathered("iptables-negated-state", *missing(IPV4, IPV6, LEGACY4, LEGACY6))
    assert [gap.kind for gap in firewall.gaps] == [UnprovenKind.MISSING]
    assert defaults(firewall)["input ipv4"] is U
    assert [entry.why for entry in firewall.ruleset.unmodelled] == [
        "nft does not show the parameters of iptables extensions: xt match conntrack"
    ]


def test_denied_iptables_leaves_a_gap_in_its_family_only() -> None:
    firewall = gathered("empty", *denied(IPV4))
    assert defaults(firewall) == {"input ipv4": U, "input ipv6": F, "forward ipv4": U, "forward ipv6": F}


def test_legacy_tables_that_are_announced_but_not_shown_are_a_gap() -> None:
    warning = "# Warning: iptables-legacy tables present, use iptables-legacy-save to see them\n"
    announced = ended(COMMANDS[IPV4], "", stderr=warning)
    firewall = gathered("empty", announced, *missing(LEGACY4, LEGACY6))
    assert defaults(firewall)["input ipv4"] is U
    assert defaults(firewall)["input ipv6"] is F


def test_listings_of_different_moments_are_not_mixed() -> None:
    saved = next(answer for answer in recorded("iptables-negated-state") if answer.request == COMMANDS[IPV4])
    shorter = saved.text.replace("[0:0] -A INPUT -i lo -j ACCEPT\n", "")
    firewall = gathered("iptables-negated-state", ended(COMMANDS[IPV4], shorter))
    assert defaults(firewall)["input ipv4"] is U


def test_a_table_that_nft_does_not_list_counts_all_the_same() -> None:
    nothing = ended(COMMANDS[NFT], '{"nftables": []}')
    assert defaults(gathered("iptables-final-drop", nothing))["input ipv4"] is P


@pytest.mark.parametrize(
    ("rule", "outcome"),
    [
        ("! -s 192.0.2.0/24 -j DROP", F),
        ("! -p icmp -j DROP", F),
        ("! -f -j DROP", P),
        ("! -i lo -j DROP", P),
        ("-i eth0 -j DROP", F),
        ("-m mark ! --mark 0x1 -j DROP", U),
        ("-m mark --mark 0x1 -j DROP", F),
        ("-m addrtype --dst-type LOCAL -j DROP", P),
        ("-m set --match-set bad src -j DROP", F),
        ("-m set ! --match-set good src -j DROP", U),
        ("-m limit --limit 5/sec -j DROP", F),
        ("-m u32 --u32 0 -j DROP", U),
        ("-p tcp -m u32 --u32 0 -j DROP", F),
        ("-j NFQUEUE --queue-num 0", U),
    ],
)
def test_a_last_rule_is_a_default_when_it_takes_everything(rule: str, outcome: Outcome) -> None:
    listing = f"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT {rule}\nCOMMIT\n"
    assert defaults(gathered("empty", ended(COMMANDS[IPV4], listing)))["input ipv4"] is outcome


def test_what_iptables_says_about_nft_is_no_obstacle() -> None:
    comment = "# Table `filter' is incompatible, use 'nft' tool.\n"
    firewall = gathered("nft-default-drop", ended(COMMANDS[IPV4], comment))
    assert set(defaults(firewall).values()) == {P}


def test_rules_that_iptables_cannot_show_are_taken_from_nft() -> None:
    nft = next(answer for answer in recorded("iptables-drop-before-accept") if answer.request == COMMANDS[NFT])
    narrowed = nft.text.replace(
        '"expr": [', '"expr": [{"match": {"op": "==", "left": {"ct": {"key": "state"}}, "right": "new"}}, ', 1
    )
    firewall = gathered("iptables-drop-before-accept", ended(COMMANDS[NFT], narrowed))
    assert defaults(firewall)["input ipv4"] is F


@pytest.mark.parametrize("text", ["", "not JSON", "[]", '{"nftables": 1}', "[" * 100_000, '{"nftables": [' * 50_000])
def test_what_is_not_a_ruleset_is_a_gap(text: str) -> None:
    firewall = gathered("empty", ended(COMMANDS[NFT], text))
    assert [gap.kind for gap in firewall.gaps] == [UnprovenKind.NOT_UNDERSTOOD]
    assert set(defaults(firewall).values()) == {U}


def test_a_truncated_listing_is_a_gap() -> None:
    cut = ended(COMMANDS[NFT], '{"nftables": []}', truncated=True)
    assert [gap.kind for gap in gathered("empty", cut).gaps] == [UnprovenKind.TRUNCATED]


def test_an_object_of_an_unknown_kind_could_be_anything() -> None:
    firewall = gathered("empty", ended(COMMANDS[NFT], '{"nftables": [{"tunnel": {"name": "t"}}]}'))
    assert set(defaults(firewall).values()) == {U}
    assert outcomes(judge(posture.any_any, {}, firewall, ON)) == {"": U}


def ipv6(proc_net: str, addresses: str, disabled: str) -> Ipv6Stack:
    return gather(
        collect.ipv6_stack,
        ended(collect.PROC_NET, proc_net),
        ended(collect.IPV6_ADDRESSES, addresses, exit=0 if "if_inet6" in proc_net else 1),
        ended(collect.DISABLE_IPV6, disabled),
    )


ADDRESS = "fe80000000000000505400fffe123456 02 40 20 80     eth0\n"


@pytest.mark.parametrize(
    ("proc_net", "addresses", "disabled", "enabled"),
    [
        ("dev\nif_inet6\n", ADDRESS, "0\n", True),
        ("dev\nif_inet6\n", ADDRESS, "1\n", True),
        ("dev\nif_inet6\n", "", "0\n", True),
        ("dev\nif_inet6\n", "", "1\n", False),
        ("dev\nroute\n", "", "", False),
    ],
)
def test_ipv6_is_off_only_when_that_is_proven(proc_net: str, addresses: str, disabled: str, enabled: bool) -> None:
    assert ipv6(proc_net, addresses, disabled).enabled is enabled


def test_ipv6_of_a_host_that_shows_nothing_is_unproven() -> None:
    answers = [ended(collect.PROC_NET, ""), ended(collect.IPV6_ADDRESSES, ""), ended(collect.DISABLE_IPV6, "")]
    assert refusal(collect.ipv6_stack, *answers).kind is UnprovenKind.NOT_UNDERSTOOD
    assert refusal(collect.ipv6_stack).kind is UnprovenKind.NOT_RECORDED


@pytest.mark.root
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_an_unprivileged_user_is_refused_in_words_that_we_know(command: Command) -> None:
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command.argv]
    done = subprocess.run(as_nobody, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode != 0
    assert not done.stdout
    assert any(words in done.stderr for words in command.refusals)


def test_sets_of_ipset_are_put_in_their_place() -> None:
    rules = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m set ! --match-set friends src -j DROP\nCOMMIT\n"
    listing = "create friends hash:net family inet\nadd friends 0.0.0.0/1\nadd friends 128.0.0.0/1\n"
    loaded = [ended(COMMANDS[IPV4], rules), ended(collect.IPSET, listing)]
    firewall = gathered("empty", *loaded)
    assert not firewall.ruleset.unmodelled
    assert (collect.IPSET.key, "sets: 1") in [(source.command, source.gave) for source in firewall.sources]
    assert defaults(firewall)["input ipv4"] is F
    without = gathered("empty", loaded[0])
    assert [entry.why for entry in without.ruleset.unmodelled] == ["the elements of the set are not known: friends"]
    assert (collect.IPSET.key, "missing") in [(source.command, source.gave) for source in without.sources]
    assert defaults(without)["input ipv4"] is U
