"""What differs between two hosts, or one host at two times, in what families show of it and in its facts. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import TypeVar

from secaudit.model.panel import Panel, PanelLines, PanelTable, TitledPanel, Tone, Words
from secaudit.tui.services import FactSheet

T = TypeVar("T")

MOST_LINED_UP = 1000
"""Lines of one part that are lined up with those of the other side; the time for it grows with their square."""

_REMARKS = (" (", " · ")
"""What follows these in a caption is said of what it names: a count, a policy."""


class Sign(StrEnum):
    """On which side something is."""

    ADDED = "+"
    GONE = "-"
    CHANGED = "~"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs, below the caption of the part that it stands in."""

    sign: Sign
    caption: str
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """What differs in one panel, or in one fact."""

    title: str
    changes: tuple[Change, ...]


def panel_changes(before: Iterable[TitledPanel], after: Iterable[TitledPanel]) -> Iterator[Section]:
    """Panel by panel: rows by what they are about, lines by their order; numbers and counters do not count."""
    old, new = ({(one.family, one.title): one.panel for one in side} for side in (before, after))
    for key in dict.fromkeys((*new, *old)):
        changes = tuple(_of_panel(old.get(key), new.get(key)))
        if changes:
            yield Section(key[1], changes)


def fact_changes(before: Iterable[FactSheet], after: Iterable[FactSheet]) -> Iterator[Section]:
    """Fact by fact: what has one name on both sides is compared value by value."""
    old, new = ({sheet.title: sheet for sheet in side} for side in (before, after))
    for title in dict.fromkeys((*new, *old)):
        was, now = _lined_up(_items(old.get(title)), _items(new.get(title)))
        changes = tuple(_changes("", was, now))
        if changes:
            yield Section(title, changes)


def _of_panel(old: Panel | None, new: Panel | None) -> Iterator[Change]:
    if old is None or new is None:
        yield Change(Sign.GONE if new is None else Sign.ADDED, "", (old or new or Panel("")).lead or "the whole panel")
        return
    if old.lead != new.lead:
        yield Change(Sign.CHANGED, "", f"{old.lead} → {new.lead}")
    parts = [_numbered(panel.parts, lambda part: _name(part.caption)) for panel in (old, new)]
    for key in dict.fromkeys((*parts[1], *parts[0])):
        was, now = (side.get(key) for side in parts)
        yield from _of_part(was, now)


def _of_part(was: PanelTable | PanelLines | None, now: PanelTable | PanelLines | None) -> Iterator[Change]:
    shown = now or was
    caption = _name(shown.caption) if shown is not None else ""
    if isinstance(was, PanelTable | None) and isinstance(now, PanelTable | None):
        yield from _changes(caption, _rows(was), _rows(now))
        return
    if was is not None and now is not None and was.caption != now.caption:
        yield Change(Sign.CHANGED, caption, f"{was.caption} → {now.caption}")
    yield from _lines(caption, _texts(was), _texts(now))


def _rows(table: PanelTable | None) -> dict[tuple[str, int], Mapping[str, str]]:
    """The cells of each row by the name of their column, by what the row is about."""
    if table is None:
        return {}
    rows = _numbered(table.rows, _subject)
    return {
        key: {name: cell.text for name, cell in zip(table.head, row, strict=False) if cell.text != key[0]}
        for key, row in rows.items()
    }


def _subject(row: Sequence[Words]) -> str:
    """The first strong text names what a row is about, else the first one."""
    return next((cell.text for cell in row if cell.tone is Tone.STRONG), row[0].text if row else "")


def _items(sheet: FactSheet | None) -> list[list[str]]:
    """The values of each line; two spaces part them, and a line that holds one thing has its name before a colon."""
    if sheet is None:
        return []
    lines = [*sheet.lines, *([f"trouble: {sheet.trouble}"] if sheet.trouble else [])]
    parts = ([part for part in line.strip().split("  ") if part] for line in lines)
    return [list(_head(line)) + line[1:] for line in parts if line]


def _head(line: Sequence[str]) -> tuple[str, ...]:
    name, colon, value = line[0].partition(": ")
    return (name, value) if colon and "=" not in name else (line[0],)


def _lined_up(*sides: list[list[str]]) -> list[dict[tuple[str, int], Mapping[str, str]]]:
    """The items of both sides by what names them: as many of their first values as tell the items of a side apart."""
    longest = max((len(item) for side in sides for item in side), default=1)
    count = next((count for count in range(1, longest) if all(_tell_apart(side, count) for side in sides)), longest)
    named = [_numbered(side, lambda item: "  ".join(item[:count])) for side in sides]
    return [{key: _values(item[count:]) for key, item in side.items()} for side in named]


def _tell_apart(items: list[list[str]], count: int) -> bool:
    return len({tuple(item[:count]) for item in items}) == len(items)


def _values(rest: Sequence[str]) -> Mapping[str, str]:
    """By their names; those without one by their place, which is none that people are told."""
    return {part.partition("=")[0] if "=" in part else " " * place: part for place, part in enumerate(rest)}


def _changes(
    caption: str,
    old: Mapping[tuple[str, int], Mapping[str, str]],
    new: Mapping[tuple[str, int], Mapping[str, str]],
) -> Iterator[Change]:
    for key in dict.fromkeys((*new, *old)):
        was, now = old.get(key), new.get(key)
        if was == now:
            continue
        if was is None or now is None:
            sign = Sign.ADDED if was is None else Sign.GONE
            values = [value for value in (now or was or {}).values() if value]
            yield Change(sign, caption, "  ".join([key[0], *values]))
            continue
        names = [name for name in dict.fromkeys((*was, *now)) if was.get(name, "") != now.get(name, "")]
        told = [f"{_label(name, was, now)}{was.get(name) or '–'} → {now.get(name) or '–'}" for name in names]
        yield Change(Sign.CHANGED, caption, f"{key[0]}  {'; '.join(told)}")


def _label(name: str, was: Mapping[str, str], now: Mapping[str, str]) -> str:
    """The name of a value, where the value does not begin with it."""
    is_named = any(side.get(name, "").startswith(f"{name}=") for side in (was, now))
    return f"{name}: " if name.strip() and not is_named else ""


def _texts(part: PanelTable | PanelLines | None) -> list[str]:
    """Lines without what is only said beside: numbers, counters, remarks."""
    if part is None:
        return []
    rows = part.rows if isinstance(part, PanelTable) else part.lines
    texts = (" ".join(word.text for word in row if word.tone is not Tone.DIM).strip() for row in rows)
    return [text for text in texts if text]


def _lines(caption: str, old: list[str], new: list[str]) -> Iterator[Change]:
    if max(len(old), len(new)) > MOST_LINED_UP:
        # Which lines are there is told all the same, without their order.
        gone, added = Counter(old) - Counter(new), Counter(new) - Counter(old)
        yield from (Change(Sign.GONE, caption, text) for text in gone.elements())
        yield from (Change(Sign.ADDED, caption, text) for text in added.elements())
        return
    for tag, first, last, other_first, other_last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            yield from (Change(Sign.GONE, caption, text) for text in old[first:last])
            yield from (Change(Sign.ADDED, caption, text) for text in new[other_first:other_last])


def _name(caption: str) -> str:
    """A caption without what is said of what it names."""
    return min((caption.split(remark, 1)[0] for remark in _REMARKS), key=len)


def _numbered(items: Iterable[T], name: Callable[[T], str]) -> dict[tuple[str, int], T]:
    """By name; several of one name are numbered."""
    counted: Counter[str] = Counter()
    found: dict[tuple[str, int], T] = {}
    for item in items:
        called = name(item)
        found[called, counted[called]] = item
        counted[called] += 1
    return found
