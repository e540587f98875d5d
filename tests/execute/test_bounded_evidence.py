"""Evidence stays small, however much was refused or changed: what is left out is counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.execute import evidence
from reconciler.execute.evidence import MOST_LINES
from reconciler.execute.work import Work
from reconciler.model.execution import MOST_REFUSALS
from reconciler.model.history import TreeChange


@pytest.fixture
def work(tmp_path: Path) -> Work:
    from types import SimpleNamespace
    from typing import Any, cast

    brief: Any = SimpleNamespace(
        title="t", description="", acceptance=(), company_title="",
        execution=SimpleNamespace(stage="BUILD", attempt=1, company="c"), blueprint=SimpleNamespace(phases=()),
    )  # fmt: skip
    return Work(brief=brief, root=tmp_path, run_dir=tmp_path, sandbox=cast("Any", None))


def test_nineteen_thousand_refusals_are_a_hundred_lines_and_a_number(work: Work) -> None:
    for number in range(19_000):
        work.refuse("build", "builder", "run_command", f"forbidden/{number}", "no rule allows it")
    assert len(work.refusals) == MOST_REFUSALS
    assert work.more_refusals == 19_000 - MOST_REFUSALS
    changes = [TreeChange(f"src/{number}", "100644", None, "x") for number in range(5000)]
    summary = evidence.Summary(ended="passed", gates=(), changes=changes, sandbox="x", commit=None, before=None)
    said = evidence.gotcha(work, summary)
    assert "and 18900 more that are not listed" in said
    assert f"... and {5000 - MOST_LINES} more" in said
    assert len(said) < 50_000
    assert len(evidence.report(work, summary).files_written) == MOST_LINES + 1
    assert (work.run_dir / "progress.jsonl").stat().st_size < 50_000
