"""Paths that stand in configuration files, and the files of a directory."""

from __future__ import annotations

from os.path import abspath, normpath
from pathlib import Path

from secaudit.config.errors import ConfigError

_SUFFIXES = (".yaml", ".yml")


def is_path(name: str) -> bool:
    """Whether a reference is a path (`./db.yaml`, `db.yaml`, `~/x`) and not a name (`linux-server`)."""
    return "/" in name or name.endswith(_SUFFIXES)


def resolve_path(name: str, folder: Path) -> Path:
    """The absolute path of a reference that stands in a file of `folder`; `~` is the home of whoever runs secaudit."""
    return Path(abspath(folder / _expanded(name)))  # noqa: PTH100 - without a look at the disk it cannot fail


def shown_path(name: str, folder: Path) -> str:
    """The same path as messages name it: relative when `folder` is."""
    return normpath(folder / _expanded(name))


def _expanded(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError:  # ~somebody who does not exist
        return Path(name)


def is_file(path: Path) -> bool:
    """Whether there is a file; False also for a path that none can have (too long, or with NUL)."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_dir(path: Path) -> bool:
    """Whether there is a directory; False also for a path that none can have."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def yaml_files(path: Path) -> list[Path]:
    """The file itself, or the YAML files of a directory by name, hidden ones left out.

    Raises ConfigError for a directory that holds none or cannot be listed.
    """
    if not is_dir(path):
        return [path]
    files = _listed(path)
    if not files:
        raise ConfigError.at(None, f"{path}: there is no *.yaml file in this directory")
    return files


def has_yaml(directory: Path) -> bool:
    """Whether `yaml_files` finds any in a directory. Raises ConfigError for one that cannot be listed."""
    return bool(_listed(directory))


def _listed(directory: Path) -> list[Path]:
    try:
        found = [file for file in directory.iterdir() if file.suffix in _SUFFIXES and not file.name.startswith(".")]
    except OSError as error:
        raise ConfigError.at(None, f"{directory}: cannot be listed: {error.strerror}") from None
    return sorted(found)
