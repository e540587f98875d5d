"""Commands about the quality gate: gate check."""

from __future__ import annotations

from pathlib import Path

import click

from cli import render
from cli.app import output_option
from cli.commands.plan import ref

COLUMNS = ("point", "gate", "result", "severity", "seconds", "message")


@click.group("gate")
def gate_command() -> None:
    """The quality gate."""


@gate_command.command("check")
@click.argument("task")
@output_option
@click.pass_obj
def gate_check(folder: Path, task: str, output: str) -> int:
    """Run the quality gate by hand on a task's latest work.

    Every gate runs on a clean checkout of the task's latest product commit. Nothing is recorded. Exits 0 where the
    work passes, 4 where it does not, 3 where there is no work to look at.
    """
    from cli.opening import acting
    from reconciler.controller.gate import check

    checked = check(acting(folder), ref(task).name)
    rows: list[render.Row] = [
        {
            "point": gate.point,
            "gate": gate.id,
            "result": str(gate.result),
            "severity": gate.severity,
            "seconds": gate.seconds,
            "message": gate.message,
        }
        for gate in checked.gates
    ]
    if output == "text":
        render.rows(rows, COLUMNS, output)
        needed = f", {checked.quality.threshold} are needed" if checked.quality else ""
        verdict = "passed" if checked.passed else "failed"
        told = f"Commit {checked.commit[:12]}: {checked.score.told()}{needed}: {verdict}"
        click.echo(render.coloured(render.printable(told), verdict))
    else:
        summary = {
            "task": checked.task,
            "commit": checked.commit,
            "base": checked.base,
            "held": checked.score.held,
            "of": checked.score.of,
            "threshold": checked.quality.threshold if checked.quality else None,
            "missing": list(checked.score.missing),
            "passed": checked.passed,
            "gates": rows,
        }
        render.data(summary, output)
    return 0 if checked.passed else 4
