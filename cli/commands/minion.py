"""`minion`: run, enqueue, status, list."""

from __future__ import annotations

from pathlib import Path

import click

from cli import render
from cli.app import output_option
from cli.opening import once
from cli.progress import listening
from reconciler.controller import minion as minions

COLUMNS = ("name", "phase", "project", "branch", "model", "cost_usd", "updated_at", "title")
DETAIL = (
    "name",
    "phase",
    "message",
    "project",
    "branch",
    "commit",
    "company",
    "model",
    "attempts",
    "cost_usd",
    "artifacts",
)

project_option = click.option(
    "--project",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=".",
    help="A folder of the git repository to work on. Default: this one.",
)
task_option = click.option(
    "--task", help="Tie it to this task of the factory: its criteria and paths hold, and what it says of its company."
)


@click.group("minion")
def minion_command() -> None:
    """One-shot agents: one task, one worktree, one result. Works on any git repository, with or without a factory."""


@minion_command.command("run")
@click.argument("text", required=False)
@project_option
@task_option
@output_option
@click.pass_obj
def minion_run(folder: Path, text: str | None, project: Path, task: str | None, output: str) -> int:
    """Do TEXT in a worktree of the project and leave the result on the branch minion/NAME.

    Without TEXT, what was enqueued is done. Exits 0 when all passed their gates, 4 where a person is needed.
    """
    with listening(quiet=output != "text") as heard:
        if text is None:
            ended = minions.run_queue(folder, listener=heard, say=once())
        else:
            ended = minions.run(folder, text, project, task=task, listener=heard, say=once())
    if output != "text":
        render.data(ended.rows, output)
    elif not ended.rows:
        click.echo("Nothing was enqueued.")
    for row in ended.rows if output == "text" else ():
        render.pairs(row, DETAIL)
        if row["branch"]:
            click.echo(f"Look at it: git -C {row['project']} diff {row['branch']}~..{row['branch']}")
    return ended.exit_code


@minion_command.command("enqueue")
@click.argument("text")
@project_option
@task_option
@click.pass_obj
def minion_enqueue(folder: Path, text: str, project: Path, task: str | None) -> int:
    """Write TEXT down for the next `minion run` without a text."""
    row = minions.enqueue(folder, text, project, task=task, say=once())
    click.echo(f"{row['name']} enqueued for {row['project']}; do what is enqueued with: alai-reconcile minion run")
    return 0


@minion_command.command("status")
@output_option
@click.pass_obj
def minion_status(folder: Path, output: str) -> int:
    """Minions that run, wait or are enqueued."""
    render.rows(minions.minions(folder, ended=False), COLUMNS, output, empty="No minion is on its way.")
    return 0


@minion_command.command("list")
@output_option
@click.pass_obj
def minion_list(folder: Path, output: str) -> int:
    """Minions that have ended, the latest first."""
    render.rows(minions.minions(folder, ended=True), COLUMNS, output, empty="No minion has ended yet.")
    return 0
