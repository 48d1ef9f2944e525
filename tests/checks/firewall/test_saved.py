"""What is running against what was saved: nftables.conf with its includes, rules.v4, ufw, and what tools put in."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from secaudit.checks.firewall.checks import drift
from secaudit.checks.firewall.facts import Firewall, Source
from secaudit.checks.firewall.readers.iptables.save import read_iptables_save
from secaudit.checks.firewall.readers.nft.ruleset import read_nft_ruleset
from secaudit.checks.firewall.rules.ruleset import TableFamily
from secaudit.checks.firewall.saved.files import FILES, LOADERS, UNITS, SavedFiles, saved_files

from secaudit.api import Evidence, Outcome, UnprovenKind, Verdict
from tests.checks.firewall.given import firewall, ruleset
from tests.checks.firewall.reading import sample
from tests.checks.judging import collect, ended, judge, only, refusal

P, F, U, N = Outcome.PASSED, Outcome.FAILED, Outcome.UNPROVEN, Outcome.NOT_APPLICABLE


def saved(files: Mapping[str, str], *enabled: str) -> SavedFiles:
    printed = "".join(
        f"{path}:{number}:{line}\n"
        for path, text in files.items()
        for number, line in enumerate(text.rstrip("\n").split("\n"), 1)
    )
    states = "\n\n".join(
        f"Id={name}.service\nUnitFileState={'enabled' if name in enabled else 'disabled'}" for name in UNITS
    )
    absent = "/usr/bin/grep: /etc/nftables.d: No such file or directory\n"
    return collect(saved_files, ended(FILES, printed, exit=2, stderr=absent), ended(LOADERS, states + "\n"))


def drifted(running: Firewall, files: Mapping[str, str], *enabled: str) -> list[Verdict]:
    return judge(drift.saved, {}, running, saved(files, *enabled))


RULES = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
"""
LOOPBACK, SSH = "-A INPUT -i lo -j ACCEPT", "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"
V4 = "/etc/iptables/rules.v4"


def test_what_runs_as_it_was_saved_passes_with_counters_and_in_another_order() -> None:
    running = firewall(SSH, f"[7:100] {LOOPBACK}")
    found = only(drifted(running, {V4: RULES}, "netfilter-persistent"))
    assert (found.outcome, found.observed) == (P, f"as in {V4}")


def test_a_rule_that_was_not_saved_is_told_with_a_packet() -> None:
    found = only(drifted(firewall(LOOPBACK, SSH.replace("22", "20:22")), {V4: RULES}, "netfilter-persistent"))
    assert found.outcome is F
    assert "running accept, saved drop" in found.observed
    assert [part.source for part in found.evidence] == ["file"]
    found = only(drifted(firewall(LOOPBACK), {V4: RULES}, "netfilter-persistent"))
    assert found.outcome is F
    assert found.subject == "input: policy (saved: -p tcp -m tcp --dport 22 -j ACCEPT)"
    assert [part.source for part in found.evidence] == [V4]
    assert found.evidence[0].lines == (6, 6)


def test_only_what_is_loaded_at_the_next_start_counts() -> None:
    found = only(drifted(firewall(LOOPBACK, SSH), {V4: RULES}, "nftables"))
    assert (found.outcome, found.subject) == (U, "ruleset")
    assert "no service that loads saved rules is enabled" in found.reason
    found = only(drifted(firewall(LOOPBACK, SSH), {V4: RULES}, "netfilter-persistent", "firewalld"))
    assert found.outcome is U
    nothing = Firewall(read_nft_ruleset("table ip x { }", "file"), (), ())
    assert only(drifted(nothing, {})).outcome is N


TOOLS = (
    ":DOCKER - [0:0]\n:f2b-sshd - [0:0]",
    "-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd",
    "-A FORWARD -o docker0 -j DOCKER",
    "-A FORWARD -i docker0 ! -o docker0 -j ACCEPT",
    "-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT",
    "-A f2b-sshd -s 198.51.100.9/32 -j REJECT --reject-with icmp-port-unreachable",
)


def test_what_tools_put_in_while_they_run_is_left_out() -> None:
    heads, *rules = TOOLS
    running = firewall(heads, *rules, LOOPBACK, SSH)
    accepting = RULES.replace(":FORWARD DROP", ":FORWARD ACCEPT")  # Docker sets the policy of FORWARD
    assert only(drifted(running, {V4: accepting}, "netfilter-persistent")).outcome is P
    without = firewall(LOOPBACK, SSH)
    assert only(drifted(without, {V4: accepting}, "netfilter-persistent")).outcome is F


def test_what_is_not_known_is_unproven_unless_all_of_it_is_the_same() -> None:
    limit = "-A INPUT -m limit --limit 1/sec -j ACCEPT"
    running = firewall(LOOPBACK, SSH, limit)
    same = RULES.replace("COMMIT", f"{limit}\nCOMMIT")
    assert only(drifted(running, {V4: same}, "netfilter-persistent")).outcome is P
    other = RULES.replace("COMMIT", f"{limit.replace('1/sec', '9/sec')}\nCOMMIT")
    moved = RULES.replace(SSH, f"{limit}\n-A INPUT -p tcp -m tcp --dport 22 -j DROP\n{SSH}")
    for text in (other, moved, RULES.replace(SSH, "-A INPUT -p tcp this is not a rule")):
        assert U in {verdict.outcome for verdict in drifted(running, {V4: text}, "netfilter-persistent")}


MAIN = """#!/usr/sbin/nft -f
flush ruleset
define ADMIN = 10.0.0.0/24
table inet filter {
  chain input { type filter hook input priority filter; policy drop;
    iif "lo" accept
    include "/etc/nftables.d/*.rules"
  }
}
"""
RUNNING = """table inet filter {
  chain input { type filter hook input priority filter; policy drop;
    iif "lo" accept
    ip saddr 10.0.0.0/24 tcp dport 22 accept
  }
}
"""
EXTRA = "ip saddr $ADMIN tcp dport 22 accept\n"


def nft(text: str) -> Firewall:
    return Firewall(read_nft_ruleset(text, "nft"), (), (Source("nft", "", Evidence("nft", 0, None, "")),))


def test_nftables_files_are_put_together_and_lines_keep_their_file() -> None:
    files = {"/etc/nftables.conf": MAIN, "/etc/nftables.d/ssh.rules": EXTRA}
    assert only(drifted(nft(RUNNING), files, "nftables")).outcome is P
    files["/etc/nftables.d/ssh.rules"] = "# changed\nip saddr $ADMIN tcp dport 2222 accept\n"
    found = drifted(nft(RUNNING), files, "nftables")
    assert {verdict.outcome for verdict in found} == {F}
    places = {(part.source, part.lines) for verdict in found for part in verdict.evidence}
    assert ("/etc/nftables.d/ssh.rules", (2, 2)) in places
    assert all(verdict.observed.startswith("hook input") for verdict in found)


@pytest.mark.parametrize("include", ["/opt/*.nft", "/etc/nftables.d/missing.nft", "/etc/nftables.conf"])
def test_an_include_that_is_not_read_proves_nothing(include: str) -> None:
    found = only(drifted(nft(RUNNING), {"/etc/nftables.conf": f'{MAIN}include "{include}"\n'}, "nftables"))
    assert found.outcome is U
    assert "/etc/nftables.conf" in found.reason


FRAME = (
    ":ufw-before-input - [0:0]\n:ufw-user-input - [0:0]",
    "-A INPUT -j ufw-before-input",
    "-A ufw-before-input -i lo -j ACCEPT",
    "-A ufw-before-input -j ufw-user-input",
    "-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT",
)
UFW = {
    "/etc/ufw/ufw.conf": "ENABLED=yes\n",
    "/etc/default/ufw": 'IPV6=no\nDEFAULT_INPUT_POLICY="DROP"\nDEFAULT_FORWARD_POLICY="DROP"\n',
    "/etc/ufw/before.rules": "*filter\n:ufw-before-input - [0:0]\n-A ufw-before-input -i lo -j ACCEPT\nCOMMIT\n",
    "/etc/ufw/after.rules": "*filter\nCOMMIT\n",
    "/etc/ufw/user.rules": "*filter\n:ufw-user-input - [0:0]\n### RULES ###\n"
    "-A ufw-user-input -p tcp --dport 22 -j ACCEPT\nCOMMIT\n",
}


def test_the_chains_of_ufw_are_those_of_its_files() -> None:
    heads, *rules = FRAME
    running = firewall(heads, *rules)
    assert only(drifted(running, UFW, "ufw")).outcome is P
    more = firewall(heads, *rules, "-A ufw-user-input -p tcp -m tcp --dport 23 -j ACCEPT")
    found = only(drifted(more, UFW, "ufw"))
    assert (found.outcome, "192.0.2.1:23" in found.observed) == (F, True)
    past = only(drifted(firewall(heads, "-A INPUT -p udp -m udp --dport 69 -j ACCEPT", *rules), UFW, "ufw"))
    assert (past.outcome, "192.0.2.1:69" in past.observed) == (F, True)
    policy = {**UFW, "/etc/default/ufw": UFW["/etc/default/ufw"].replace("DROP", "ACCEPT")}
    assert F in {verdict.outcome for verdict in drifted(running, policy, "ufw")}
    assert only(drifted(running, {**UFW, "/etc/ufw/ufw.conf": "ENABLED=no\n"}, "ufw")).outcome is U


def test_translations_that_were_not_saved_are_told() -> None:
    nat = "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 8080 -j REDIRECT --to-ports 22\nCOMMIT\n"
    found = Firewall(ruleset(LOOPBACK, SSH, more=nat.rstrip()), (), ())
    outcomes = {verdict.outcome for verdict in drifted(found, {V4: RULES}, "netfilter-persistent")}
    assert F in outcomes
    assert only(drifted(found, {V4: nat + RULES}, "netfilter-persistent")).outcome is P


def test_files_that_cannot_be_read_give_no_fact() -> None:
    denied = ended(FILES, "", exit=2, stderr="/usr/bin/grep: /etc/ufw/user.rules: Permission denied\n")
    assert refusal(saved_files, denied, ended(LOADERS, "")).kind is UnprovenKind.ERROR
    holes = ended(FILES, "/etc/nftables.conf:2:flush ruleset\n")
    assert refusal(saved_files, holes, ended(LOADERS, "")).kind is UnprovenKind.NOT_UNDERSTOOD


REAL = ["docker", "ufw_server2", "home_user", "openlab", "shorewall"]


@pytest.mark.parametrize("name", REAL)
def test_real_rulesets_are_as_they_were_saved(name: str) -> None:
    text = sample(f"{name}_iptables-save.txt")
    running = Firewall(read_iptables_save(text, TableFamily.IP, "file"), (), ())
    found = only(drifted(running, {V4: text}, "netfilter-persistent"))
    assert found.outcome is (U if running.ruleset.unread else P), found.reason
