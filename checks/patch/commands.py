"""`secaudit feed`: bring advisory feeds in, show them, carry them to a machine without a network."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from secaudit.api import Laboratory, default_feeds, show_duration
from secaudit.model.counted import counted
from secaudit.model.safe_text import visible_line
from secaudit.model.signing import PublicKey, SigningKey

from .feeds.bundles import export_bundle, import_bundle, is_bundle
from .feeds.importing import import_feeds
from .feeds.importing import remove as remove_parts
from .feeds.index import Part, read_index
from .feeds.records import FeedError
from .feeds.updating import update


class _Moment(click.ParamType[datetime]):
    """An ISO 8601 date or time, as aware UTC."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read the time, or fail with an example."""
        try:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a time; write for example 2026-10-31 or 2026-10-31T04:00:00Z", param, ctx)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


_feeds_option = click.option(
    "--feeds",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory of imported feeds [default: $SECAUDIT_FEEDS, else one per user].",
)


@click.group()
def command() -> None:
    """Import, update and show advisory feeds."""


@command.command("import")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@click.option("--as-of", type=_Moment(), help="The moment the feeds speak for, when that is later than they say.")
@click.option(
    "--expires",
    type=_Moment(),
    help="The last day on which statements (VEX) count [default: a year after each was made].",
)
@click.option(
    "--source",
    default="",
    metavar="NAME",
    help="What the feeds come from; the next import under this name takes their place [default: each path].",
)
@click.option("--allow-shrink", is_flag=True, help="Accept a feed that is much smaller than the one before.")
@click.option(
    "--trusted-key",
    "trusted",
    multiple=True,
    metavar="PEM",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Take a bundle only when this Ed25519 public key signed it; repeatable.",
)
@_feeds_option
def import_(
    paths: tuple[Path, ...],
    as_of: datetime | None,
    expires: datetime | None,
    source: str,
    allow_shrink: bool,
    trusted: tuple[Path, ...],
    feeds: Path | None,
) -> int:
    """Import feeds from files, folders and exported bundles.

    PATH is OSV (zip, JSON lines, folder), the Debian security tracker's JSON, Alpine's secdb, Red Hat's CSAF or VEX,
    CISA's KEV catalogue, the scores of EPSS, support dates of distro-info (CSV) or endoflife.date (JSON),
    statements in OpenVEX or CycloneDX; .gz is unpacked. Either everything is imported or nothing.
    """
    directory = feeds or default_feeds()
    now = datetime.now(UTC)
    bundles = [path for path in paths if is_bundle(path)]
    if bundles:
        if len(paths) > 1:
            raise FeedError("a bundle is imported by itself")
        parts = import_bundle(bundles[0], directory, now, [PublicKey.read(path) for path in trusted])
    elif trusted:
        raise FeedError("--trusted-key goes with a bundle; feeds as publishers give them are not signed by your key")
    else:
        last = expires.date() if expires else None
        parts = import_feeds(paths, directory, now, as_of=as_of, expires=last, shrink=allow_shrink, source=source)
    _show(parts, now)
    return 0


@command.command()
@_feeds_option
def info(feeds: Path | None) -> int:
    """Show which feeds are there, their age and what they cover."""
    directory = feeds or default_feeds()
    index = read_index(directory)
    if not index.parts:
        click.echo(f"no feed was imported into {directory}")
        return 0
    _show(index.parts, datetime.now(UTC))
    return 0


@command.command()
@click.argument("names", nargs=-1, required=True, metavar="FEED...")
@_feeds_option
def remove(names: tuple[str, ...], feeds: Path | None) -> int:
    """Take feeds out of use. Their names are those of `feed info`, such as 'osv debian:12', or one of their sources."""
    remove_parts(feeds or default_feeds(), names)
    return 0


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--sign",
    metavar="PEM",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Sign with this Ed25519 private key; `feed import --trusted-key` verifies it.",
)
@_feeds_option
def export(file: Path, sign: Path | None, feeds: Path | None) -> int:
    """Write all feeds into one file. `feed import` takes it where feeds cannot be reached."""
    key = SigningKey.read(sign) if sign is not None else None
    count = export_bundle(feeds or default_feeds(), file, key)
    click.echo(f"{file}: {counted(count, 'part')}")
    return 0


@command.command("update")
@click.option(
    "--sources",
    "config",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="YAML file that names the addresses to fetch.",
)
@_feeds_option
@click.pass_obj
def update_(laboratory: Laboratory, config: Path, feeds: Path | None) -> int:
    """Fetch and import the feeds that a file names. Those that have not changed are not fetched.

    Proxies come from HTTPS_PROXY and NO_PROXY. Each feed is imported by itself; exit code 3 when one could not be.
    """
    directory = feeds or default_feeds()
    now = datetime.now(UTC)
    failures = 0
    for outcome in update(laboratory.feed_sources(config), directory, now):
        click.echo(outcome.text, err=outcome.failed)
        failures += outcome.failed
    return 3 if failures else 0


def _show(parts: tuple[Part, ...], now: datetime) -> None:
    head = ("FEED", "OF", "AGE", "ENTRIES", "RANGES", "LEFT OUT")
    rows = [
        (
            part.name,
            f"{part.at:%Y-%m-%d %H:%M}",
            show_duration(now - part.at),
            f"{part.entries:,}",
            f"{part.ranges:,}" if part.has_advisories else "",
            ", ".join(f"{count:,} {reason}" for reason, count in part.left_out.items()),
        )
        for part in parts
    ]
    told = [part.sources if len(part.sources) > 1 else () for part in parts]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row, sources in zip((head, *rows), ((), *told), strict=True):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        for one in sources:
            click.echo(f"  {one.at:%Y-%m-%d %H:%M}  {one.entries:,} entries from {visible_line(one.name)}")
