"""Opens the factory for a command: to look at it, or to act on it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from cli.main import printable
from reconciler.controller.factory import Factory


def looking(folder: Path) -> Factory:
    """For a command that only looks: it says which commit it speaks of where that is not plain."""
    return Factory.open(folder, once())


def acting(folder: Path) -> Factory:
    """For a command that changes something. Raises Refused unless the pinned branch is checked out and trusted."""
    from reconciler.controller.pinning import open_to_act

    return open_to_act(folder, once())


def once() -> Callable[[str], None]:
    """Says each line once, on stderr."""
    said: set[str] = set()

    def say(line: str) -> None:
        if line not in said:
            said.add(line)
            print(printable(line), file=sys.stderr)

    return say
