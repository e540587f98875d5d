"""The lines that end an apply: who wrote what."""

from __future__ import annotations

import msgspec

from reconciler.controller.summary import authorship
from reconciler.model.execution import Attempt, Execution, PhaseReport
from reconciler.model.vocabulary import Verdict
from tests.plan.scenes import evidence


def attempt(task: str, model: str | None, **phases: str) -> Attempt:
    """One that ended well; `phases` says by what each was done."""
    execution = Execution(
        id=task, task=task, goal=None, generation="g", stage="BUILD", attempt=1, company="c", blueprint="b", tier=1,
        backend="embedded", model=model, host="h", priority=1, created_at=0.0,
    )  # fmt: skip
    reports = tuple(PhaseReport(name=name, role="builder", by=by) for name, by in phases.items())
    told = msgspec.structs.replace(evidence(execution, Verdict.PASSED), phases=reports)
    return Attempt(evidence=told, path="e", digest="d", commit="c", committed_at=0.0)


def test_each_part_that_a_model_wrote_is_named_with_its_model_and_prepared_words_are_not_among_them() -> None:
    lines = authorship(
        [
            attempt("page", "small", claim="model", test="command"),
            attempt("page", "small", claim="model", test="command"),
            attempt("text", "large", opening="model", remark="fallback"),
            attempt("code", None, test="command"),
        ]
    )
    assert lines == [
        "Phases: 3 by command, 1 by fallback, 3 by model",
        "Written by large: text/opening",
        "Written by small: page/claim",
        "Prepared words instead of a model's: text/remark",
    ]


def test_where_nothing_was_done_nothing_is_said() -> None:
    assert authorship([attempt("page", None)]) == []
