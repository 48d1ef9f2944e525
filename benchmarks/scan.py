"""A full scan of many lab hosts against programs that only send the same commands."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import Cost, median, run
from benchmarks.report import Bar, table
from secaudit.cli.planning import plan_hosts
from secaudit.model.inventory import Host
from secaudit.model.request import Command
from secaudit.plugins import discover
from secaudit.transport.batch import batch_script
from tests.lab import lab
from tests.lab.base import USER
from tests.lab.lab import Lab, Planned
from tests.lab.scenarios import SCENARIOS

HOSTS = 50
JOBS = 32
ROUNDS = 3
DELAY = timedelta(milliseconds=20)
LOSS = 0.01
POOLS = (8, 16, 32, 64)
FULL = Path(__file__).with_name("lab-server.yaml")
LIGHT = Path(__file__).with_name("lab-light.yaml")
PEERS = Path(__file__).with_name("peers")


@dataclass(frozen=True, slots=True)
class Setting:
    """Everything that the contestants need: where the hosts are and what to send them."""

    lab: Lab
    directory: Path
    baseline: Path

    @property
    def script(self) -> Path:
        """The batch as our own transport would send it."""
        return self.directory / "batch.sh"

    @property
    def inventory(self) -> Path:
        """The hosts as secaudit reads them."""
        return self.directory / "inventory.yaml"

    @property
    def ansible_inventory(self) -> Path:
        """The hosts as Ansible reads them."""
        return self.directory / "hosts.ini"

    def write(self) -> None:
        """Write script and inventories."""
        registry = discover()
        host = Host("bench", "lab", "any", "192.0.2.1", baselines=(str(self.baseline),))
        (plan,), _ = plan_hosts([host], registry, ())
        commands = [request for request in plan.requests if isinstance(request, Command)]
        self.script.write_bytes(batch_script(commands, "bench"))
        ssh = {"user": USER, "identity": str(self.lab.key), "known_hosts": str(self.lab.known_hosts), "config": False}
        hosts = {host.name: {"address": host.address} for host in self.lab.hosts}
        site = {"defaults": {"ssh": ssh, "baselines": [str(self.baseline)]}, "hosts": hosts}
        customer = {"id": "bench", "name": "Bench", "language": "en"}
        # JSON is YAML.
        self.inventory.write_text(json.dumps({"customer": customer, "sites": {"lab": site}}))
        lines = [f"{host.name} ansible_host={host.address}" for host in self.lab.hosts]
        self.ansible_inventory.write_text("\n".join(lines) + "\n")


def measure() -> tuple[str, list[Bar]]:
    """Start the lab and let everybody scan it in turns."""
    plan = [Planned(f"host{number}", SCENARIOS["clean"]) for number in range(HOSTS)]
    with TemporaryDirectory() as directory, lab.running(plan) as started:
        setting, light = (_prepared(started, Path(directory), baseline) for baseline in (FULL, LIGHT))
        _run_all(setting, "warm-up")  # page caches: nobody shall pay for being first
        few, few_bars = _contest(f"Scan of {HOSTS} lab hosts with a dozen cheap commands", light, "light")
        near, near_bars = _contest(f"Scan of {HOSTS} lab hosts with a whole baseline", setting, "near")
        memory, memory_bars = _memory(setting)
        started.impair(DELAY, LOSS)
        far, far_bars = _contest("The same with 20 ms of delay and 1 % of loss", setting, "far")
        pools = _pools(setting)
    return "\n\n".join([few, near, memory, far, pools]), [*few_bars, *near_bars, *memory_bars, *far_bars]


def _prepared(started: Lab, directory: Path, baseline: Path) -> Setting:
    setting = Setting(started, directory / baseline.stem, baseline)
    setting.directory.mkdir()
    setting.write()
    return setting


def _contest(title: str, setting: Setting, place: str) -> tuple[str, list[Bar]]:
    costs: dict[str, list[Cost]] = {}
    for number in range(ROUNDS):
        for name, cost in _run_all(setting, f"{place}-{number}").items():
            costs.setdefault(name, []).append(cost)
    middle = {name: median(found) for name, found in costs.items()}
    return _shown(title, middle, costs), _bars(middle, place)


def _memory(setting: Setting) -> tuple[str, list[Bar]]:
    """Peak memory of a fifth of the hosts against all of them: what one more host costs."""
    few, many = (median([run(_secaudit(setting, f"memory-{hosts}", hosts=hosts))]) for hosts in ("host?", "host*"))
    grown = (many.peak - few.peak) / (HOSTS - 10)
    rows = [["10", f"{few.peak:.0f}"], [str(HOSTS), f"{many.peak:.0f}"]]
    bars = [
        Bar("peak memory", many.peak, 200, "MiB", at_least=False),
        Bar("memory per further host", grown, 1, "MiB", at_least=False),
    ]
    return table("Memory of secaudit scan", ["hosts", "peak MiB"], rows), bars


def _pools(setting: Setting) -> str:
    """How many hosts at once pay on such a line: the default of --jobs was chosen from this."""
    rows = []
    for jobs in POOLS:
        cost = run(_secaudit(setting, f"pool-{jobs}", jobs=jobs))
        rows.append([str(jobs), f"{HOSTS / cost.wall:.1f}", f"{cost.peak:.0f}"])
    return table("Hosts at once, with delay and loss", ["--jobs", "hosts/s", "peak MiB"], rows)


def _run_all(setting: Setting, name: str) -> Mapping[str, Cost]:
    log = setting.directory / f"{name}.log"
    contestants = {
        "secaudit scan": (_secaudit(setting, name), {}),
        "bare paramiko": (_peer("paramiko_batch.py", setting), {}),
        "asyncssh": (_peer("asyncssh_batch.py", setting), {}),
        "ansible raw": (_ansible(setting), _ansible_environment(setting)),
    }
    found = {}
    for program, (argv, environment) in contestants.items():
        cost = run(argv, environment, log)
        if cost.exit:
            raise RuntimeError(f"{program} ended with {cost.exit}:\n{log.read_text(errors='replace')[-3000:]}")
        found[program] = cost
    return found


def _secaudit(setting: Setting, name: str, jobs: int = JOBS, hosts: str = "*") -> Sequence[str]:
    return [
        str(Path(sys.executable).with_name("secaudit")),
        *("scan", "--inventory", str(setting.inventory), "--host", hosts, "--jobs", str(jobs), "--quiet"),
        *("--store", f"sqlite:///{setting.directory}/store-{name}.db"),
    ]


def _peer(name: str, setting: Setting) -> Sequence[str]:
    addresses = [host.address for host in setting.lab.hosts]
    login = [USER, str(setting.lab.key), str(setting.lab.known_hosts)]
    return [sys.executable, str(PEERS / name), str(setting.script), str(JOBS), *login, *addresses]


def _ansible(setting: Setting) -> Sequence[str]:
    script = base64.b64encode(setting.script.read_bytes()).decode()
    return [
        str(Path(sys.executable).with_name("ansible")),
        *("all", "-i", str(setting.ansible_inventory), "-u", USER, "--private-key", str(setting.lab.key)),
        *("-f", str(JOBS), "-m", "raw", "-a", f"echo {script} | base64 -d | sh -s"),
    ]


def _ansible_environment(setting: Setting) -> Mapping[str, str]:
    options = f"-o UserKnownHostsFile={setting.lab.known_hosts} -o ControlMaster=no -o BatchMode=yes"
    return {"ANSIBLE_SSH_ARGS": options, "ANSIBLE_LOCALHOST_WARNING": "false", "HOME": str(setting.directory)}


def _shown(title: str, middle: Mapping[str, Cost], all_costs: Mapping[str, Sequence[Cost]]) -> str:
    rows = []
    for name, cost in middle.items():
        walls = [HOSTS / found.wall for found in all_costs[name]]
        rate = f"{HOSTS / cost.wall:.1f} [{min(walls):.1f}-{max(walls):.1f}]"
        rows.append([name, rate, f"{cost.cpu / HOSTS * 1000:.1f}", f"{cost.peak:.0f}"])
    return table(title, ["program", "hosts/s", "CPU ms/host", "peak MiB"], rows)


def _bars(middle: Mapping[str, Cost], place: str) -> list[Bar]:
    ours, bare, ansible = middle["secaudit scan"], middle["bare paramiko"], middle["ansible raw"]
    return [
        Bar(f"{place}: hosts/s against bare paramiko", bare.wall / ours.wall, 0.75, "×", at_least=True),
        Bar(f"{place}: hosts/s against ansible raw", ansible.wall / ours.wall, 2, "×", at_least=True),
        Bar(f"{place}: CPU per host against bare paramiko", ours.cpu / bare.cpu, 2.5, "×", at_least=False),
    ]
