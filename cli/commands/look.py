"""Commands that show what is: status, list, show, next, log, company, schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cli import render
from cli.app import output_option
from cli.commands.plan import ref
from cli.commands.work import labels_of
from cli.opening import looking
from reconciler.controller import looking as look

COLUMNS = {
    "goals": ("name", "phase", "done", "tasks", "cost_usd", "title"),
    "tasks": ("name", "priority", "stage", "phase", "company", "model", "title"),
    "executions": ("id", "stage", "state", "company", "model", "host", "created_at"),
    "companies": ("name", "title", "type", "stages", "merged_into"),
}
OTHER = ("name", "declared_in")
TASK_KEYS = [
    "title",
    "goal",
    "labels",
    "priority",
    "stage",
    "phase",
    "reason",
    "message",
    "company",
    "agent",
    "tier",
    "model",
    "host",
    "parent",
    "attempts",
    "cost_usd",
    "tokens",
    "evidence",
    "product_commit",
    "created_at",
    "updated_at",
    "follow_ups",
    "declared_in",
]


@click.command("status")
@output_option
@click.pass_obj
def status_command(folder: Path, output: str) -> int:
    """The factory on one screen: revision, goals, what runs, what is blocked and why, cost."""
    factory = looking(folder)
    row = look.overview(factory)
    if output != "text":
        render.data(row, output)
        return 0
    click.echo(f"Revision {row['revision'][:12]} on {row['branch']}: {render.cell(row['subject'])}")
    unknown = f" ({row['cost_today_unknown']} unknown)" if row["cost_today_unknown"] else ""
    spent = f"cost {render.cell(row['cost_usd'])} USD, today {row['cost_today_usd']:.2f} USD{unknown}, "
    spent += f"tokens {render.cell(row['tokens'])}"
    click.echo(f"Tasks    {render.cell(row['phases'])}; {spent}")
    for heading, key, columns in (
        ("Goals", "goals", COLUMNS["goals"]),
        ("Running", "running", ("name", "stage", "company", "model", "host", "title")),
        ("Waiting for something or someone", "blocked", ("name", "phase", "reason", "message")),
    ):
        if row[key]:
            click.echo(f"\n{heading}")
            render.rows(row[key], columns, "text")
    return 0


@click.command("list")
@click.argument("what", default="tasks")
@click.option("--goal", help="Only tasks of this goal.")
@click.option("-l", "--label", "labels", multiple=True, metavar="K=V", help="May be repeated.")
@click.option("--phase", help="Only tasks in this phase.")
@output_option
@click.pass_obj
def list_command(
    folder: Path, what: str, goal: str | None, labels: tuple[str, ...], phase: str | None, output: str
) -> int:
    """Rows of goals, tasks, executions, companies, or any other kind of manifest."""
    found = look.rows(looking(folder), what, goal=goal, labels=labels_of(labels), phase=phase)
    render.rows(found, COLUMNS.get(what, OTHER), output)
    return 0


@click.command("show")
@click.argument("object")
@output_option
@click.pass_obj
def show_command(folder: Path, object: str, output: str) -> int:
    """One object: spec, status, attempts, gates, evidence, cost, follow-ups."""
    row = look.show(looking(folder), ref(object))
    if output != "text":
        render.data(row, output)
    elif ref(object).kind == "Task":
        click.echo(str(ref(object)))
        render.pairs(row, TASK_KEYS)
        _show_classification(row["classification"])
        for attempt in row["history"]:
            _show_attempt(attempt)
    else:
        render.data(row, "yaml")
    return 0


def _show_classification(found: dict[str, Any] | None) -> None:
    if found is not None:
        what = f"{found['domain']}, {found['type']}, {found['complexity']} of 5" if found["sure"] else "not sure"
        click.echo(f"\nClassified by {found['model']}@{found['host']}: {what}: {render.printable(found['why'])}")


def _show_attempt(attempt: dict[str, Any]) -> None:
    outcome = render.coloured(attempt["outcome"], attempt["outcome"])
    click.echo(f"\nAttempt {attempt['attempt']}  {outcome}  {attempt['seconds']} s  {render.cell(attempt['message'])}")
    if attempt["escalation"]:
        click.echo(f"  rung     tier {attempt['tier']}: {render.printable(attempt['escalation'])}")
    for phase in attempt["phases"]:
        click.echo(f"  phase    {phase['name']:<16} by {phase['by']:<9} {render.cell(phase.get('files'))}")
    for refused in attempt["refusals"]:
        what = f"{refused['role']}: {refused['tool']} {refused['what']}: {refused['why']}"
        click.echo(f"  refused  {refused['phase']:<16} {render.printable(what)}")
    for gate in attempt["gates"]:
        click.echo(f"  gate     {gate['id']:<24} {gate['result']:<8} {render.printable(gate['message'])}")
    for finding in attempt["findings"]:
        click.echo(
            f"  finding  {finding['id']:<24} {finding.get('severity', 'minor'):<8} {render.printable(finding['title'])}"
        )


@click.command("next")
@output_option
@click.pass_obj
def next_command(folder: Path, output: str) -> int:
    """The next task that can run. Exits 0 with nothing printed where there is none."""
    render.rows(look.eligible(looking(folder))[:1], COLUMNS["tasks"], output, empty="No task can run now.")
    return 0


@click.command("log")
@click.argument("object", required=False)
@output_option
@click.pass_obj
def log_command(folder: Path, object: str | None, output: str) -> int:
    """The audit trail, oldest first: from `git log` and its trailers alone."""
    found = look.trail(looking(folder), ref(object) if object else None)
    if output != "text":
        render.data(found, output)
        return 0
    for row in found:
        what = render.coloured(f"{row['outcome'] or row['event']:<11}", row["outcome"] or "")
        forged = "" if row["counts"] else " (not signed by a controller: counts for nothing)"
        click.echo(f"{row['commit'][:10]} {row['time']} {what} {render.cell(row['subject'])} [{row['object']}]{forged}")
    return 0


@click.group("company", invoke_without_command=True)
@click.pass_context
def company_command(ctx: click.Context) -> None:
    """The virtual companies."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(company_list)


@company_command.command("list")
@output_option
@click.pass_obj
def company_list(folder: Path, output: str = "text") -> int:
    """All companies; an archived one names where its work goes."""
    render.rows(look.rows(looking(folder), "companies"), COLUMNS["companies"], output)
    return 0


@company_command.command("show")
@click.argument("name")
@output_option
@click.pass_obj
def company_show(folder: Path, name: str, output: str) -> int:
    """One company with its agents, skills, tier overrides and soul."""
    row = look.company(looking(folder), name)
    if output != "text":
        render.data(row, output)
        return 0
    soul = row.pop("soul_text")
    render.pairs(row, list(row))
    click.echo(f"\n{render.printable(soul.expandtabs())}")
    return 0


@click.command("schema")
@click.argument("kind", required=False)
def schema_command(kind: str | None) -> int:
    """Print the JSON Schema of a kind, or the names of all kinds."""
    text = look.schema(kind)
    click.echo(text)
    return 0
