"""Panels from a transcript: only for what the host was asked, and a plugin's trouble stays its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from secaudit.checks.network import FAMILY

from secaudit.api import Family, HostPanel
from secaudit.engine.panels import host_panels
from secaudit.model.panel import Panel
from secaudit.plugins import Registry
from tests.tui.scenes import FINDINGS, transcript

RESULTS = FINDINGS["web1"]


def test_a_family_without_results_and_answers_has_no_panel(tmp_path: Path) -> None:
    registry = Registry({"network": FAMILY}, {})
    assert host_panels(transcript("web1"), (), None, registry, tmp_path) == ()
    (shown,) = host_panels(transcript("web1"), RESULTS, None, registry, tmp_path)
    assert (shown.family, shown.title) == ("network", "Ports")


@pytest.mark.parametrize("where", ["load", "build"])
def test_a_plugin_that_raises_says_so_in_its_panel(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def burst(*_arguments: object) -> Panel:
        raise RuntimeError("burst")

    def panels(_family: Family) -> tuple[HostPanel, ...]:
        return burst() if where == "load" else (HostPanel("Ports", (), burst),)  # type: ignore[return-value]  # raises

    monkeypatch.setattr(Family, "panels", panels)
    (shown,) = host_panels(transcript("web1"), RESULTS, None, Registry({"network": FAMILY}, {}), tmp_path)
    assert "RuntimeError: burst" in shown.panel.lead
