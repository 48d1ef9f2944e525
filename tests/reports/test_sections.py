"""Sections of families in the technical report: bounded, inert, and cut where paper may break."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from secaudit.reports.technical import render
from secaudit.reports.technical.anchors import Anchors
from secaudit.reports.technical.hosts import Hosts
from secaudit.reports.technical.sections import MOST_BOXES, MOST_HOSTS, section_blocks
from secaudit.reports.technical.voice import Voice
from secaudit.reports.wording import Wording

from secaudit.model.section import Arrow, Box, BoxKind, Cell, HostSection, Mark, Picture, Section, Table
from tests.reports import sample
from tests.reports.test_browser import CHROMIUM, browse

EVIL = "\"><script>document.title='owned'</script>\x1b[2J\u202e"


def tower(count: int, name: str = "chain") -> Picture:
    boxes = tuple(
        Box(0, 70 * number, 200, 56, (f"{name} {number}", "2 rules"), BoxKind.PLAIN) for number in range(count)
    )
    arrows = tuple(Arrow(((16, box.y - 14), (16, box.y))) for box in boxes[1:])
    return Picture("To the host", "What leads where.", 200, 70 * count, boxes, arrows, left=3)


def about(host: str, *parts: Table | Picture, lead: str = "4 rules.") -> HostSection:
    return HostSection("c", host, "firewall", "Packet filter", Section((lead,), parts))


def page(*sections: HostSection) -> str:
    return str(render(replace(sample.report(), sections=sections)), "utf-8")


def test_without_sections_nothing_changes() -> None:
    assert render(sample.report()) == render(replace(sample.report(), sections=()))
    assert 'id="about-' not in page()


def test_a_table_and_a_picture_stand_under_their_host() -> None:
    table = Table("Services", ("Service", "IPv4"), ((Cell("tcp/22"), Cell("everywhere", Mark.FULL)),), left=2)
    shown = page(about("web1", table, tower(3)))
    assert '<section class="sec" id="about-firewall"' in shown
    assert '<a href="#about-firewall">Packet filter</a>' in shown
    assert "open to everyone, or nearly" in shown
    assert "and 2 more rows" in shown
    assert "3 more chains not drawn" in shown
    assert re.search(r'<svg class="strip"[^>]*role="img"[^>]*><title [^>]*>To the host</title><desc ', shown)
    ids = re.findall(r' id="([^"]+)"', shown)
    assert len(ids) == len(set(ids))
    assert " style=" not in shown


def test_a_tall_picture_is_cut_between_boxes() -> None:
    (block,) = section_blocks([about("web1", tower(40))], Hosts((), ()), Anchors(), Voice(Wording("en")))
    (drawing,) = block.hosts[0].drawings
    assert len(drawing.strips) > 1
    for strip in drawing.strips:
        assert all(strip.y <= box.y and box.y + box.height <= strip.y + strip.height for box in strip.boxes)
    assert sum(len(strip.boxes) for strip in drawing.strips) == 40
    ends = [strip.y + strip.height for strip in drawing.strips]
    assert [strip.y for strip in drawing.strips[1:]] == ends[:-1]


def test_what_is_too_much_is_counted() -> None:
    sections = [about(f"host{number}", tower(MOST_BOXES + 5)) for number in range(MOST_HOSTS + 2)]
    (block,) = section_blocks(sections, Hosts((), ()), Anchors(), Voice(Wording("en")))
    assert (len(block.hosts), block.left) == (MOST_HOSTS, 2)
    assert block.hosts[0].drawings[0].left == 3 + 5
    assert len(page(*sections)) < 12_000_000


def test_names_of_a_hostile_host_are_inert() -> None:
    table = Table(EVIL, (EVIL, EVIL), ((Cell(EVIL), Cell(EVIL, Mark.UNSURE)),))
    evil = replace(tower(2, EVIL), title=EVIL, description=EVIL)
    section = HostSection("c", EVIL, EVIL, EVIL, Section((EVIL,), (table, evil)))
    shown = page(section)
    assert "<script>document" not in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")
def test_the_page_with_sections_keeps_its_own_policy(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    table = Table("Services", ("Service", "IPv4"), ((Cell("tcp/22"), Cell("nobody", Mark.EMPTY)),))
    file.write_text(page(about("web1", table, tower(30))))
    dom, console = browse(file, "--dump-dom")
    assert console == []
    assert dom.count('class="strip"') == 3
