"""One run of the `claude` program, listened to from its first line to its end, or to the end of our patience."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

import msgspec

from reconciler.execute import child
from reconciler.execute.backends import claude_stream
from reconciler.execute.backends.claude_stream import Outcome
from reconciler.execute.mcp.wire import SERVER
from reconciler.execute.patience import Patience
from reconciler.model.spec import CallLimits
from reconciler.model.vocabulary import Reason

Hear = Callable[[dict[str, Any]], None]
UNREADABLE = "unreadable line"

_BEAT = 1.0
"""seconds between two signs of life that are passed on while a message is being written"""
_GOODBYE = 5.0
"""seconds to say what it cost, once the work is finished"""


class Run(msgspec.Struct, kw_only=True):
    """What was heard. `late`: why it was ended by us; `steps`: answers of the model."""

    outcome: Outcome | None = None
    status: int = 0
    complaints: str = ""
    late: tuple[Reason, str] | None = None
    ready: bool = False
    """whether it had the tools that it needs when it began"""
    beat: float = 0.0
    answers: set[str] = msgspec.field(default_factory=set[str])

    @property
    def steps(self) -> int:
        return len(self.answers)


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """Who listens. `tools`: names that it must have before it asks a model; `pulse`: when one was last at work.

    `finished`: whether the work is done; then nothing that follows matters but what it cost.
    """

    hear: Hear
    limits: CallLimits
    tools: frozenset[str] = frozenset()
    pulse: Callable[[], float] = lambda: 0.0
    finished: Callable[[], bool] = lambda: False


async def listen(process: child.Child, run: Run, watch: Watch) -> None:
    """Fill `run`. Returns when the program has ended, or has to be ended."""
    patience = Patience(watch.limits)
    lines = process.lines()
    leaves: float | None = None
    coming: asyncio.Future[Any] = asyncio.ensure_future(_next(lines, process))
    try:
        while True:
            if leaves is None and watch.finished():
                leaves = time.monotonic() + _GOODBYE
            left = patience.left(watch.pulse()) if leaves is None else max(0.0, leaves - time.monotonic())
            await asyncio.wait({coming}, timeout=min(left, _GOODBYE))
            if not coming.done():
                if leaves is None:
                    run.late = _late(patience.over(watch.pulse()), run)
                if run.late is not None or (leaves is not None and time.monotonic() >= leaves):
                    return
                continue
            try:
                line = coming.result()
            except child.TooMuch as flood:
                run.late = (Reason.BACKEND_ERROR, str(flood))
                return
            if isinstance(line, int):
                run.status = line
                return
            patience.heard(speaks=_take(line, run, watch))
            if run.late is not None:
                return
            coming = asyncio.ensure_future(_next(lines, process))
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


async def _next(lines: AsyncGenerator[bytes, None], process: child.Child) -> bytes | int:
    """The next line; after the last one the exit status."""
    async for line in lines:
        return line
    return await process.ended()


def _late(late: tuple[Reason, str] | None, run: Run) -> tuple[Reason, str] | None:
    """An API that never answered was not there: no fault of the work, which others would be given in halves."""
    if late is not None and late[0] is Reason.STALLED and not run.answers:
        return Reason.HOST_UNREACHABLE, late[1]
    return late


def _take(line: bytes, run: Run, watch: Watch) -> bool:
    """Whether it is the model that speaks, and not the program of itself."""
    found = claude_stream.parsed(line)
    if found is None:
        if line.strip():
            watch.hear({"type": UNREADABLE})
        return False
    kind = found["type"]
    now = time.monotonic()
    if kind == "stream_event" and now < run.beat + _BEAT:
        return True
    run.beat = now
    if watch.tools and not run.ready and kind in ("system", "assistant"):
        lacks = claude_stream.lacks(found, SERVER, watch.tools)
        if lacks:
            run.late = (Reason.HOST_UNREACHABLE, f"began without the factory's tools: {lacks}")
            return False
        run.ready = lacks is not None
    if kind == "assistant":
        run.answers.add(claude_stream.answer_id(found) or str(len(run.answers)))
    if kind == "result":
        run.outcome = claude_stream.outcome(found)
    watch.hear(found)
    return kind != "system"
