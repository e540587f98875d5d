"""The commands' names and one-liners, and the help made of them without importing anything: most who ask, ask this."""

from __future__ import annotations

import os
import sys

ABOUT = "A software factory run by git: YAML says what should be, commits what was."

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
    "metrics": ("metrics", "What verifiers of risky work were good for."),
    "fleet": ("fleet", "The hosts, what they do, and what their models can do."),
    "schema": ("look", "The JSON Schema of a kind."),
    "add": ("work", "Write and commit a task."),
    "suspend": ("work", "Hold a goal or task."),
    "resume": ("work", "Let a suspended or cancelled goal or task go on."),
    "retry": ("work", "Let a task be attempted again."),
    "cancel": ("work", "Give a goal or task up."),
    "pipeline": ("work", "Where a task stands in its pipeline."),
    "minion": ("minion", "One task, one worktree, one result, on any repository."),
    "queue": ("people", "What waits for a person."),
    "answer": ("people", "Answer a task in the human queue."),
    "done": ("people", "Complete a task that a person did."),
    "gate": ("gate", "The quality gate, run by hand."),
    "wait": ("people", "Wait until an object is as wanted."),
    "rebuild": ("audit", "Make the database from git alone."),
    "verify": ("audit", "Re-hash evidence, check signatures and invariants."),
    "trust": ("trust", "Pin the branch, commits and keys that count on this machine."),
    "completion": ("setup", "Print the shell completion script."),
}

OPTIONS = {
    "-C PATH": "The factory repository.",
    "--debug": "Show the traceback of an error.",
    "--version": "Show the version and exit.",
    "-h, --help": "Show this message and exit.",
}


def overview() -> str | None:
    """What click would print for `--help`; None on a terminal so narrow that it would have to break lines."""
    names = ("Options", OPTIONS), ("Commands", {name: text for name, (_, text) in COMMANDS.items()})
    lines = ["Usage: alai-reconcile [OPTIONS] COMMAND [ARGS]...", "", f"  {ABOUT}"]
    for title, rows in names:
        width = max(len(name) for name in rows)
        lines += ["", f"{title}:", *(f"  {name.ljust(width)}  {text}" for name, text in rows.items())]
    return "\n".join(lines) if max(map(len, lines)) <= _columns() - 2 else None


def _columns() -> int:
    try:
        return int(os.environ.get("COLUMNS") or os.get_terminal_size(sys.__stdout__.fileno()).columns)  # type: ignore[union-attr]
    except (OSError, ValueError, AttributeError):
        return 80
