"""`apply`: reconcile, and tell what happens: a live screen on a terminal, one line an event elsewhere."""

from __future__ import annotations

import re
import time
from pathlib import Path

import click

from cli import render
from cli.commands.plan import diff_command
from cli.opening import acting
from cli.progress import listening
from reconciler.controller import saved
from reconciler.controller.apply import apply
from reconciler.controller.summary import table

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}


class Duration(click.ParamType[float]):
    """Seconds, or a number with s, m or h."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", str(value))
        if match is None:
            self.fail(f"{value!r} is not a duration; write 90s, 10m or 2h", param, ctx)
        return float(match[1]) * UNITS[match[2]]


@click.command("apply")
@click.argument("planfile", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--once", is_flag=True, help="Carry what can run now to its outcome, then stop.")
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@click.option("--timeout", type=Duration(), help="Stop after this long; what runs is resumed by the next apply.")
@click.option("--prune", is_flag=True, help="End executions whose manifest is gone.")
@click.pass_obj
def apply_command(
    folder: Path, planfile: Path | None, once: bool, dry_run: bool, timeout: float | None, prune: bool
) -> int:
    """Reconcile until nothing differs.

    Exits 0 when settled, 2 where work remains, 4 where something needs a person. PLANFILE (from `diff --out`) is
    refused where it is not, line by line, what would be done now.
    """
    if dry_run:
        return click.get_current_context().invoke(diff_command, worktree=False, out=None, output="text")
    factory = acting(folder)
    said = saved.read(planfile) if planfile else None
    started = time.time()
    with listening() as listener:
        applied = apply(factory, once=once, timeout=timeout, prune=prune, saved=said, listener=listener)
    for line in table(factory, started):
        click.echo(line)
    blocked = applied.plan.changes if applied.exit_code == 4 else ()
    for change in (*blocked, *applied.plan.held, *applied.plan.drift):
        click.echo(render.coloured(render.printable(f"{change.address}: {change.reason}: {change.message}"), "human"))
    click.echo(_ending(applied.exit_code, applied.stopped))
    return applied.exit_code


def _ending(code: int, stopped: bool) -> str:
    if stopped:
        return "Stopped. Nothing is lost: run apply again to go on."
    return {0: "Settled: nothing differs.", 2: "Work remains: run apply again to go on."}.get(
        code, "Settled, but a person is needed, as said above; `alai-reconcile queue` lists what can be answered."
    )
