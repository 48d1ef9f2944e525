"""What a plugin author gets wrong is said at declaration."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from secaudit.api import Command, Expect, Facts, PortScan, Severity, Verdict, check, passed


class Nothing(Expect):
    """Nothing."""


def undocumented(facts: Facts, expect: Nothing) -> Iterator[Verdict]:
    yield passed(observed="", expected="")


@pytest.mark.parametrize("name", ["ports", "Network.ports", "network.", "network.Open_Ports", "network.a.b"])
def test_an_id_has_a_form(name: str) -> None:
    with pytest.raises(ValueError, match="not a check id"):
        check(name, title="t", severity=Severity.LOW, requires=[], expect=Nothing, remediation="r")


def test_a_check_explains_itself() -> None:
    with pytest.raises(ValueError, match="needs a docstring"):
        check("a.b", title="t", severity=Severity.LOW, requires=[], expect=Nothing, remediation="r")(undocumented)


@pytest.mark.parametrize("argv", [(), ("",), ("-x",), ("A=b",), ("a", "b\0"), ("a", "b\nc")])
def test_a_command_that_no_transport_could_run_safely_is_refused(argv: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"program name|newline"):
        Command(argv)


def test_a_root_command_names_its_path() -> None:
    with pytest.raises(ValueError, match="absolute path"):
        Command(("nft", "list"), root=True)


@pytest.mark.parametrize("argument", ["a b", "a\tb", r"a\b", 'a"b'])
def test_a_root_command_is_one_that_sudoers_can_name_exactly(argument: str) -> None:
    with pytest.raises(ValueError, match="blanks, double quotes, backslashes"):
        Command(("/usr/bin/find", argument), root=True)
    Command(("find", argument))


def test_limits_are_not_part_of_a_commands_identity() -> None:
    assert Command(("a", "b c"), limit=1) == Command(("a", "b c"), limit=2)
    assert Command(("a",)) != Command(("/a",), root=True)
    assert Command(("a", "b c")).key == "a 'b c'"
    assert Command(("/a", "b"), root=True).key == "sudo /a b"


@pytest.mark.parametrize("ports", ["", "22;id", "-iL /etc/passwd", "22 23"])
def test_a_port_list_is_only_that(ports: str) -> None:
    with pytest.raises(ValueError, match="not a port list"):
        PortScan(ports=ports)
