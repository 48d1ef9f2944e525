"""The same matching with versions of univers and python-debian: is an installed version before the one with the fix?"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from debian.debian_support import NativeVersion
from univers.versions import DebianVersion

PEERS: Mapping[str, Callable[[str], Any]] = {"univers": DebianVersion, "python-debian": NativeVersion}


def fixed_versions(feed: Path, names: Iterable[str]) -> dict[str, list[str]]:
    """The versions with fixes of each package, from OSV records with one range that begins at zero."""
    wanted = dict[str, list[str]]({name: [] for name in names})
    with feed.open(encoding="utf-8") as lines:
        for line in lines:
            for affected in json.loads(line)["affected"]:
                fixes = wanted.get(affected["package"]["name"])
                if fixes is not None:
                    fixes.append(affected["ranges"][0]["events"][1]["fixed"])
    return wanted


def match(
    installed: Mapping[str, str], fixes: Mapping[str, list[str]], version: Callable[[str], Any]
) -> tuple[set[str], float]:
    """The packages that lack a fix, and the CPU seconds for it. Versions of the feed are parsed before, as ours are."""
    parsed = {name: [version(fix) for fix in found] for name, found in fixes.items()}
    begun = time.process_time()
    lacking = set()
    for name, text in installed.items():
        here = version(text)
        if any(here < fix for fix in parsed[name]):
            lacking.add(name)
    return lacking, time.process_time() - begun
