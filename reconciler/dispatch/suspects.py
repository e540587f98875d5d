"""Jobs that were running when a worker died suddenly: any of them may be what killed it.

Each start of a job is noted in a file of its own before the body runs, and the note goes when the body ends or the
worker ends in order. So what is noted at the next start is the number of sudden deaths that the job was there for. A
job that was there too often runs alone, so that it takes nobody else down with it; in the end it is given up. Both
numbers are generous, because a job that is innocent of the deaths must get through.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from reconciler.dispatch import wire

SUSPICIOUS = 3
"""sudden deaths after which a job runs alone"""
HOPELESS = 20
"""sudden deaths after which a job does not run again; 17 of them while it was the only one running"""


class GivenUp(Exception):
    """The worker died too often while this job ran."""

    def __init__(self, deaths: int) -> None:
        super().__init__(f"the worker died {deaths} times while this ran, and the last times nothing else ran")


class Suspects:
    """The notes of one worker, and who may run beside whom. For one event loop; `absolve` may come from outside."""

    def __init__(self, state: Path) -> None:
        self._folder = state / wire.STARTS
        self._folder.mkdir(exist_ok=True)
        self._running: dict[str, int] = {}
        self._waiting = 0
        self._alone = False
        self._changed = asyncio.Event()

    async def enter(self, job: str) -> None:
        """Before a body: wait for its turn and note the start. Raises GivenUp where there is no hope."""
        deaths = self._deaths(job)
        if deaths >= HOPELESS:
            raise GivenUp(deaths)
        alone = deaths >= SUSPICIOUS
        self._waiting += alone
        try:
            while not self._free(alone):
                await self._changed.wait()
        finally:
            self._waiting -= alone
            self._change()
        self._running[job] = deaths
        self._alone = alone
        self._note(job, deaths + 1)

    def ended(self, job: str) -> None:
        """The body is over, however it ended."""
        self._note(job, 0)

    def leave(self, job: str) -> None:
        """The engine has stored the job's end: only now the death of the worker cannot make it run again."""
        if self._running.pop(job, None) is not None:
            self._alone = False
            self._change()

    def absolve(self) -> None:
        """The worker ends in order: what runs now has nothing to do with it."""
        for job, deaths in list(self._running.items()):
            self._note(job, deaths)

    def _free(self, alone: bool) -> bool:
        """Suspects go first: while they wait nobody else starts, so that their end comes soon."""
        return not self._running if alone else not (self._waiting or self._alone)

    def _change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _deaths(self, job: str) -> int:
        try:
            return int((self._folder / job).read_text() or 0)
        except FileNotFoundError:
            return 0
        except ValueError:
            return 1  # the worker died while it wrote the note

    def _note(self, job: str, deaths: int) -> None:
        if deaths:
            (self._folder / job).write_text(str(deaths))
        else:
            (self._folder / job).unlink(missing_ok=True)
