"""Baselines from YAML, merged into the controls of a host. See `docs/baselines.md` for what merging means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from os.path import realpath
from pathlib import Path

from secaudit.config.baseline_file import BaselineFile
from secaudit.config.controls import ControlMerge, KnownCheck
from secaudit.config.errors import ConfigError, Problem, in_file_order, suggestion
from secaudit.config.paths import is_dir, is_file, is_path, resolve_path, shown_path
from secaudit.config.source import Located, Source, read_yaml
from secaudit.config.validation import validate
from secaudit.model.baseline import Baseline, BaselineStamp, Location

SHIPPED = "secaudit.baselines"
_LONGEST_CHAIN = 30


@dataclass(frozen=True, slots=True)
class BaselineSource:
    """A baseline file that was read and is valid by itself."""

    source: Source
    document: Located
    file: BaselineFile

    @property
    def name(self) -> str:
        """The name that the file declares."""
        return self.file.baseline


class BaselineLibrary:
    """Finds baselines by name, in the directories of `search` and then among the shipped ones, and by path.

    A file is read once, however many baselines and hosts use it.
    """

    def __init__(self, search: Sequence[Path] = ()) -> None:
        shipped = Path(str(resources.files(SHIPPED)))
        # Messages name a shipped file as it lies in the package, so that reports are the same on every machine.
        self._folders = [*((folder, folder) for folder in search), (shipped, Path(*SHIPPED.split(".")))]
        self._read: dict[Path, BaselineSource] = {}

    def names(self) -> tuple[str, ...]:
        """The names of all baselines that can be found by name, sorted."""
        found = {file.stem for folder, _ in self._folders if is_dir(folder) for file in folder.glob("*.yaml")}
        return tuple(sorted(found))

    def find(self, reference: str, child: BaselineSource | None = None, at: Location | None = None) -> BaselineSource:
        """Read the baseline that a name or a path refers to; a path is relative to the file of `child`, if given.

        `at` is where the reference stands, for the message. Raises ConfigError.
        """
        if is_path(reference):
            path = resolve_path(reference, child.source.path.parent if child else Path())
            if at is not None and not is_file(path):
                raise ConfigError.at(at, f"there is no baseline file {reference!r}", f"looked for {path}")
            return self._open(path, shown_path(reference, Path(child.source.shown).parent) if child else reference)
        for place, shown in self._folders:
            path = place / f"{reference}.yaml"
            if is_file(path):
                found = self._open(path, str(shown / path.name))
                if found.name != reference:
                    location = found.document.values["baseline",]
                    raise ConfigError.at(location, f"the file is called {path.name} but declares {found.name!r}")
                return found
        raise ConfigError.at(at, f"there is no baseline {reference!r}", suggestion(reference, self.names()))

    def resolve(self, names: Sequence[str], checks: Mapping[str, KnownCheck], broken: Mapping[str, str]) -> Baseline:
        """Merge the named baselines, and everything that they extend, into the controls of a host.

        `checks` are all checks by id; `broken` holds why a family could not be loaded: controls that name its checks
        come without expectation and with that reason. Raises ConfigError with every problem.
        """
        order = self.order(names)
        merge = ControlMerge()
        for baseline in order:
            merge.add(baseline.source.root)
        controls = merge.controls(checks, broken)
        if merge.problems:
            raise ConfigError(in_file_order(merge.problems))
        stamps = tuple(BaselineStamp(found.name, found.file.version, found.source.sha256) for found in order)
        return Baseline(controls, stamps)

    def order(self, names: Sequence[str]) -> tuple[BaselineSource, ...]:
        """The named baselines and their ancestors, each once: left to right, and parents before their children.

        Raises ConfigError for what cannot be read, cycles, and two files that declare one name.
        """
        ordered: dict[Path, BaselineSource] = {}
        for name in names:
            self._visit(self.find(name), (), ordered)
        declared: dict[str, BaselineSource] = {}
        for found in ordered.values():
            first = declared.setdefault(found.name, found)
            if first is not found:
                hint = f"the other one is {first.source.shown}"
                raise ConfigError.at(
                    found.document.values["baseline",], f"two baselines are called {found.name!r}", hint
                )
        return tuple(ordered.values())

    def _visit(
        self, found: BaselineSource, chain: tuple[BaselineSource, ...], ordered: dict[Path, BaselineSource]
    ) -> None:
        if found.source.path in ordered:
            return
        chain = (*chain, found)
        for index, parent in enumerate(found.file.extends):
            values = found.document.values
            at = values.get(("extends", index), values["extends",])
            above = self._parent(parent, found, at, chain)
            if above in chain:
                raise ConfigError.at(
                    at, f"baselines extend each other: {_shown((*chain[chain.index(above) :], above))}"
                )
            if len(chain) > _LONGEST_CHAIN:
                raise ConfigError.at(at, f"more than {_LONGEST_CHAIN} baselines extend one another")
            self._visit(above, chain, ordered)
        ordered[found.source.path] = found

    def _parent(
        self, reference: str, child: BaselineSource, at: Location, chain: tuple[BaselineSource, ...]
    ) -> BaselineSource:
        try:
            return self.find(reference, child, at)
        except ConfigError as error:
            through = f"reached through {_shown(chain)}"
            raise ConfigError(
                Problem(problem.location, problem.message, f"{problem.hint}; {through}" if problem.hint else through)
                for problem in error.problems
            ) from None

    def _open(self, path: Path, shown: str) -> BaselineSource:
        key = Path(realpath(path)) if is_file(path) else path
        if key not in self._read:
            source = read_yaml(key, shown)
            document = Located.of(source.root)
            self._read[key] = BaselineSource(source, document, validate(BaselineFile, document))
        return self._read[key]


def _shown(chain: Sequence[BaselineSource]) -> str:
    return " → ".join(found.name for found in chain)
