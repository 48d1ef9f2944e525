"""`secaudit export sbom`: a host's installed packages for other tools."""

from __future__ import annotations

import re
from pathlib import Path

import click

from secaudit.api import HostChoice, Laboratory, Platform, Unproven, default_feeds
from secaudit.model.errors import UserError

from ...host.facts import OsRelease, Packages
from ...host.packages import PACKAGE_COMMANDS
from ..exposure import Exposures, expose
from ..feeds.lookup import AdvisorySource
from .bill import Inventoried, bill_of_materials, written

_TARGET = re.compile(r"local|ssh://.*|replay:.+")


@click.command("sbom")
@click.argument("target", required=False)
@click.option("--host", "name", help="The host of the inventory, the bundle or the store.")
@click.option("--inventory", type=click.Path(path_type=Path), help="Inventory that --host chooses from.")
@click.option("--from-store", "stored", is_flag=True, help="Read the newest answers that the store holds of --host.")
@click.option("--store", metavar="URL", help="Store to read [default: $SECAUDIT_STORE, else one per user].")
@click.option("--advisories", is_flag=True, help="Add the vulnerabilities that the imported feeds know of.")
@click.option("--feeds", type=click.Path(path_type=Path, file_okay=False), help="Directory of imported feeds.")
@click.option(
    "--format", "form", type=click.Choice(["json", "xml"]), default="json", show_default=True, help="Form of the bill."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write instead of stdout.")
@click.pass_obj
def command(
    laboratory: Laboratory,
    target: str | None,
    name: str | None,
    inventory: Path | None,
    stored: bool,
    store: str | None,
    advisories: bool,
    feeds: Path | None,
    form: str,
    out: Path | None,
) -> int:
    """Write a host's packages as a CycloneDX bill of materials. Each has its purl.

    TARGET is `local`, `ssh://[user@]host[:port]` or `replay:BUNDLE`; without one the host is chosen with --host from
    --inventory or, with --from-store, from the store, and nothing is asked of it.
    """
    if target is not None and not _TARGET.fullmatch(target):
        raise UserError(f"{target!r} is no host: write local, ssh://[user@]host[:port] or replay:BUNDLE, or use --host")
    if target is None and name is None:
        raise UserError("name a host: a target such as `local`, or --host with --inventory or --from-store")
    asked = laboratory.host(HostChoice(target, name, inventory, stored, store), [OsRelease, Packages])
    packages = asked.facts.get(Packages)
    if isinstance(packages, Unproven):
        raise UserError(f"the packages of {asked.label} are not known: {packages.reason}")
    os = asked.facts.get(OsRelease)
    known = None if isinstance(os, Unproven) else os
    exposures = _exposures(packages, known, feeds or default_feeds()) if advisories else None
    moment = max(asked.answers[request].started for request in PACKAGE_COMMANDS if request in asked.answers)
    text = written(bill_of_materials(Inventoried(asked.label, moment, known, packages, exposures)), xml=form == "xml")
    if out is None:
        click.echo(text, nl=False)
    else:
        out.touch(mode=0o600)  # for its owner alone from the first moment on
        out.write_text(text, encoding="utf-8")
    return 0


def _exposures(packages: Packages, os: OsRelease | None, feeds: Path) -> Exposures:
    """The advisories about the host. Raises UserError: a bill that leaves them out would look like one without any."""
    try:
        platform = Platform(os.id, os.version) if os else None
        return expose(packages, AdvisorySource(feeds).load(platform))
    except Unproven as trouble:
        raise UserError(f"the vulnerabilities cannot be told: {trouble.reason}") from None
