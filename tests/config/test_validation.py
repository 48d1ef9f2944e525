"""Errors in the words of the file's author, at the right place, all at once."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from secaudit.config.source import Located, parse_yaml
from secaudit.config.validation import validate
from secaudit.model.severity import Severity
from tests.config.conftest import messages


class Source(BaseModel):
    model_config = ConfigDict(extra="forbid")
    networks: list[str] = Field(alias="from")
    proto: Literal["tcp", "udp"] = "tcp"


class Other(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["other"]
    count: int


class Tagged(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["tagged"]
    size: int = 0


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid")
    hosts: list[str] = Field(default_factory=list)
    ports: dict[int, Source | Literal["any"]] = Field(default_factory=dict)
    either: str | list[str] = ""
    chosen: Annotated[Other | Tagged, Field(discriminator="kind")] | None = None
    severity: Severity = Severity.LOW
    level: Annotated[int, Field(ge=1, le=5)] = 1
    on: bool = False
    low: int = 0
    high: int = 9

    @model_validator(mode="after")
    def _ordered(self) -> Model:
        if self.low > self.high:
            raise ValueError("low is above high")
        return self


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hots: []", ["f:1:1: unknown key 'hots' (did you mean 'hosts'?)"]),
        ("hosts: web1", ["f:1:8: hosts: expected a list, found the text 'web1' (write [web1])"]),
        ("hosts: [a, 5]", ["f:1:12: hosts: expected text, found the number 5 (put it in quotes)"]),
        ("hosts: {a: b}", ["f:1:8: hosts: expected a list, found a map"]),
        ("hosts:", ["f:1:7: hosts: expected a list, found nothing"]),
        ("low: ten", ["f:1:6: low: expected a whole number, found the text 'ten'"]),
        ("low: 1.5", ["f:1:6: low: expected a whole number, found the number 1.5"]),
        ("on: maybe", ["f:1:5: on: expected true or false, found the text 'maybe'"]),
        ("level: 9", ["f:1:8: level: should be less than or equal to 5, found the number 9"]),
        (
            "severity: hihg",
            [
                (
                    "f:1:11: severity: expected 'info', 'low', 'medium', 'high' or 'critical', "
                    "found the text 'hihg' (did you mean 'high'?)"
                )
            ],
        ),
        ("either: 5", ["f:1:9: either: expected text or a list, found the number 5 (write [5])"]),
        ("either: [1]", ["f:1:10: either: expected text, found the number 1 (put it in quotes)"]),
        ("ports: {22: some}", ["f:1:13: 22: expected a map of keys and values or 'any', found the text 'some'"]),
        (
            "ports: {22: anny}",
            ["f:1:13: 22: expected a map of keys and values or 'any', found the text 'anny' (did you mean 'any'?)"],
        ),
        ("ports:\n  22:\n    from: [a]\n    prtoo: tcp", ["f:4:5: unknown key 'prtoo' (did you mean 'proto'?)"]),
        ("ports: {22: {proto: tcp}}", ["f:1:9: the key 'from' is missing"]),
        ("ports: {ssh: any}", ["f:1:9: ports: expected a whole number as key, found the text 'ssh'"]),
        ("chosen: {kind: other, count: x}", ["f:1:30: count: expected a whole number, found the text 'x'"]),
        (
            "chosen: {kind: other, cuont: 1}",
            ["f:1:1: the key 'count' is missing", "f:1:23: unknown key 'cuont' (did you mean 'count'?)"],
        ),
        ("low: 10", ["f:1:1: low is above high"]),
        ("- a", ["f:1:1: expected a map of keys and values, found a list"]),
        (
            "low: x\nhosts: y\nzzz: 1",
            [
                "f:1:6: low: expected a whole number, found the text 'x'",
                "f:2:8: hosts: expected a list, found the text 'y' (write [y])",
                "f:3:1: unknown key 'zzz' (known: chosen, either, high, hosts, level, low, on, ports, severity)",
            ],
        ),
    ],
)
def test_messages(text: str, expected: list[str]) -> None:
    assert messages(lambda: validate(Model, Located.of(parse_yaml(text, "f")))) == expected


def test_what_is_right_is_built() -> None:
    text = "hosts: [a]\nports: {22: any, 80: {from: [x]}}\nchosen: {kind: tagged, size: 3}"
    model = validate(Model, Located.of(parse_yaml(text, "f")))
    assert model.ports == {22: "any", 80: Source.model_validate({"from": ["x"]})}
    assert model.chosen == Tagged(kind="tagged", size=3)


def test_a_long_text_is_cut_in_the_message() -> None:
    (message,) = messages(lambda: validate(Model, Located.of(parse_yaml(f"low: {'x' * 500}", "f"))))
    assert message == f"f:1:6: low: expected a whole number, found the text '{'x' * 60}…'"
