"""Commands that look ahead: validate, diff, explain, route. None of them runs or asks anything outside."""

from __future__ import annotations

import time
from pathlib import Path

import click

from cli import difference, render
from cli.app import output_option
from cli.opening import looking
from reconciler.controller import preview, saved
from reconciler.model.errors import FactoryError
from reconciler.model.refs import Ref
from reconciler.model.spec import kind_named

ROUTED = (
    *("stage", "domain", "type", "complexity", "company", "blueprint", "tier", "backend", "model", "host"),
    *("needs", "skills", "tools", "agents"),
)
"""what `route` shows, in order"""


@click.command("validate")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--worktree", is_flag=True, help="Check the working tree instead of the last commit.")
@output_option
@click.pass_obj
def validate_command(folder: Path, paths: tuple[Path, ...], worktree: bool, output: str) -> int:
    """Check manifests, offline.

    Without PATH: all manifests of the last commit. Each fault is one line: file:line:col: kind/name: message.
    Warnings begin with `warning:` and change nothing.
    """
    found = preview.validate(folder, paths, worktree=worktree)
    for item in found.warnings:
        click.echo(f"warning: {render.printable(item)}", err=True)
    if output != "text":
        rows = [(str(item.position), item.object, item.message) for item in found.problems]
        render.data([dict(zip(("position", "object", "message"), row, strict=True)) for row in rows], output)
    else:
        for problem in found.problems:
            click.echo(render.printable(str(problem)), err=True)
        if not found.problems:
            at = f" at commit {found.commit[:12]}" if found.commit else ""
            click.echo(f"{found.objects} objects are valid{at}.")
    return 1 if found.problems else 0


@click.command("diff")
@click.option("--worktree", is_flag=True, help="Compare with the working tree instead of the last commit.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Save the plan, for `apply FILE`.")
@output_option
@click.pass_obj
def diff_command(folder: Path, worktree: bool, out: Path | None, output: str) -> int:
    """Show what would happen, and why.

    Exits 0 where nothing differs and 2 where something does. Never calls a model and never runs anything.
    """
    shown = preview.diff(looking(folder), worktree=worktree)
    if out is not None:
        if worktree:
            raise FactoryError("--out saves a plan of committed manifests; commit them first, or leave out --worktree")
        out.write_text(saved.text(shown.json))
    if output == "text":
        difference.tell(shown)
    else:
        render.data(shown.json, output)
    return difference.exit_code(shown)


@click.command("explain")
@click.argument("object")
@output_option
@click.pass_obj
def explain_command(folder: Path, object: str, output: str) -> int:
    """Why an object is, or is not, moving; from the planner's own code."""
    lines = preview.explain_object(looking(folder), ref(object), time.time())
    if output == "text":
        for number, line in enumerate(lines, 1):
            click.echo(f"{number}. {render.printable(line)}")
    else:
        render.data(lines, output)
    return 0


@click.command("route")
@click.argument("title")
@click.option("--description", default="", help="More of the task's text.")
@click.option("--stage", default=None, help="Default: the pipeline's first stage.")
@output_option
@click.pass_obj
def route_command(folder: Path, title: str, description: str, stage: str | None, output: str) -> int:
    """Which domain, company, tier, model and host a task would get, and by which rule."""
    row = preview.route_title(looking(folder), title, description, stage)
    if output != "text":
        render.data(row, output)
        return 0
    rules = row["rules"]
    for key in ROUTED:
        by = f"   (by {rules[key]})" if key in rules else ""
        if row.get(key) not in (None, "", []):
            click.echo(f"{render.heading(key).capitalize():<12} {render.cell(row[key])}{by}")
    if row.get("classifier"):
        click.echo(f"First {row['classifier']} is asked what the manifest leaves open. Words decide, as above,")
        click.echo("where it is not sure or does not answer.")
    if row.get("unroutable"):
        what = "It waits" if row.get("waits") else "A person gets it"
        click.echo(f"{what}: {row['unroutable']}: {render.printable(row['message'])}")
    return 0


def ref(text: str) -> Ref:
    """`KIND/NAME`; the kind in any case, and `NAME` alone for a task."""
    kind, slash, name = text.partition("/")
    if not slash:
        return Ref("Task", text)
    return Ref(kind_named(kind) or kind.capitalize(), name)
