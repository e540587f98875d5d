"""The table of commands. Each command's module is imported only when that command runs."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import click

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("setup", "Make a folder a factory."),
    "model": ("setup", "The embedded model."),
    "validate": ("plan", "Check manifests, offline."),
    "diff": ("plan", "Show what would happen, and why."),
    "apply": ("apply", "Reconcile until nothing differs."),
    "explain": ("plan", "Why an object is, or is not, moving."),
    "route": ("plan", "Which company, tier, model and host a task would get."),
    "status": ("look", "The factory on one screen."),
    "list": ("look", "Goals, tasks, executions, companies and more, as rows."),
    "show": ("look", "One object with everything known about it."),
    "next": ("look", "The next task that can run."),
    "log": ("look", "The audit trail, from git alone."),
    "company": ("look", "The virtual companies."),
    "schema": ("look", "The JSON Schema of a kind."),
    "add": ("work", "Write and commit a task."),
    "suspend": ("work", "Hold a goal or task."),
    "resume": ("work", "Let a suspended or cancelled goal or task go on."),
    "retry": ("work", "Let a task be attempted again."),
    "cancel": ("work", "Give a goal or task up."),
    "pipeline": ("work", "Where a task stands in its pipeline."),
    "queue": ("people", "What waits for a person."),
    "answer": ("people", "Answer a task in the human queue."),
    "done": ("people", "Complete a task that a person did."),
    "wait": ("people", "Wait until an object is as wanted."),
    "rebuild": ("audit", "Make the database from git alone."),
    "verify": ("audit", "Re-hash evidence, check signatures and invariants."),
    "completion": ("setup", "Print the shell completion script."),
}


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


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("-C", "folder", type=click.Path(path_type=Path), default=Path(), help="The factory repository.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(None, "--version", package_name="alai-reconcile", prog_name="alai-reconcile")
@click.pass_context
def app(ctx: click.Context, folder: Path, debug: bool) -> None:
    """Run a software factory through git: what should happen is YAML, what did happen is commits."""
    del debug
    ctx.obj = folder


def output_option(function: Any) -> Any:
    """`-o text|json|yaml`."""
    return click.option(
        "-o", "--output", type=click.Choice(["text", "json", "yaml"]), default="text", help="Output format."
    )(function)
