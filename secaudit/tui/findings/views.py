"""Saved views: a filter with its order, under a name, kept in a small JSON file of the person."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from secaudit.model.errors import UserError
from secaudit.model.safe_text import visible_line
from secaudit.tui.filter.language import quoted
from secaudit.tui.findings.projection import Group, GroupRow, Sort

LARGEST = 1_000_000
"""Bytes of a file of views that are read."""


class ViewsError(UserError):
    """The file of saved views cannot be read or written."""


@dataclass(frozen=True, slots=True)
class View:
    """What the findings table shows."""

    filter: str = ""
    sort: Sort = Sort.SEVERITY
    group: Group | None = None

    def inside(self, group: GroupRow) -> View:
        """The findings of a group of this view."""
        assert self.group is not None
        terms = [self.filter] if self.filter else []
        if self.group is Group.HOST:
            terms.append(f"customer:{quoted(group.customer)}")
        terms.append(f"{self.group.value}:{quoted(group.key)}")
        return View(" ".join(terms), self.sort)

    def __str__(self) -> str:
        parts = (
            self.filter,
            f"by {self.group.value}" if self.group else "",
            f"sorted by {self.sort.value}" if self.sort is not Sort.SEVERITY else "",
        )
        return " · ".join(part for part in parts if part) or "everything"


BUILT_IN: Mapping[str, View] = {
    "overdue": View("overdue", Sort.DUE),
    "due within two days": View("due<2d -overdue", Sort.DUE),
    "new since yesterday": View("new", Sort.AGE),
    "unproven, by host": View("unproven", group=Group.HOST),
    "critical and high": View("sev:high+"),
    "resolved in the last 30 days": View("fixed", Sort.AGE),
}
"""Views that everybody has; a saved one of the same name takes their place."""


class Views:
    """The views on offer. Without a path they last as long as the program."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._saved: dict[str, View] = {}

    def saved(self) -> Mapping[str, View]:
        """Those that somebody saved, by name. Raises ViewsError."""
        self._read()
        return dict(self._saved)

    def all(self) -> Mapping[str, View]:
        """Every view by name. Raises ViewsError."""
        return {**BUILT_IN, **self.saved()}

    def save(self, name: str, view: View) -> None:
        """Keep a view, in place of one of that name. Raises ViewsError; then the file is as it was."""
        self._write({**self.saved(), name: view})

    def remove(self, name: str) -> None:
        """Forget a saved view, if there is one of that name. Raises ViewsError; then the file is as it was."""
        self._write({known: view for known, view in self.saved().items() if known != name})

    def _write(self, views: dict[str, View]) -> None:
        if self._path is not None:
            text = json.dumps({name: asdict(view) for name, view in views.items()}, indent=2, ensure_ascii=False)
            draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
            try:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                draft.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
                draft.replace(self._path)
            except OSError as error:
                draft.unlink(missing_ok=True)
                raise ViewsError(f"the views were not written to {self._path}: {error.strerror}") from error
        self._saved = views

    def _read(self) -> None:
        if self._path is None or not self._path.exists():
            return
        try:
            with self._path.open("rb") as file:
                text = file.read(LARGEST + 1)
        except OSError as error:
            raise ViewsError(f"the saved views in {self._path} cannot be read: {error.strerror}") from error
        if len(text) > LARGEST:
            raise ViewsError(f"{self._path} is larger than {LARGEST:,} bytes; mend or remove it")
        try:
            self._saved = _views(json.loads(text))
        except json.JSONDecodeError as error:
            place = f"{self._path}:{error.lineno}:{error.colno}"
            raise ViewsError(f"{place}: not JSON: {error.msg}; mend or remove the file") from error
        except RecursionError:
            raise ViewsError(f"{self._path}: nested too deep; mend or remove the file") from None
        except ValueError as error:
            raise ViewsError(f"{self._path}: {error}; mend or remove the file") from error


def _views(read: object) -> dict[str, View]:
    """Raises ValueError, which says which view is wrong and what would be right."""
    if not isinstance(read, dict):
        raise ValueError("expected an object of views by name")
    return {name: _view(name, found) for name, found in read.items()}


def _view(name: str, found: object) -> View:
    if not isinstance(found, dict) or not isinstance(found.get("filter"), str):
        raise ValueError(f"the view {name!r} needs a filter, a text")
    sort, group = found.get("sort", Sort.SEVERITY), found.get("group")
    if sort not in list(Sort):
        raise ValueError(f"the view {name!r} has a sort that is none of {', '.join(Sort)}")
    if group is not None and group not in list(Group):
        raise ValueError(f"the view {name!r} has a group that is none of {', '.join(Group)}")
    # It is put into a line that shows what it is given.
    return View(visible_line(found["filter"]), Sort(sort), Group(group) if group is not None else None)
