"""What a running `apply` tells whoever watches: plain values, drawn by the CLI."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """One thing that happened. `kind`: dispatched, classified, merged, recorded, waiting, warning."""

    kind: str
    task: str
    text: str
    stage: str = ""
    company: str = ""
    outcome: str = ""


Listener = Callable[[Event], None]


def silent(event: Event) -> None:
    """For callers that draw nothing."""
    del event
