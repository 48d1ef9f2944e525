"""Alpine's secdb: the versions in which packages of a release had their flaws repaired, as YAML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from .records import AdvisoryRecord, AffectedRange, Count, FeedError, State

_RELEASE = re.compile(r"v(\d+\.\d+)", re.ASCII)


class _Plain(yaml.SafeLoader):
    """YAML without aliases: a feed has no use for them, and a hostile one could make a little text mean a lot."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not accepted")
        return super().compose_node(parent, index)


def read_secdb(text: str, place: str, left_out: Count) -> Iterator[AdvisoryRecord]:
    """The flaws of a repository. They come without severity and dates. Raises FeedError for another form."""
    try:
        document = yaml.load(text, Loader=_Plain)  # noqa: S506 - a safe loader, narrowed further
        found = _RELEASE.fullmatch(document["distroversion"])
        packages = [entry["pkg"] for entry in document["packages"] or ()]
        if found is None:
            left_out("other release")
            return
        release = f"alpine:{found[1]}"
        for package in packages:
            name, fixes = package["name"], package.get("secfixes") or {}
            for version, flaws in fixes.items():
                if str(version) == "0":
                    left_out("not affected")
                    continue
                # An entry may name the same flaw under several names, with blanks in between.
                for entry in flaws or ():
                    names = entry.split()
                    cves = tuple(one for one in names if one.startswith("CVE-"))
                    range_ = AffectedRange(release, name, "", str(version), State.FIXED)
                    yield AdvisoryRecord(names[0], None, None, None, cves, (range_,))
    except (yaml.YAMLError, RecursionError) as error:
        raise FeedError(f"{place}: not YAML: {str(error).splitlines()[0] if str(error) else 'too deep'}") from None
    except (AttributeError, TypeError, KeyError, IndexError) as error:
        raise FeedError(f"{place}: not of the form of secdb ({type(error).__name__}: {error})") from None
