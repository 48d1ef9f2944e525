"""Baselines: how they merge, what each value's place is, and every way to get one wrong."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from secaudit.config.baseline import BaselineLibrary
from secaudit.model.baseline import Baseline, Location
from secaudit.model.severity import Severity
from tests.config.conftest import CHECKS, Age, Ports, Write, messages

BASE = """\
baseline: base
version: 1
parameters: {nets: [10.0.0.0/24], who: anna}
controls:
  ports:
    check: demo.ports
    severity: medium
    expect:
      tcp: {22: {from: "{{nets}}"}, 80: any}
    remediation: ask {{who}}
    references: {cis-v8: ["4.4"], bsi: NET.3.2.A2}
  telnet: {check: demo.ports, expect: {tcp: {23: any}}}
"""


def resolve(*names: str, broken: dict[str, str] | None = None) -> Baseline:
    return BaselineLibrary([Path()]).resolve(names, CHECKS, broken or {})


def ports(baseline: Baseline, control: str = "ports") -> dict[str, object]:
    expect = baseline.controls[control].expect
    assert isinstance(expect, Ports)
    dumped = expect.model_dump(mode="json", by_alias=True)
    assert isinstance(dumped, dict)
    return {str(key): value for key, value in dumped["tcp"].items()}


def test_one_file(write: Write) -> None:
    path = write("base.yaml", BASE)
    baseline = resolve("base")
    assert list(baseline.controls) == ["ports", "telnet"]
    control = baseline.controls["ports"]
    assert (control.check, control.severity, control.broken) == ("demo.ports", Severity.MEDIUM, "")
    assert control.remediation == "ask anna"
    assert control.references == {"cis-v8": ("4.4",), "bsi": ("NET.3.2.A2",)}
    assert control.location == Location("base.yaml", 5, 3)
    assert control.provenance == {
        "check": Location("base.yaml", 6, 5),
        "severity": Location("base.yaml", 7, 5),
        "expect.tcp.22.from": Location("base.yaml", 3, 14),
        "expect.tcp.80": Location("base.yaml", 9, 37),
        "remediation": Location("base.yaml", 10, 5),
        "references.cis-v8": Location("base.yaml", 11, 18),
        "references.bsi": Location("base.yaml", 11, 35),
    }
    assert ports(baseline) == {"22": {"from": ["10.0.0.0/24"]}, "80": "any"}
    assert baseline.controls["telnet"].severity is Severity.HIGH
    (stamp,) = baseline.stamps
    assert (stamp.name, stamp.version) == ("base", 1)
    assert stamp.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_child_overrides_single_values_and_removes_controls(write: Write) -> None:
    write("base.yaml", BASE)
    write(
        "web.yaml",
        """\
        baseline: web
        version: 2
        extends: [base]
        parameters: {nets: [10.9.0.0/24]}
        controls:
          ports:
            severity: critical
            expect: {tcp: {443: any, 80: ~}}
            references: {cis-v8: ["4.5"]}
          telnet: remove
          age: {check: demo.age, expect: {max_age: 2d}}
        """,
    )
    baseline = resolve("web")
    assert list(baseline.controls) == ["ports", "age"]
    control = baseline.controls["ports"]
    assert control.severity is Severity.CRITICAL
    assert control.location == Location("web.yaml", 6, 3)
    assert ports(baseline) == {"22": {"from": ["10.9.0.0/24"]}, "443": "any"}
    assert control.references == {"cis-v8": ("4.5",), "bsi": ("NET.3.2.A2",)}
    assert control.provenance["severity"] == Location("web.yaml", 7, 5)
    assert control.provenance["expect.tcp.443"] == Location("web.yaml", 8, 20)
    assert control.provenance["expect.tcp.22.from"] == Location("web.yaml", 4, 14)
    assert control.provenance["check"] == Location("base.yaml", 6, 5)
    assert baseline.controls["age"].expect == Age(max_age=timedelta(days=2))
    assert [(stamp.name, stamp.version) for stamp in baseline.stamps] == [("base", 1), ("web", 2)]


def diamond(write: Write) -> None:
    def file(name: str, extends: str, scan: str) -> None:
        write(
            f"{name}.yaml",
            f"baseline: {name}\nversion: 1\nextends: [{extends}]\ncontrols:\n"
            f"  c: {{check: demo.ports, expect: {{tcp: {{1: any}}, scan: {scan}}}}}\n",
        )

    file("top", "", "from-top")
    write("left.yaml", "baseline: left\nversion: 1\nextends: top\ncontrols: {c: {expect: {scan: from-left}}}\n")
    write("right.yaml", "baseline: right\nversion: 1\nextends: ./top.yaml\ncontrols: {c: {severity: low}}\n")
    write("bottom.yaml", "baseline: bottom\nversion: 1\nextends: [left, ./right.yaml]\n")


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (("bottom",), ["top", "left", "right", "bottom"]),
        (("right", "left"), ["top", "right", "left"]),
        (("left", "top"), ["top", "left"]),
        (("left", "./left.yaml", "left"), ["top", "left"]),
    ],
)
def test_an_ancestor_counts_once_and_before_its_children(
    write: Write, names: tuple[str, ...], order: list[str]
) -> None:
    diamond(write)
    baseline = resolve(*names)
    assert [stamp.name for stamp in baseline.stamps] == order
    expect = baseline.controls["c"].expect
    assert isinstance(expect, Ports)
    # The ancestor's value does not come back through the second path to it.
    assert expect.scan == "from-left"


def test_a_control_of_two_selected_baselines_is_merged_left_to_right(write: Write) -> None:
    write("a.yaml", BASE.replace("baseline: base", "baseline: a"))
    write(
        "b.yaml",
        "baseline: b\nversion: 1\ncontrols: {ports: {check: demo.ports, severity: low, expect: {tcp: {25: any}}}}",
    )
    merged = resolve("a", "b")
    assert list(ports(merged)) == ["22", "80", "25"]
    assert merged.controls["ports"].severity is Severity.LOW
    assert resolve("b", "a").controls["ports"].severity is Severity.MEDIUM


def test_null_gives_a_value_back_to_its_default(write: Write) -> None:
    write("base.yaml", BASE)
    write(
        "b.yaml",
        "baseline: b\nversion: 1\nextends: base\ncontrols: {ports: {severity: ~, remediation: ~, references: ~}}",
    )
    control = resolve("b").controls["ports"]
    assert (control.severity, control.remediation, control.references) == (Severity.HIGH, "", {})
    assert "severity" not in control.provenance


def test_a_broken_family_makes_its_controls_unproven_and_as_severe_as_can_be(write: Write) -> None:
    write(
        "b.yaml",
        HEAD + "controls: {x: {check: gone.thing, expect: {a: 1}}, y: {check: gone.other, severity: low}}",
    )
    controls = resolve("b", broken={"gone": "plugin 'gone' could not be loaded: KeyError"}).controls
    assert controls["x"].expect is None
    assert controls["x"].broken == "plugin 'gone' could not be loaded: KeyError"
    assert controls["x"].severity is Severity.CRITICAL
    assert controls["y"].severity is Severity.LOW


def test_a_plugin_whose_model_raises_breaks_its_own_controls_only(write: Write) -> None:
    write(
        "b.yaml",
        "baseline: b\nversion: 1\ncontrols: {x: {check: demo.faulty}, y: {check: demo.age, expect: {max_age: 1d}}}",
    )
    controls = resolve("b").controls
    assert controls["x"].expect is None
    assert controls["x"].broken == "the expectation could not be validated: RuntimeError: a defect of the plugin"
    assert controls["y"].broken == ""


HEAD = "baseline: b\nversion: 1\n"
AGE = "{check: demo.age, expect: {max_age: 1d}}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("baseline: b\n", ["b.yaml:1:1: the key 'version' is missing"]),
        (
            "baseline: b\nversion: '2'\n",
            ["b.yaml:2:10: version: expected a whole number, found the text '2' (leave the quotes out)"],
        ),
        ("baseline: b\nversion: 1.0\n", ["b.yaml:2:10: version: expected a whole number, found the number 1.0"]),
        (
            "baseline: b\nversion: 0\n",
            ["b.yaml:2:10: version: should be greater than or equal to 1, found the number 0"],
        ),
        ("baseline: c\nversion: 1\n", ["b.yaml:1:11: the file is called b.yaml but declares 'c'"]),
        (HEAD + "extend: [a]\n", ["b.yaml:3:1: unknown key 'extend' (did you mean 'extends'?)"]),
        (HEAD + "controls: [a]\n", ["b.yaml:3:11: controls: expected a map of keys and values, found a list"]),
        (
            HEAD + "controls: {c: drop}\n",
            ["b.yaml:3:15: c: expected a map of keys and values or 'remove', found the text 'drop'"],
        ),
        (HEAD + "controls: {c: {chek: x}}\n", ["b.yaml:3:16: unknown key 'chek' (did you mean 'check'?)"]),
        (
            HEAD + "controls: {c: {check: demo.age, severity: sever, expect: [a]}}\n",
            [
                "b.yaml:3:43: severity: expected 'info', 'low', 'medium', 'high' or 'critical', found the text 'sever'",
                "b.yaml:3:58: expect: expected a map of keys and values, found a list",
            ],
        ),
        (
            HEAD + "controls: {c: {check: demo.age, references: {cis: [4.4]}}}\n",
            ["b.yaml:3:52: cis: expected text, found the number 4.4 (put it in quotes)"],
        ),
        (
            HEAD + "controls: {c: {severity: low}}\n",
            ["b.yaml:3:12: control 'c' names no check (the first baseline that sets a control names its check)"],
        ),
        (
            HEAD + f"controls: {{old-ports: {AGE}, old-prots: {{severity: low}}}}\n",
            ["b.yaml:3:65: control 'old-prots' names no check (did you mean 'old-ports'?)"],
        ),
        (
            HEAD + "controls: {c: {check: demo.agee}}\n",
            ["b.yaml:3:23: there is no check 'demo.agee' (did you mean 'demo.age'?)"],
        ),
        (
            HEAD + "controls: {c: {check: zzz}}\n",
            ["b.yaml:3:23: there is no check 'zzz' (`secaudit checks list` names all)"],
        ),
        (HEAD + "controls: {c: remove}\n", ["b.yaml:3:12: there is no control 'c' to remove"]),
        (HEAD + "controls: {c: {check: demo.age}}\n", ["b.yaml:3:12: the key 'max_age' is missing"]),
        (HEAD + "controls: {c: {check: demo.age, expect: {}}}\n", ["b.yaml:3:33: the key 'max_age' is missing"]),
        (
            HEAD + "controls: {c: {check: demo.age, expect: {max_age: 2 days}}}\n",
            ["b.yaml:3:51: '2 days' is not a duration; write for example 30m, 26h or 2d"],
        ),
        (
            HEAD + "controls: {c: {check: demo.age, expect: {max_age: 2d, wran: true}}}\n",
            ["b.yaml:3:55: unknown key 'wran' (did you mean 'warn'?)"],
        ),
        (
            HEAD + "controls: {c: {check: demo.age, expect: {max_age: }}}\n",
            [
                "b.yaml:3:33: the key 'max_age' is missing",
                "b.yaml:3:42: 'max_age' has no value (null takes back what a parent set, and none of them set this)",
            ],
        ),
        (
            HEAD + "controls: {c: {check: demo.age, expect: {max_age: '{{age}}'}}}\n",
            ["b.yaml:3:51: there is no parameter 'age'"],
        ),
        (
            HEAD + "parameters: {age: soon}\ncontrols: {c: {check: demo.age, expect: {max_age: '{{age}}'}}}\n",
            ["b.yaml:3:19: 'soon' is not a duration; write for example 30m, 26h or 2d"],
        ),
        (
            HEAD + "parameters: {a: , b: '{{a}}', c-d: 1}\n",
            ["b.yaml:3:31: 'c-d' is not a parameter's name: letters, digits and '_'"],
        ),
        (
            HEAD + "parameters: {a: , b: '{{a}}'}\n",
            [
                "b.yaml:3:14: parameter 'a' has no value",
                "b.yaml:3:22: parameter 'b' uses parameter 'a'; parameters are for controls only",
            ],
        ),
    ],
)
def test_bad_files(write: Write, text: str, expected: list[str]) -> None:
    write("b.yaml", text)
    assert messages(lambda: resolve("b")) == expected


def test_an_error_is_told_where_the_value_stands_even_in_a_parent(write: Write) -> None:
    write(
        "base.yaml",
        "baseline: base\nversion: 1\ncontrols:\n  a:\n    check: demo.age\n    expect:\n      max_age: soon\n",
    )
    write("b.yaml", "baseline: b\nversion: 1\nextends: base\ncontrols: {a: {expect: {wran: true}}}\n")
    assert messages(lambda: resolve("b")) == [
        "b.yaml:4:25: unknown key 'wran' (did you mean 'warn'?)",
        "base.yaml:7:16: 'soon' is not a duration; write for example 30m, 26h or 2d",
    ]


def test_several_controls_are_complained_about_at_once(write: Write) -> None:
    write(
        "b.yaml", HEAD + "controls:\n  a: {check: no.such}\n  b: {check: demo.age, expect: {max_age: 1}}\n  c: remove\n"
    )
    assert len(messages(lambda: resolve("b"))) == 3


def test_a_control_keeps_its_check(write: Write) -> None:
    write("base.yaml", BASE)
    write("b.yaml", HEAD + "extends: base\ncontrols: {ports: {check: demo.age}}\n")
    (message, *_) = messages(lambda: resolve("b"))
    assert message == (
        "b.yaml:4:27: control 'ports' is about the check 'demo.ports' (set at base.yaml:6; to use another check, "
        "remove the control and give the new one its own id)"
    )


def test_removing_is_told_apart_from_misspelling(write: Write) -> None:
    write("base.yaml", BASE)
    write("a.yaml", "baseline: a\nversion: 1\nextends: base\ncontrols: {telnet: remove}\n")
    write("b.yaml", HEAD + "extends: a\ncontrols:\n  telnet: remove\n  prots: remove\n")
    write("c.yaml", "baseline: c\nversion: 1\nextends: a\ncontrols: {telnet: {severity: low}}\n")
    assert messages(lambda: resolve("b")) == [
        "b.yaml:5:3: there is no control 'telnet' to remove (it is removed already at a.yaml:4)",
        "b.yaml:6:3: there is no control 'prots' to remove (did you mean 'ports'?)",
    ]
    assert messages(lambda: resolve("c")) == [
        "c.yaml:4:12: control 'telnet' names no check (it was removed at a.yaml:4)"
    ]


def test_a_removed_control_can_be_set_anew(write: Write) -> None:
    write("base.yaml", BASE)
    write("a.yaml", "baseline: a\nversion: 1\nextends: base\ncontrols: {telnet: remove}\n")
    write("b.yaml", HEAD + f"extends: a\ncontrols: {{telnet: {AGE}}}\n")
    assert resolve("b").controls["telnet"].check == "demo.age"


def test_cycles_are_shown_whole(write: Write) -> None:
    write("a.yaml", "baseline: a\nversion: 1\nextends: [b]\n")
    write("b.yaml", "baseline: b\nversion: 1\nextends: [c]\n")
    write("c.yaml", "baseline: c\nversion: 1\nextends:\n  - b\n")
    write("self.yaml", "baseline: self\nversion: 1\nextends: self\n")
    assert messages(lambda: resolve("a")) == ["c.yaml:4:5: baselines extend each other: b → c → b"]
    assert messages(lambda: resolve("self")) == ["self.yaml:3:10: baselines extend each other: self → self"]


def test_unknown_and_broken_parents_show_the_chain(write: Write) -> None:
    write("a.yaml", "baseline: a\nversion: 1\nextends: [b]\n")
    write("b.yaml", "baseline: b\nversion: 1\nextends: [bb, ./sub/none.yaml]\n")
    write("bbb.yaml", "baseline: bbb\nversion: one\n")
    write("c.yaml", "baseline: c\nversion: 1\nextends: [bbb]\n")
    assert messages(lambda: resolve("a")) == [
        "b.yaml:3:11: there is no baseline 'bb' (did you mean 'bbb'?; reached through a → b)"
    ]
    assert messages(lambda: resolve("c")) == [
        "bbb.yaml:2:10: version: expected a whole number, found the text 'one' (reached through c)"
    ]
    write("b.yaml", "baseline: b\nversion: 1\nextends: [./sub/none.yaml]\n")
    looked = Path("sub/none.yaml").absolute()
    assert messages(lambda: resolve("a")) == [
        f"b.yaml:3:11: there is no baseline file './sub/none.yaml' (looked for {looked}; reached through a → b)"
    ]


def test_chains_are_bounded(write: Write) -> None:
    for number in range(40):
        write(f"n{number}.yaml", f"baseline: n{number}\nversion: 1\nextends: [n{number + 1}]\n")
    assert messages(lambda: resolve("n0")) == ["n30.yaml:3:11: more than 30 baselines extend one another"]


def test_two_files_of_one_name_are_not_told_apart(write: Write) -> None:
    write("base.yaml", BASE)
    write("mine/base.yaml", "baseline: base\nversion: 7\n")
    assert messages(lambda: resolve("base", "mine/base.yaml")) == [
        "mine/base.yaml:1:11: two baselines are called 'base' (the other one is base.yaml)"
    ]


def test_names_that_nobody_has(write: Write) -> None:
    write("base.yaml", BASE)
    assert messages(lambda: resolve("bsae")) == ["there is no baseline 'bsae' (did you mean 'base'?)"]
    assert messages(lambda: resolve("./bsae.yaml")) == ["./bsae.yaml: there is no such file"]
    Path("folder.yaml").mkdir()
    assert messages(lambda: resolve("folder.yaml")) == ["folder.yaml: this is a directory, a file is needed"]
    write("b.yaml", HEAD + 'extends: ["x\\0.yaml"]\n')
    (message,) = messages(lambda: resolve("b"))
    assert message == "b.yaml:3:11: a text cannot hold a NUL character"
    write("b.yaml", HEAD + f"extends: {'x' * 300}.yaml\n")
    (message,) = messages(lambda: resolve("b"))
    assert message.startswith("b.yaml:3:10: there is no baseline file 'xxx")


def test_a_parent_by_path_is_relative_to_the_file_that_names_it(write: Write) -> None:
    write("sets/base.yaml", BASE)
    write("sets/customers/web.yaml", "baseline: web\nversion: 1\nextends: ../base.yaml\n")
    control = resolve("sets/customers/web.yaml").controls["ports"]
    assert control.location == Location("sets/base.yaml", 5, 3)


def test_a_file_is_read_once(write: Write) -> None:
    write("base.yaml", BASE)
    library = BaselineLibrary([Path()])
    first = library.resolve(["base"], CHECKS, {})
    write("base.yaml", "broken: [")
    assert library.resolve(["base"], CHECKS, {}) == first
