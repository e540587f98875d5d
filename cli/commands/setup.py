"""Commands that set up: init, model, completion."""

from __future__ import annotations

from pathlib import Path

import click

SHELLS = ("bash", "zsh", "fish")


@click.command("init")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--product", type=click.Path(path_type=Path, exists=True, file_okay=False), help="The repository to work on."
)
@click.option("--example", help="Set up an example instead, with its products.")
def init_command(directory: Path, product: Path | None, example: str | None) -> int:
    """Make a folder a factory: manifests, companies, schemas, a Fleet of what this machine has, the first commit."""
    from reconciler.controller.init import init, init_example

    if example is not None and product is not None:
        raise click.UsageError("--example brings its own products; leave out --product")
    for line in init_example(example, directory) if example is not None else init(directory, product=product):
        click.echo(line)
    return 0


@click.group("model")
def model_command() -> None:
    """The embedded model: real inference on any machine, without a server."""


@model_command.command("fetch")
@click.argument("name", required=False)
def model_fetch(name: str | None) -> int:
    """Fetch the model's weights: pinned, checked against their checksum, into a folder of yours."""
    from reconciler.execute.backends import weights

    chosen = name or weights.names()[0]
    path = weights.fetch(chosen, lambda line: click.echo(line))
    click.echo(f"{chosen} is at {path}")
    return 0


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
def completion_command(shell: str) -> int:
    """Print the completion script; for bash: eval "$(alai-reconcile completion bash)"."""
    from click.shell_completion import get_completion_class

    from cli.app import app

    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"{shell}: no completion for this shell")
    click.echo(completion(app, {}, "alai-reconcile", "_ALAI_RECONCILE_COMPLETE").source())
    return 0
