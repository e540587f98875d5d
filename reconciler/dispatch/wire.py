"""What controller and worker agree on: names, files and the form of a job's outcome. Imports no engine."""

from __future__ import annotations

from pathlib import Path

import msgspec

from reconciler.dispatch.port import AnyJob, Finished, JobState

APPLICATION = "alai-reconcile"
APPLICATION_VERSION = "1"
"""Explicit, because the engine's default is a digest of our source: an edit would strand what is queued.
Raise it only when jobs of an older form could no longer be read."""
EXECUTOR = "worker"
"""Always the same, so that a new worker takes up what the dead one left; `worker.lock` sees that there is only one."""
WORKFLOW = "run"
DEFAULT_RUNNER = "reconciler.execute.job:run_job"
POLLING_SECONDS = 0.2
"""between two looks of one queue for work: each takes some 2 ms of a processor, also where there is none"""
ENGINE = "engine.db"
STARTS = "starts"
"""the folder of the worker's notes about jobs that have begun (see `suspects`)"""

STATES: dict[str, JobState] = {
    "DELAYED": "queued",
    "ENQUEUED": "queued",
    "PENDING": "running",
    "SUCCESS": "done",
    "ERROR": "error",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "error",
    "CANCELLED": "cancelled",
}
"""the engine's words -> ours"""
ENDED_STATES = tuple(status for status, state in STATES.items() if state in ("done", "error", "cancelled"))

READY = b"R"
ENDED = b"."

_OK = "ok\n"
_ERROR = "error\n"


def engine_url(state: Path) -> str:
    """The engine's own SQLite file, apart from the factory's."""
    return f"sqlite:///{state / ENGINE}"


def queue_name(host: str) -> str:
    return f"host.{host}"


def encode_job(job: AnyJob) -> str:
    return msgspec.json.encode(job).decode()


def decode_job(text: str) -> AnyJob:
    return msgspec.json.decode(text, type=AnyJob)


def succeeded(result: bytes) -> str:
    return _OK + result.decode()


def failed(error: BaseException) -> str:
    return f"{_ERROR}{type(error).__name__}: {error}"


def refused(why: str) -> str:
    """The form of a job that was not run. `why`: a sentence."""
    return _ERROR + why


def read_outcome(text: str) -> Finished:
    """The reverse of `succeeded` and `failed`."""
    if text.startswith(_OK):
        return Finished(result=text[len(_OK) :].encode())
    return Finished(error=text.removeprefix(_ERROR))
