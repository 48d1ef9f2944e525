"""Customers, sites and hosts from YAML: one file per customer, or a directory of them. See `docs/inventory.md`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from secaudit.config.errors import ConfigError, Problem, suggestion
from secaudit.config.inventory_file import InventoryFile, SecretFile, SiteFile, SshFile
from secaudit.config.paths import is_file, is_path, resolve_path, yaml_files
from secaudit.config.source import Located, Source, YamlPath, read_yaml
from secaudit.config.validation import validate
from secaudit.model.baseline import Location
from secaudit.model.inventory import (
    Customer,
    Host,
    Inventory,
    SecretKind,
    SecretSource,
    Site,
    SshSettings,
    TransportKind,
)


def load_inventory(path: Path, baselines: Collection[str] | None = None) -> Inventory:
    """Read an inventory file, or every `*.yaml` and `*.yml` of a directory in the order of their names.

    `baselines` are the names of the baselines that exist; with them a host's unknown name is a problem here. Paths in
    the files resolve against the file they stand in. Raises ConfigError with the problems of all files.
    """
    problems: list[Problem] = []
    customers: list[Customer] = []
    first: dict[str, Location] = {}
    for file in yaml_files(path):
        try:
            reader = _Reader(read_yaml(file), baselines)
            customer = reader.customer()
            location = reader.document.values["customer", "id"]
            if customer.id in first:
                hint = f"first at {first[customer.id]}"
                raise ConfigError.at(location, f"customer {customer.id!r} is there already", hint)
        except ConfigError as error:
            problems += error.problems
        else:
            first[customer.id] = location
            customers.append(customer)
    if problems:
        raise ConfigError(problems)
    return Inventory(tuple(customers))


class _Reader:
    """Turns one validated file into the model, with paths resolved and baselines looked up."""

    def __init__(self, source: Source, baselines: Collection[str] | None) -> None:
        self._folder = source.path.parent
        self.document = Located.of(source.root)
        self._baselines = baselines
        self._problems: list[Problem] = []

    def customer(self) -> Customer:
        """The customer of the file. Raises ConfigError with every problem."""
        file = validate(InventoryFile, self.document)
        self._refuse_twins(file)
        head = file.customer
        sites = tuple(self._site(head.id, name, site) for name, site in file.sites.items())
        if self._problems:
            raise ConfigError(self._problems)
        return Customer(head.id, head.name, head.language, sites)

    def _refuse_twins(self, file: InventoryFile) -> None:
        first: dict[str, YamlPath] = {}
        for site, hosts in file.sites.items():
            for host in hosts.hosts:
                path = ("sites", site, "hosts", host)
                if host in first:
                    hint = f"first at {self.document.keys[first[host]]}; a host's name is unique for its customer"
                    self._problems.append(Problem(self.document.keys[path], f"host {host!r} is there already", hint))
                first.setdefault(host, path)

    def _site(self, customer: str, name: str, site: SiteFile) -> Site:
        path = ("sites", name)
        common = tuple(self._references((*path, "defaults"), site.defaults.baselines))
        hosts = tuple(
            Host(
                customer=customer,
                site=name,
                name=host,
                address=entry.address or "localhost",
                transport=TransportKind(entry.transport),
                tags=frozenset((*site.defaults.tags, *entry.tags)),
                baselines=tuple(dict.fromkeys((*common, *self._references((*path, "hosts", host), entry.baselines)))),
                ssh=self._ssh(site.defaults.ssh, entry.ssh),
                probe=entry.probe,
            )
            for host, entry in site.hosts.items()
        )
        return Site(name, hosts)

    def _references(self, path: YamlPath, baselines: Iterable[str]) -> Iterator[str]:
        """Names as they are, paths resolved; a missing one is a problem at its place."""
        for index, name in enumerate(baselines):
            at = (*path, "baselines", index)
            location = self.document.values.get(at, self.document.values[at[:-1]])
            if is_path(name):
                file = resolve_path(name, self._folder)
                if not is_file(file):
                    self._problems.append(
                        Problem(location, f"there is no baseline file {name!r}", f"looked for {file}")
                    )
                yield str(file)
                continue
            if self._baselines is not None and name not in self._baselines:
                self._problems.append(
                    Problem(location, f"there is no baseline {name!r}", suggestion(name, self._baselines))
                )
            yield name

    def _ssh(self, defaults: SshFile, host: SshFile) -> SshSettings:
        """The host's settings over the site's: each key that the host sets replaces the site's value."""
        ours = {name: getattr(host, name) for name in host.model_fields_set}
        if ours.keys() & {"identity", "identity_files"}:
            defaults = defaults.model_copy(update={"identity": None, "identity_files": []})
        merged = defaults.model_copy(update=ours)
        identities = [merged.identity] if merged.identity else merged.identity_files
        return SshSettings(
            user=merged.user,
            port=merged.port,
            jump=tuple(merged.jump),
            identity_files=tuple(str(resolve_path(file, self._folder)) for file in identities),
            known_hosts=str(resolve_path(merged.known_hosts, self._folder)) if merged.known_hosts else None,
            use_agent=merged.agent,
            use_config=merged.config,
            password=secret_source(merged.password, self._folder),
            sudo_password=secret_source(merged.sudo_password, self._folder),
        )


def secret_source(secret: SecretFile | None, folder: Path) -> SecretSource | None:
    """Where a secret comes from; paths resolve against `folder`."""
    if secret is None:
        return None
    if secret.env is not None:
        return SecretSource(SecretKind.ENV, secret.env)
    if secret.file is not None:
        return SecretSource(SecretKind.FILE, str(resolve_path(secret.file, folder)))
    if secret.command is not None:
        return SecretSource(SecretKind.COMMAND, tuple(secret.command))
    assert secret.keyring is not None
    return SecretSource(SecretKind.KEYRING, secret.keyring)
