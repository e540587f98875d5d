"""Commands for people in the loop: queue, answer, done, wait."""

from __future__ import annotations

from pathlib import Path

import click

from cli import render
from cli.app import output_option
from cli.commands.apply import Duration
from cli.commands.plan import ref
from cli.opening import acting, looking
from reconciler.controller import people
from reconciler.controller.waiting import wait

QUEUE_COLUMNS = ("name", "stage", "phase", "reason", "message", "title")


@click.command("queue")
@output_option
@click.pass_obj
def queue_command(folder: Path, output: str) -> int:
    """What waits for a person, most urgent first."""
    render.rows(people.queue(looking(folder)), QUEUE_COLUMNS, output, empty="Nobody is waited for.")
    return 0


@click.command("answer")
@click.argument("task")
@click.option("--pass", "verdict", flag_value="pass", help="The work is good, or was done elsewhere.")
@click.option("--reject", "verdict", flag_value="reject", help="The work goes back, with the reason as finding.")
@click.option("--reason", required=True, help="Kept in the evidence and the audit trail.")
@click.pass_obj
def answer_command(folder: Path, task: str, verdict: str | None, reason: str) -> int:
    """Answer a task in the human queue. The answer is a commit that carries what follows from it."""
    if verdict is None:
        raise click.UsageError("say --pass or --reject")
    commit = people.answer(acting(folder), ref(task).name, passed=verdict == "pass", reason=reason)
    click.echo(f"{ref(task)} answered in {commit[:12]}")
    return 0


@click.command("done")
@click.argument("task")
@click.option("--reason", required=True, help="What was done; kept in the evidence.")
@click.option("--commit", metavar="REV", help="The product's commit that did it. Default: what came since the task.")
@click.pass_obj
def done_command(folder: Path, task: str, reason: str, commit: str | None) -> int:
    """Complete a task that a person did in the product itself.

    Its acceptance checks and the product's tests run on the product's branch; exits 3 where they do not pass, where
    there are none, or where neither a commit nor a criterion shows that anything was done.
    """
    made = people.done(acting(folder), ref(task).name, reason=reason, commit=commit)
    click.echo(f"{ref(task)} done in {made[:12]}")
    return 0


@click.command("wait")
@click.argument("object")
@click.option(
    "--for", "condition", default="settled", show_default=True, help="A phase (done, human, ...), or settled."
)
@click.option("--timeout", type=Duration(), default="10m", show_default=True, help="How long to wait.")
@click.pass_obj
def wait_command(folder: Path, object: str, condition: str, timeout: float) -> int:
    """Wait until a goal or task is as wanted; exits 2 where the time is over first."""
    waited = wait(looking(folder), ref(object), condition.removeprefix("phase="), timeout)
    click.echo(f"{ref(object)} is {waited.phase}")
    return 0 if waited.met else 2
