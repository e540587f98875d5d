"""The one function a worker calls: a job in, the bytes of its result out. It knows no queue and no database."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from reconciler.execute import text
from reconciler.execute.attempt import BROKEN_TEXT, failed, run_attempt, unusable
from reconciler.execute.classify import run_classify
from reconciler.execute.merge import run_merge
from reconciler.execute.work import Ended
from reconciler.model.execution import MergeResult, Result
from reconciler.model.job import AttemptJob, ClassifyJob, MergeJob
from reconciler.model.vocabulary import Reason, Verdict


async def run_job(job: AttemptJob | ClassifyJob | MergeJob, state: Path) -> bytes:
    """Do the job in `state/runs/<job id>`; JSON of a Result, a Classification or a MergeResult.

    It may be done again after a crash: the folder is emptied first. A fault of ours becomes a result that says so.
    Raises it where a model should have classified; else only cancellation passes through.
    """
    began = time.time()
    run_dir = state / "runs" / job.id
    try:
        if isinstance(job, AttemptJob):
            return msgspec.json.encode(await run_attempt(job.brief, run_dir))
        if isinstance(job, ClassifyJob):
            return msgspec.json.encode(await run_classify(job.brief))
        return msgspec.json.encode(await run_merge(job.brief, run_dir))
    except Exception as error:
        if isinstance(job, ClassifyJob):
            raise  # it must not be taken for something that a model said
        return msgspec.json.encode(_fault(job, error, began))


def _fault(job: AttemptJob | MergeJob, error: Exception, began: float) -> Result | MergeResult:
    message = _first_line(error)
    if isinstance(job, AttemptJob):
        ours = Ended(Verdict.ERROR, Reason.INTERNAL, message)
        return failed(job.brief, unusable(error) if isinstance(error, BROKEN_TEXT) else ours, began)
    return MergeResult(execution=job.brief.execution.id, state="error", target=job.brief.product.tip, message=message)


def _first_line(error: Exception) -> str:
    said = str(error).strip().partition("\n")[0]
    return text.line(f"{type(error).__name__}: {said}", 300)
