"""Commands that check what is claimed: rebuild, verify."""

from __future__ import annotations

from pathlib import Path

import click

from cli import render
from cli.opening import acting, looking
from reconciler.controller import rebuild as rebuilding
from reconciler.controller.audit import verify


@click.command("rebuild")
@click.option("--check", is_flag=True, help="Only compare; exits 2 where the database differs from git.")
@click.pass_obj
def rebuild_command(folder: Path, check: bool) -> int:
    """Make the database from git alone."""
    factory = looking(folder) if check else acting(folder)
    if not check:
        click.echo(f"{rebuilding.rebuild(factory)} objects and outcomes rebuilt from git.")
        return 0
    differences = rebuilding.check(factory)
    for line in differences:
        click.echo(render.printable(line), err=True)
    click.echo("The database differs from git." if differences else "The database is what git says.")
    return 2 if differences else 0


@click.command("verify")
@click.argument("revision", required=False)
@click.pass_obj
def verify_command(folder: Path, revision: str | None) -> int:
    """Re-hash evidence, check signatures and invariants. Exits 1 where anything is not as recorded."""
    faults = verify(looking(folder), revision)
    for line in faults:
        click.echo(render.printable(line), err=True)
    count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}."
    click.echo(count if faults else "Every outcome has its evidence, unaltered.")
    return 1 if faults else 0
