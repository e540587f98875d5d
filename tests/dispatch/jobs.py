"""Jobs for tests, and the runner that a real worker process calls for them. What to do is in the brief's title."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path

from reconciler.dispatch.port import AnyJob
from reconciler.model.execution import Execution
from reconciler.model.job import MergeBrief, MergeJob, ProductBrief
from reconciler.model.spec import PolicySpec

RUNNER = "tests.dispatch.jobs:act"


def job(name: str, *, host: str = "anvil", do: str = "", priority: int = 2) -> MergeJob:
    """`do` is `sleep SECONDS`, `fail`, `die once`, `die always` or nothing."""
    execution = Execution(
        id=name,
        task=name,
        goal=None,
        generation="0" * 16,
        stage="BUILD",
        attempt=1,
        company="acme",
        blueprint="plain",
        tier=1,
        backend="embedded",
        model=None,
        host=host,
        priority=priority,
        created_at=0.0,
    )
    brief = MergeBrief(
        execution=execution,
        factory="/nowhere",
        title=do,
        commit="0" * 40,
        product=ProductBrief(path="/nowhere", branch="main", tip="0" * 40, start="0" * 40),
        acceptance=(),
        policy=PolicySpec(),
    )
    return MergeJob(id=name, brief=brief)


async def act(job: AnyJob, state: Path) -> bytes:
    note(state, "start", job)
    words = job.brief.title.split()
    try:
        match words:
            case ["sleep", seconds]:
                await asyncio.sleep(float(seconds))
            case ["fail"]:
                raise ValueError("no such luck")
            case ["die", "once"] if sum(line["id"] == job.id for line in notes(state)) == 1:
                os._exit(9)
            case ["die", "always"]:
                os._exit(9)
            case _:
                pass
    finally:
        note(state, "end", job)
    return json.dumps({"id": job.id, "umlaut": "ä"}).encode()


def note(state: Path, event: str, job: AnyJob) -> None:
    line = {"event": event, "id": job.id, "host": job.brief.execution.host, "at": time.time(), "pid": os.getpid()}
    with (state / "events").open("a") as file:
        file.write(json.dumps(line) + "\n")


def notes(state: Path) -> list[dict[str, object]]:
    path = state / "events"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def peak(events: list[dict[str, object]], host: str) -> int:
    """The most that ran at once on this host."""
    now = most = 0
    for line in events:
        if line["host"] == host:
            now += 1 if line["event"] == "start" else -1
            most = max(most, now)
    return most
