"""`secaudit`: the root command. Knows the names of its commands; imports the one that is called."""

from __future__ import annotations

import gc
import signal
import sys
from importlib import import_module
from io import StringIO
from typing import Any, NamedTuple

import click

from secaudit import __version__
from secaudit.cli.exits import CommandError, Exit
from secaudit.cli.laboratory import Laboratory


class _Entry(NamedTuple):
    module: str
    help: str


COMMANDS = {
    "scan": _Entry("scan", "Audit hosts and write what was found."),
    "gate": _Entry("gate", "Judge a run for CI: exit code 0, 1 or 3."),
    "report": _Entry("report", "Write a stored run as HTML or data."),
    "export": _Entry("export", "Write a host's packages for other tools."),
    "verify": _Entry("verify", "Tell whether reports, bundles and the store are as they were."),
    "keys": _Entry("keys", "Make the keys that reports are signed with."),
    "ui": _Entry("ui", "Open the terminal dashboard."),
    "findings": _Entry("findings", "List and show what the store knows."),
    "waivers": _Entry("waivers", "List, add and check accepted deviations."),
    "contract": _Entry("contract", "Validate and show what is promised; keep hours."),
    "deliver": _Entry("deliver", "Tell people what changed; send monthly reports."),
    "tracker": _Entry("tracker", "Keep issues in a tracker in step with findings."),
    "availability": _Entry("availability", "Probe services, import probes, show what was measured."),
    "baseline": _Entry("baseline", "List, show, validate and compare baselines."),
    "inventory": _Entry("inventory", "Validate and list hosts; pin host keys."),
    "checks": _Entry("checks", "List the checks and show their pages."),
    "store": _Entry("store", "Take back runs that should not count."),
    "schedule": _Entry("schedule", "Run scans on a schedule."),
    "sudoers": _Entry("sudoers", "Print the exact sudoers file for a baseline."),
    "schema": _Entry("schema", "Print the JSON Schema of a file format."),
    "doctor": _Entry("doctor", "Check that this machine can scan."),
    "init": _Entry("init", "Write a commented example set of files."),
}
"""Command name → module in this package that defines `command`, and its line in `--help`."""


MOUNTED = {
    "feed": "Import, update and show advisory feeds.",
    "firewall": "Analyse packet filter rulesets exactly.",
}
"""Command groups that families bring (entry-point group `secaudit.commands`), and their lines in `--help`.

Commands of other plugins work as well; they are not listed, because looking for them costs more than help may take.
"""

GROUP = "secaudit.commands"


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's own signature
        return [*COMMANDS, *MOUNTED]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's own signature
        entry = COMMANDS.get(cmd_name)
        command = _mounted(cmd_name) if entry is None else import_module(f"secaudit.cli.{entry.module}").command
        if command is not None and not isinstance(command, click.Command):
            raise TypeError(f"what is installed as the command {cmd_name!r} is not a click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's own signature
        with formatter.section("Commands"):
            formatter.write_dl([*((name, entry.help) for name, entry in COMMANDS.items()), *MOUNTED.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            from difflib import get_close_matches

            close = get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            ctx.fail(f"No such command '{args[0]}'.{hint}")
        return super().resolve_command(ctx, args)


def _mounted(name: str) -> Any:
    """The command that a plugin brings under this name; None when there is none.

    A plugin cannot replace a command of the product, and one that does not load is a CommandError.
    """
    from importlib.metadata import entry_points

    for entry in entry_points(group=GROUP, name=name):
        try:
            return entry.load()
        except Exception as error:
            raise CommandError(f"the command {name!r} could not be loaded: {type(error).__name__}: {error}") from error
    return None


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="secaudit")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Prove or disprove what a maintenance contract promises: firewalls, patches, backups, resilience.

    Exit codes: 0 fine, 1 findings, 2 wrong usage or configuration, 3 incomplete, 4 internal failure.
    """
    ctx.obj = Laboratory()


def main() -> None:
    """Run the command line of this process and end it with one of the documented exit codes."""
    # Nearly all that a command creates at its start it keeps: looking through it for cycles again and again, as Python
    # does after every 700 new objects, is a tenth of the start.
    gc.set_threshold(200_000)
    # A closed terminal is like Ctrl-C: what is complete is stored, the rest is said. nohup(1) has it ignored already.
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    code = run(sys.argv[1:])
    # And once more at the end, just before all memory is given back at once: a fifth of a short scan.
    gc.freeze()
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code; every failure is a sentence on stderr."""
    try:
        ended = command.main(arguments, prog_name="secaudit", standalone_mode=False)
    except click.ClickException as error:
        from secaudit.model.safe_text import visible

        told = StringIO()
        error.show(told)
        click.echo(visible(told.getvalue()), err=True, nl=False)
        return Exit.USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return Exit.INCOMPLETE
    except BrokenPipeError:
        # The reader of our output has gone; nothing more can be said to it.
        sys.stderr.close()
        return Exit.FINE
    except Exception as error:  # noqa: BLE001 - the last resort, so that no user ever meets a traceback
        return _explain(error)
    return ended if isinstance(ended, int) else Exit.FINE


def _explain(error: Exception) -> Exit:
    """Print what went wrong and choose the exit code; a defect of ours is shown in full only on request."""
    import os

    from secaudit.model.errors import UserError
    from secaudit.model.safe_text import visible

    if isinstance(error, UserError):
        click.echo(visible(str(error)), err=True)
        return error.exit if isinstance(error, CommandError) else Exit.USAGE
    if os.environ.get("SECAUDIT_TRACEBACK"):
        import traceback

        # Printed here and not raised: Python would end with 1, which says that there are findings.
        click.echo(visible("".join(traceback.format_exception(error))), err=True, nl=False)
        return Exit.INTERNAL
    click.echo(
        visible(f"secaudit failed unexpectedly: {type(error).__name__}: {error}\n")
        + "Nothing that was stored is lost. Set SECAUDIT_TRACEBACK=1 to see where; please report it.",
        err=True,
    )
    return Exit.INTERNAL
