"""The jobs in flight, as files beside the database: a crash between intent and submission finds them here again.

Losing one loses nothing: its intent is dropped and the planner makes the same execution again.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import msgspec

from reconciler.model.job import AttemptJob, ClassifyJob


class JobFiles:
    """One JSON file a job. Written before the intent, removed after the outcome's commit."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, exist_ok=True)

    def write(self, job: AttemptJob | ClassifyJob) -> None:
        path = self._path(job.id)
        temporary = path.with_suffix(".new")
        temporary.write_bytes(msgspec.json.encode(job))
        temporary.replace(path)

    def job(self, identifier: str) -> AttemptJob | None:
        """The job of an attempt as it was written; None where it is lost."""
        found = self.find(identifier)
        return found if isinstance(found, AttemptJob) else None

    def classify(self, identifier: str) -> ClassifyJob | None:
        """The job of a classification as it was written; None where it is lost."""
        found = self.find(identifier)
        return found if isinstance(found, ClassifyJob) else None

    def find(self, identifier: str) -> AttemptJob | ClassifyJob | None:
        """The job, of whatever sort; None where it is lost."""
        try:
            return msgspec.json.decode(self._path(identifier).read_bytes(), type=AttemptJob | ClassifyJob)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None  # a power failure may leave an empty file

    def remove(self, identifier: str) -> None:
        self._path(identifier).unlink(missing_ok=True)

    def keep_only(self, identifiers: Collection[str]) -> None:
        """Remove the files of all other jobs."""
        for path in self._folder.iterdir():
            if path.stem not in identifiers:
                path.unlink(missing_ok=True)

    def _path(self, identifier: str) -> Path:
        return self._folder / f"{identifier}.json"
