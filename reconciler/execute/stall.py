"""Ends an agent's phase that nothing is heard of any more, no token and no step, for as long as the Policy says.

Phases that run commands are not watched: each command has its own limit of time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

from reconciler.execute.work import Ended, Work
from reconciler.model.duration import seconds
from reconciler.model.execution import PhaseReport
from reconciler.model.vocabulary import Reason, Verdict

GRACE = 1.5
"""Seconds that a phase gets to end its processes; what still runs then is left to whoever started it."""


async def watched(work: Work, name: str, doing: Coroutine[Any, Any, PhaseReport]) -> PhaseReport:
    """Do it. Raises Ended(FAILED, STALLED) once nothing was heard for `Policy.limits.stall`."""
    limit = seconds(work.brief.policy.limits.stall)
    work.latest = time.monotonic()
    task = asyncio.ensure_future(doing)
    try:
        while not task.done():
            quiet = time.monotonic() - work.latest
            if quiet >= limit:
                raise Ended(Verdict.FAILED, Reason.STALLED, f"phase {name}: nothing was heard for {limit:g} s")
            await asyncio.wait({task}, timeout=limit - quiet)
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=GRACE)
