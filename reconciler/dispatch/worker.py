"""The worker process: runs the jobs of all hosts until its controller goes away.

`python -m reconciler.dispatch.worker STATE --hosts JSON --calls FD [--runner MODULE:FUNCTION]`. Standard input is a
lifeline: when it closes, the controller is gone or wants us to stop. Standard output says `R` when ready and `.` for
each job that ended; what the controller asks of the engine comes through the socket FD (see `calls`). A job's body
runs at least once and may be killed at any moment: its folder is its own, and disposable.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import gc
import importlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import NoReturn

import msgspec

from reconciler.dispatch import wire
from reconciler.dispatch.port import AnyJob
from reconciler.dispatch.predecessor import only_worker, own_scratch
from reconciler.dispatch.suspects import GivenUp, Suspects
from reconciler.git import isolation

Runner = Callable[[AnyJob, Path], Awaitable[bytes]]

GARBAGE = 50_000
"""allocations between two looks for garbage: with Python's 700, a third of the start goes into them"""
CLEANUP_SECONDS = 1.0
"""for running jobs to end their children once we have to go"""
RECOVERIES = 1000
"""The engine's own limit of starts, out of reach: orderly stops count for it too. `suspects` gives up earlier."""

log = logging.getLogger("worker")


class Jobs:
    """Runs jobs in the engine's event loop, never more at once on a host than it has slots.

    The engine frees a slot the moment a job is cancelled, although its body still has to end; hence slots of our own.
    """

    def __init__(self, runner: str, state: Path, hosts: Mapping[str, int]) -> None:
        self._runner = runner
        self._state = state
        self._suspects = Suspects(state)
        self._slots = {host: asyncio.Semaphore(capacity) for host, capacity in hosts.items()}
        self._running: set[asyncio.Task[bytes]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = False

    async def run(self, text: str) -> str:
        """Run one job to its end. Its exceptions become an outcome; only cancellation goes through."""
        self._loop = asyncio.get_running_loop()
        job = wire.decode_job(text)
        slot = self._slots.setdefault(job.brief.execution.host, asyncio.Semaphore(1))
        try:
            async with slot:
                await self._suspects.enter(job.id)
                try:
                    return await self._body(job)
                finally:
                    self._suspects.ended(job.id)
        except GivenUp as hopeless:
            return wire.refused(str(hopeless))

    async def _body(self, job: AnyJob) -> str:
        task = asyncio.ensure_future(_call(self._runner, job, self._state))
        self._running.add(task)
        try:
            return wire.succeeded(await task)
        except asyncio.CancelledError:
            if self._stopping:
                # The process is about to end. To the engine this job must look interrupted, not ended.
                await asyncio.Event().wait()
            raise
        except Exception as error:
            log.exception("job %s", job.id)
            return wire.failed(error)
        finally:
            self._running.discard(task)

    def over(self, text: str) -> None:
        """The engine has stored how this job ended."""
        self._suspects.leave(wire.decode_job(text).id)

    def stop(self) -> None:
        """Cancel what runs and give it a moment to end its children. Called from outside the loop."""
        self._stopping = True
        self._suspects.absolve()
        if self._loop is not None and self._loop.is_running():
            with contextlib.suppress(TimeoutError, asyncio.CancelledError):
                asyncio.run_coroutine_threadsafe(self._cancel_all(), self._loop).result(CLEANUP_SECONDS)

    async def _cancel_all(self) -> None:
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _call(runner: str, job: AnyJob, state: Path) -> bytes:
    module, _, function = runner.partition(":")
    run: Runner = getattr(importlib.import_module(module), function)
    return await run(job, state)


def serve(
    state: Path, jobs: Jobs, hosts: Mapping[str, int], say: Callable[[bytes], None], asking: socket.socket
) -> None:
    """Start the engine on this process. Returns at once; the engine's threads go on."""
    from dbos import DBOS, DBOSClient

    from reconciler.dispatch.engine import answer
    from reconciler.dispatch.journal import relax
    from reconciler.dispatch.serializer import JsonSerializer

    relax()
    url = wire.engine_url(state)
    DBOS(
        config={
            "name": wire.APPLICATION,
            "system_database_url": url,
            "application_version": wire.APPLICATION_VERSION,
            "executor_id": wire.EXECUTOR,
            "serializer": JsonSerializer(),
            # SQLite has one writer at a time: more connections only wait, and wait unfairly, for its lock.
            "sys_db_pool_size": 2,
            "log_level": "WARNING",
        }
    )

    @DBOS.step(name="body", preemptible=True)
    async def body(job: str) -> str:
        return await jobs.run(job)

    @DBOS.workflow(name=wire.WORKFLOW, max_recovery_attempts=RECOVERIES)
    async def run(job: str) -> str:  # pyright: ignore[reportUnusedFunction]
        # Said when the task is over, that is after the engine has stored the outcome, not when the body returns.
        task = asyncio.current_task()
        assert task is not None
        task.add_done_callback(lambda _: (say(wire.ENDED), jobs.over(job)))
        return await body(job)

    # Queues are looked for at launch and then once a second: have them there before.
    DBOS.migrate(url)
    client = DBOSClient(system_database_url=url, serializer=JsonSerializer(), application_name=wire.APPLICATION)
    for host, capacity in hosts.items():
        client.register_queue(
            wire.queue_name(host),
            worker_concurrency=capacity,
            global_concurrency=capacity,
            polling_interval_sec=wire.POLLING_SECONDS,
            on_conflict="always_update",
        )
    DBOS.launch()
    threading.Thread(target=answer, args=(asking, client), daemon=True).start()


def die_with_parent() -> None:
    """Linux: ask for SIGTERM when the parent ends. Elsewhere, and for what happened before, there is the lifeline."""
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None, use_errno=True).prctl(set_parent_death_signal, signal.SIGTERM)


def watch_lifeline(stop: threading.Event) -> None:
    while os.read(0, 4096):
        pass
    stop.set()


def main() -> NoReturn:
    gc.set_threshold(GARBAGE)
    parser = argparse.ArgumentParser(prog="worker")
    parser.add_argument("state", type=Path)
    parser.add_argument("--hosts", type=lambda text: msgspec.json.decode(text, type=dict[str, int]), required=True)
    parser.add_argument("--runner", default=wire.DEFAULT_RUNNER)
    parser.add_argument("--calls", type=lambda number: socket.socket(fileno=int(number)), required=True)
    arguments = parser.parse_args()

    stop = threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda _signal, _frame: stop.set())
    die_with_parent()
    # Keep the pipe to the controller for our own words; whatever else is printed goes to the log.
    pipe = os.dup(1)
    os.dup2(2, 1)
    os.set_blocking(pipe, False)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    threading.Thread(target=watch_lifeline, args=(stop,), daemon=True).start()

    def say(word: bytes) -> None:
        # A full pipe already says that something ended; a closed one has nobody to listen.
        with contextlib.suppress(OSError):
            os.write(pipe, word)

    only_worker(arguments.state, stop)
    own_scratch(arguments.state)
    jobs = Jobs(arguments.runner, arguments.state, arguments.hosts)
    serve(arguments.state, jobs, arguments.hosts, say, arguments.calls)
    say(wire.READY)
    stop.wait()
    jobs.stop()
    # Not `DBOS.destroy`: it takes a second and could store our cancelled jobs as ended. The database survives worse.
    isolation.close()
    os._exit(0)


if __name__ == "__main__":
    main()
