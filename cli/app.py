"""The table of commands. Each command's module is imported only when that command runs."""

from __future__ import annotations

import importlib
from typing import Any

import click

from cli.table import ABOUT, COMMANDS


class LazyGroup(click.Group):
    """A group that knows its commands' names and one-liners without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"cli.commands.{COMMANDS[cmd_name][0]}")
        return getattr(module, cmd_name.replace("-", "_") + "_command")

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            if near:
                raise click.UsageError(f"{error.message} Did you mean {near[0]!r}?", ctx) from None
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(
    cls=LazyGroup, help=ABOUT, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.option("-C", "folder", type=click.Path(), default=".", help="The factory repository.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(None, "--version", package_name="alai-reconcile", prog_name="alai-reconcile")
@click.pass_context
def app(ctx: click.Context, folder: str, debug: bool) -> None:
    from pathlib import Path

    del debug
    ctx.obj = Path(folder)


def output_option(function: Any) -> Any:
    """`-o text|json|yaml`."""
    return click.option(
        "-o", "--output", type=click.Choice(["text", "json", "yaml"]), default="text", help="Output format."
    )(function)
