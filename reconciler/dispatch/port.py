"""What the controller asks of an execution engine. Importing this costs nothing; the engine itself is in `dbos`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, Protocol

import msgspec

from reconciler.model.errors import FactoryError
from reconciler.model.job import AttemptJob, ClassifyJob, MergeJob

AnyJob = AttemptJob | ClassifyJob | MergeJob
JobState = Literal["queued", "running", "done", "error", "cancelled"]


class DispatchError(FactoryError):
    """The engine cannot work: its worker does not start. The message is a sentence for people."""


class Interrupted(FactoryError):
    """A person asked to stop while the engine was starting."""

    exit_code = 2


class Finished(msgspec.Struct, frozen=True):
    """How a job ended: exactly one of `result` (JSON bytes from the runner), `error` (one sentence) or `cancelled`.

    A cancelled job is reported at once; its body may go on for up to two seconds while it is being ended.
    """

    result: bytes | None = None
    error: str | None = None
    cancelled: bool = False


class Dispatch(Protocol):
    """An engine. Every method may be called before the worker is up; DispatchError where it never comes up."""

    def start(self) -> None:
        """Start the worker in the background. What was underway when the last one died runs again by itself."""
        ...

    def submit(self, job: AnyJob) -> None:
        """Queue a job on its execution's host. An id that was ever submitted, and not forgotten, is left as it is."""
        ...

    def known(self, ids: Iterable[str]) -> dict[str, JobState]:
        """The state of those ids that the engine knows."""
        ...

    def finished(self, ids: Iterable[str]) -> dict[str, Finished]:
        """Those of the ids that have ended."""
        ...

    def cancel(self, job_id: str) -> None:
        """End a job that is queued or running, within two seconds. Unknown or ended ones are left alone."""
        ...

    def forget(self, ids: Iterable[str]) -> None:
        """Drop all that is stored about these ids. Cancel those that may still run first."""
        ...

    def keep_only(self, wanted: Callable[[str], bool]) -> None:
        """Forget the jobs that have ended and whose id is not wanted. Others may be asked for yet."""
        ...

    def wait(self, seconds: float) -> bool:
        """Sleep until a job may have ended (True) or the time is over (False)."""
        ...

    def stop(self) -> None:
        """End the worker within three seconds. What was underway is picked up by the next start."""
        ...
