"""The one real engine: DBOS on SQLite, run by one child process (`worker`), which is asked by `calls`.

The controller never runs a job itself: a crash, a kill and a cancellation look the same on one machine as on many.
Synchronous; not for use inside an event loop. Call `start` from a thread that outlives the worker: Linux ends a child
whose parent *thread* is gone.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path

import msgspec

from reconciler.dispatch import calls, wire
from reconciler.dispatch.port import AnyJob, DispatchError, Finished, Interrupted, JobState

READY_SECONDS = 60.0
LOOK_SECONDS = 0.25
STOP_SECONDS = 2.5
TRIES = 100
"""workers that may die over one question: more than a job that always takes the worker down is let to"""
STARTS = 5
"""so many workers in a row that die before they are ready, and we give up"""
LOG_BYTES = 5_000_000
BATCH = 500


class DbosDispatch:
    """`hosts` gives each host's capacity; `runner` is the `module:function` that the worker calls for each job.

    While `stopping` says yes nobody waits for a worker to come up: Interrupted is raised instead. `patience`: seconds
    in which a worker that is up answers a question; one that is silent for longer is replaced.
    """

    def __init__(
        self,
        state: Path,
        hosts: Mapping[str, int],
        *,
        runner: str = wire.DEFAULT_RUNNER,
        stopping: Callable[[], bool] = lambda: False,
        patience: float = 60.0,
    ) -> None:
        self._state = state.absolute()
        self._hosts = dict(hosts)
        self._runner = runner
        self._stopping = stopping
        self._patience = patience
        self._worker: subprocess.Popen[bytes] | None = None
        self._calls: socket.socket | None = None
        self._asked = False
        self._ready = False
        self._failures = 0
        self._file: int | None = None
        self._ended = False
        """something was said to have ended, and nobody has waited since"""

    def start(self) -> None:
        self._state.mkdir(parents=True, exist_ok=True)
        # The engine leaves SQLite's journal as it finds it. The write-ahead log persists, and is 2 to 10 times faster.
        with contextlib.closing(sqlite3.connect(self._state / wire.ENGINE, timeout=30)) as database:
            database.execute("PRAGMA journal_mode=WAL")
        self._file = self._file_there()
        self._spawn()

    def submit(self, job: AnyJob) -> None:
        execution = job.brief.execution
        self._ask(calls.Submit(job.id, execution.host, execution.priority, wire.encode_job(job)))

    def known(self, ids: Iterable[str]) -> dict[str, JobState]:
        rows = (row for batch in _batches(ids) for row in self._ask(calls.States(batch)))
        return {row.job: wire.STATES[row.status] for row in rows}

    def finished(self, ids: Iterable[str]) -> dict[str, Finished]:
        rows = (row for batch in _batches(ids) for row in self._ask(calls.Outcomes(batch)))
        return {row.job: _finished(row.status, row.output) for row in rows}

    def cancel(self, job_id: str) -> None:
        self._ask(calls.Cancel(job_id))

    def forget(self, ids: Iterable[str]) -> None:
        for batch in _batches(ids):
            self._ask(calls.Forget(batch))
            for job_id in batch:
                (self._state / wire.STARTS / job_id).unlink(missing_ok=True)

    def keep_only(self, wanted: Callable[[str], bool]) -> None:
        self.forget([row.job for row in self._ask(calls.Ended()) if not wanted(row.job)])

    def wait(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not self._ended:
            if not self._listen(deadline - time.monotonic()) and time.monotonic() >= deadline:
                return False
        self._ended = False
        return True

    def stop(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            assert worker.stdin is not None
            assert worker.stdout is not None
            with contextlib.suppress(OSError):
                worker.stdin.close()
            try:
                worker.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
            worker.stdout.close()
        if self._calls is not None:
            self._calls.close()
        self._calls = None
        self._ready = self._asked = False

    def _ask(self, question: calls.Question) -> list[calls.Row]:
        """What the worker answers, once one is up. Where one dies or falls silent over it, the next one is asked."""
        if self._asked and self._file_there() != self._file:
            raise DispatchError(f"{self._state / wire.ENGINE} was removed or replaced while it was in use")
        for _ in range(TRIES):
            self._listen(0)
            self._wait_for_worker()
            self._asked = True
            assert self._calls is not None
            try:
                answer = calls.ask(self._calls, question)
            except OSError:
                assert self._worker is not None
                self._replace(self._worker)
                self._ended = True
                continue
            if answer.fault:
                raise DispatchError(f"the engine cannot do what it is asked: {answer.fault}")
            return answer.rows
        raise DispatchError(f"{TRIES} workers died over one question: {self._log_tail()}")

    def _wait_for_worker(self) -> None:
        """Until it has imported the engine and brought its tables up to date."""
        deadline = time.monotonic() + READY_SECONDS
        while not self._ready:
            self._listen(min(LOOK_SECONDS, deadline - time.monotonic()))
            if self._stopping():
                raise Interrupted("stopped while the engine was starting: nothing is lost")
            if not self._ready and time.monotonic() >= deadline:
                raise DispatchError(f"the worker is not ready after {READY_SECONDS:.0f} s: {self._log_tail()}")

    def _file_there(self) -> int | None:
        """Which file the engine's database is: a removed one would go on being written to, seen by nobody else."""
        try:
            return (self._state / wire.ENGINE).stat().st_ino
        except FileNotFoundError:
            return None

    def _listen(self, seconds: float) -> bool:
        """Read what the worker says, for at most so long; replace it where it is dead. True where it said something."""
        worker = self._worker
        if worker is None:
            raise DispatchError("the engine is not started")
        assert worker.stdout is not None
        readable, _, _ = select.select([worker.stdout], [], [], max(0.0, seconds))
        if not readable:
            return False
        said = os.read(worker.stdout.fileno(), 65536)
        if not said:
            self._replace(worker)
            self._ended = True
            return True
        if wire.READY in said:
            self._ready = True
            self._failures = 0
        self._ended = self._ended or wire.ENDED in said
        return True

    def _replace(self, worker: subprocess.Popen[bytes]) -> None:
        """The worker is dead, dying or silent. Start the next one, or give up where none comes up."""
        self._close(worker)
        self._ready = False
        self._failures += 1
        if self._failures >= STARTS:
            self._worker = None
            raise DispatchError(f"the worker died {STARTS} times in a row while starting: {self._log_tail()}")
        time.sleep(0.0 if self._failures == 1 else 0.1 * 2**self._failures)
        self._spawn()

    @staticmethod
    def _close(worker: subprocess.Popen[bytes]) -> None:
        for pipe in (worker.stdin, worker.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            worker.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()

    def _spawn(self) -> None:
        """In a session of its own: Ctrl-C reaches the controller alone, which then stops the worker in order."""
        if self._calls is not None:
            self._calls.close()
        self._calls, theirs = socket.socketpair()
        self._calls.settimeout(self._patience)
        log = self._state / "worker.log"
        too_long = log.exists() and log.stat().st_size > LOG_BYTES
        with theirs, log.open("wb" if too_long else "ab") as errors:
            self._worker = subprocess.Popen(
                _command(self._state, self._hosts, self._runner, theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=_environment(),
                start_new_session=True,
            )

    def _log_tail(self) -> str:
        """The last line the worker wrote, and where the rest is."""
        log = self._state / "worker.log"
        lines = log.read_text("utf-8", "replace").strip().splitlines() if log.exists() else []
        return f"{lines[-1] if lines else 'it said nothing'} (see {log})"


def _command(state: Path, hosts: Mapping[str, int], runner: str, asking: int) -> list[str]:
    """`-P`: the current folder is the user's, and must not be where modules come from."""
    arguments = [str(state), "--hosts", msgspec.json.encode(hosts).decode(), "--runner", runner, "--calls", str(asking)]
    return [sys.executable, "-P", "-m", "reconciler.dispatch.worker", *arguments]


def _environment() -> dict[str, str]:
    """Ours, with the folder that this very package was imported from first on the module path."""
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH")) if part)
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def _batches(ids: Iterable[str]) -> Iterable[list[str]]:
    """SQLite limits the values in one query."""
    rest = iter(ids)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _finished(status: str, output: str | None) -> Finished:
    state = wire.STATES[status]
    if state == "cancelled":
        return Finished(cancelled=True)
    if state == "done" and output is not None:
        return wire.read_outcome(output)
    if status == "MAX_RECOVERY_ATTEMPTS_EXCEEDED":
        return Finished(error="the worker died every time this job ran")
    return Finished(error="the engine failed to run this job (see worker.log)")
