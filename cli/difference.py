"""`diff` in words. Apart from its command, because the plain `diff` is asked all the time and can do without click."""

from __future__ import annotations

from pathlib import Path

from cli import render
from cli.opening import looking
from reconciler.controller import preview
from reconciler.plan.summary import is_empty


def show(folder: str) -> int:
    """Print the plan of the factory at `folder`. The exit code: 2 where something differs, else 0."""
    shown = preview.diff(looking(Path(folder)))
    tell(shown)
    return exit_code(shown)


def tell(shown: preview.Shown) -> None:
    print("\n".join(render.coloured(render.printable(line.replace("\n", " ")), word) for line, word in shown.lines()))


def exit_code(shown: preview.Shown) -> int:
    """1 where faults of a newer commit kept this from being the truth, else as `show` says."""
    if shown.behind:
        return 1
    return 0 if is_empty(shown.plan) else 2
