"""How long to wait for somebody who speaks now and then: for the first word, between two, and in all. No I/O."""

from __future__ import annotations

import time

from reconciler.model.duration import seconds
from reconciler.model.spec import CallLimits
from reconciler.model.vocabulary import Reason


class Patience:
    """Begins when it is made. Times are monotonic seconds."""

    def __init__(self, limits: CallLimits) -> None:
        self._first = seconds(limits.first)
        self._silence = seconds(limits.silence)
        self._wall = seconds(limits.wall)
        self._began = self._latest = time.monotonic()
        self._spoken = False

    def heard(self, *, speaks: bool = True) -> None:
        """There was a sign of life; `speaks`: it was a word of the one who is waited for."""
        self._latest = time.monotonic()
        self._spoken = self._spoken or speaks

    def left(self, pulse: float = 0.0) -> float:
        """Seconds until it is over, at the earliest. `pulse`: when there was another sign of life."""
        return max(0.0, min(self._due(pulse), self._began + self._wall) - time.monotonic())

    def over(self, pulse: float = 0.0) -> tuple[Reason, str] | None:
        """Why it is over now, if it is: a limit's reason, and the rest of a sentence about who was waited for."""
        now = time.monotonic()
        if now >= self._began + self._wall:
            return Reason.TIMEOUT, f"did not end within {self._wall:g} s"
        if now < self._due(pulse):
            return None
        if self._spoken:
            return Reason.STALLED, f"fell silent for {self._silence:g} s"
        return Reason.STALLED, f"said nothing for {self._first:g} s"

    def _due(self, pulse: float) -> float:
        return max(self._latest, pulse) + (self._silence if self._spoken else self._first)
