"""The command that says what this machine trusts: trust."""

from __future__ import annotations

from pathlib import Path

import click

from cli import render


@click.command("trust")
@click.argument("what", required=False, metavar="[COMMIT|KEY]")
@click.option("--branch", metavar="NAME", help="Pin this branch instead: only it counts here from now on.")
@click.pass_obj
def trust_command(folder: Path, what: str | None, branch: str | None) -> int:
    """Pin what this machine trusts; alone: show what is pinned.

    COMMIT: one that you have looked at. It is accepted as it is, and so is all that it is built on.
    KEY: an SSH public key, or its file. What is signed with it is accepted whatever the commits say.
    """
    from reconciler.controller import pinning

    if what is not None and branch is not None:
        raise click.UsageError("pin one thing at a time: COMMIT, KEY or --branch NAME")
    if branch is not None:
        lines = [pinning.trust_branch(folder, branch)]
    elif what is None:
        lines = pinning.pinned(folder)
    elif (key := pinning.key_of(what)) is not None:
        lines = [pinning.trust_key(folder, key)]
    else:
        lines = [pinning.trust_commit(folder, what)]
    for line in lines:
        click.echo(render.printable(line))
    return 0
