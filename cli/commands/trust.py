"""The command that says what this machine trusts: trust."""

from __future__ import annotations

from pathlib import Path

import click

from cli import render
from cli.opening import once


@click.command("trust")
@click.argument("what", required=False, metavar="[COMMIT|KEY]")
@click.option("--branch", metavar="NAME", help="Pin this branch instead: only it counts here from now on.")
@click.option("--host", metavar="NAME", help="Let this program of the Fleet run outside of the sandbox, as it is now.")
@click.option("--new-key", is_flag=True, help="Make a new key for the controller, and retire the present one.")
@click.pass_obj
def trust_command(folder: Path, what: str | None, branch: str | None, host: str | None, new_key: bool) -> int:
    """Pin what this machine trusts; alone: show what is pinned.

    COMMIT: one that you have looked at. It is accepted as it is, and so is all that it is built on.
    KEY: an SSH public key, or its file. What is signed with it is accepted whatever the commits say.
    """
    from reconciler.controller import pinning

    if sum((what is not None, branch is not None, host is not None, new_key)) > 1:
        raise click.UsageError("one thing at a time: COMMIT, KEY, --branch NAME, --host NAME or --new-key")
    if branch is not None:
        lines = pinning.trust_branch(folder, branch)
    elif host is not None:
        lines = [pinning.trust_host(folder, host, once())]
    elif new_key:
        lines = [pinning.new_key(folder)]
    elif what is None:
        lines = pinning.pinned(folder)
    elif (key := pinning.key_of(what)) is not None:
        lines = pinning.trust_key(folder, key)
    else:
        lines = pinning.trust_commit(folder, what)
    for line in lines:
        click.echo(render.printable(line))
    return 0
