"""What is shown while the reconciler works."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

from cli.main import printable
from cli.render import COLOURS
from cli.streams import speaks
from reconciler.controller.events import Event, Listener, silent


def event_line(event: Event) -> str:
    """One event as one plain line: time, what, stage, task, words."""
    what = event.outcome or event.kind
    who = f" {event.company}" if event.company else ""
    return printable(
        f"{time.strftime('%H:%M:%S')} {what:<11} {event.stage or '-':<9}{who:<12} {event.task}: {event.text}"
    ).replace("\n", " ")


@contextmanager
def screen() -> Generator[Listener]:
    """A line an event above a live table of what runs now."""
    from rich.console import Console
    from rich.live import Live
    from rich.spinner import Spinner
    from rich.table import Table
    from rich.text import Text

    console = Console()
    spinner = "dots" if speaks(sys.stdout, "⠋") else "line"
    running: dict[str, tuple[Event, float]] = {}
    done = 0

    def draw() -> Table:
        table = Table(box=None, pad_edge=False, show_header=False)
        for event, since in running.values():
            table.add_row(
                Spinner(spinner),
                Text(event.stage, style="cyan"),
                Text(event.company),
                Text(event.task, style="bold"),
                Text(f"{time.monotonic() - since:.0f} s", style="dim"),
            )
        table.add_row("", Text(f"{done} recorded", style="green"), "", "", "")
        return table

    with Live(get_renderable=draw, console=console, refresh_per_second=4, transient=True):

        def listen(event: Event) -> None:
            nonlocal done
            if event.kind == "dispatched":
                running[event.task] = (event, time.monotonic())
            elif event.kind == "classified":
                running.pop(event.task, None)
            elif event.kind == "recorded":
                running.pop(event.task, None)
                done += 1
            console.print(Text(event_line(event), style=COLOURS.get(event.outcome, "")), soft_wrap=True)

        yield listen


@contextmanager
def listening(*, quiet: bool = False) -> Generator[Listener]:
    """A live screen on a terminal, a line an event elsewhere; nothing where a script reads the output."""
    if quiet:
        yield silent
    elif sys.stdout.isatty():
        with screen() as listener:
            yield listener
    else:
        yield lambda event: print(event_line(event), flush=True)
