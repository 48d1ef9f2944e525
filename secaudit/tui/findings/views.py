"""Saved views: a filter with its order, under a name, kept in a small JSON file of the person."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from secaudit.model.errors import UserError
from secaudit.tui.findings.projection import Group, Sort


class ViewsError(UserError):
    """The file of saved views cannot be read or written."""


@dataclass(frozen=True, slots=True)
class View:
    """What the findings table shows."""

    filter: str = ""
    sort: Sort = Sort.SEVERITY
    group: Group | None = None


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

    def all(self) -> Mapping[str, View]:
        """Every view by name. Raises ViewsError."""
        self._read()
        return {**BUILT_IN, **self._saved}

    def save(self, name: str, view: View) -> None:
        """Keep a view. Raises ViewsError."""
        self._read()
        self._saved[name] = view
        if self._path is None:
            return
        text = json.dumps({name: asdict(view) for name, view in self._saved.items()}, indent=2, ensure_ascii=False)
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ViewsError(f"the view was not saved in {self._path}: {error.strerror}") from error

    def _read(self) -> None:
        if self._path is None or not self._path.exists():
            return
        try:
            read = json.loads(self._path.read_text(encoding="utf-8"))
            self._saved = {
                str(name): View(
                    str(view["filter"]), Sort(view["sort"]), Group(view["group"]) if view.get("group") else None
                )
                for name, view in read.items()
            }
        except OSError as error:
            raise ViewsError(f"the saved views in {self._path} cannot be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ViewsError(f"{self._path} does not hold saved views; mend or remove it") from error
