"""Commands that change what is asked for: add, suspend, resume, retry, cancel, pipeline. Each is one commit."""

from __future__ import annotations

from pathlib import Path

import click

from cli import render
from cli.app import output_option
from cli.commands.plan import ref
from cli.opening import acting, looking
from reconciler.controller import manage, pipeline

PIPELINE_COLUMNS = ("name", "stage", "phase", "company", "reason", "message")


def labels_of(pairs: tuple[str, ...]) -> dict[str, str]:
    """`k=v` pairs. Raises click.BadParameter where there is no `=`."""
    found: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"{pair!r} is not k=v", param_hint="-l")
        found[key] = value
    return found


@click.command("add")
@click.argument("title")
@click.option("-p", "--priority", type=click.Choice(["H", "M", "L"]), help="Default: the goal's, else M.")
@click.option("--goal", help="The goal that the task belongs to.")
@click.option("-l", "--label", "labels", multiple=True, metavar="K=V", help="May be repeated.")
@click.pass_obj
def add_command(folder: Path, title: str, priority: str | None, goal: str | None, labels: tuple[str, ...]) -> int:
    """Write and commit a task."""
    item = manage.add(acting(folder), title, priority=priority, goal=goal, labels=labels_of(labels))
    click.echo(f"{item.ref} added in {item.position.path}")
    return 0


@click.command("suspend")
@click.argument("object")
@click.pass_obj
def suspend_command(folder: Path, object: str) -> int:
    """Hold a goal or task: nothing new of it starts."""
    manage.suspend(acting(folder), ref(object))
    click.echo(f"{ref(object)} suspended")
    return 0


@click.command("resume")
@click.argument("object")
@click.pass_obj
def resume_command(folder: Path, object: str) -> int:
    """Let a suspended or cancelled goal or task go on; sends a verifier, and allows it to cost what it may cost."""
    manage.resume(acting(folder), ref(object))
    click.echo(f"{ref(object)} resumed")
    return 0


@click.command("retry")
@click.argument("object")
@click.pass_obj
def retry_command(folder: Path, object: str) -> int:
    """Let a task be attempted again, whatever came of its attempts so far."""
    manage.retry(acting(folder), ref(object))
    click.echo(f"{ref(object)} will be attempted again")
    return 0


@click.command("cancel")
@click.argument("object")
@click.option("--reason", default="cancelled by a person", help="Kept in the manifest and the audit trail.")
@click.pass_obj
def cancel_command(folder: Path, object: str, reason: str) -> int:
    """Give a goal or task up. An execution in flight is ended by the controller."""
    manage.cancel(acting(folder), ref(object), reason)
    click.echo(f"{ref(object)} cancelled")
    return 0


@click.group("pipeline")
def pipeline_command() -> None:
    """Where a task stands in its pipeline; put a task into one."""


@pipeline_command.command("status")
@click.argument("task")
@output_option
@click.pass_obj
def pipeline_status(folder: Path, task: str, output: str) -> int:
    """The task, what it came from and what followed from it, in order."""
    render.rows(pipeline.trail(looking(folder), ref(task).name), PIPELINE_COLUMNS, output)
    return 0


@pipeline_command.command("create")
@click.argument("task")
@click.option("--pipeline", "name", default="standard", show_default=True)
@click.pass_obj
def pipeline_create(folder: Path, task: str, name: str) -> int:
    """Put a task into a pipeline."""
    pipeline.create(acting(folder), ref(task), name)
    click.echo(f"{ref(task)} is in Pipeline/{name}")
    return 0
