"""A whole attempt by the stand-in program: tools of the factory, the product's commit, evidence of what was refused."""

from __future__ import annotations

import asyncio
from pathlib import Path

from reconciler.execute.attempt import run_attempt
from reconciler.model.spec import AgentPhase, BlueprintPhase, PolicySpec
from reconciler.model.vocabulary import Reason, Verdict
from tests.claude.conftest import Stage
from tests.execute.conftest import Make, Repo

BUILD = BlueprintPhase(name="build", role="builder", needs=("tools",), agent=AgentPhase(prompt="Add the page."))
SUMMARY = "The shop has a landing page, page.html, with a heading."


def test_an_attempt_of_claude_writes_a_file_and_finishes(
    stage: Stage, brief: Make, product: Repo, tmp_path: Path
) -> None:
    model = stage.model(
        {"call": "write_file", "arguments": {"path": "page.html", "content": "too early"}},
        {"call": "knowledge", "arguments": {"query": "landing page"}},
        {"call": "write_file", "arguments": {"path": "page.html", "content": "<h1>Shop</h1>\n"}},
        {"own": "Write", "input": {"file_path": "/tmp/x", "content": ""}},
        {"call": "finish", "arguments": {"summary": SUMMARY, "decisions": ["No framework"]}},
    )
    asked = brief(BUILD, model=model, policy=PolicySpec(knowledge="blocking"))
    result = asyncio.run(run_attempt(asked, tmp_path / "run"))
    assert (result.ended, result.reason, result.message) == (Verdict.PASSED, Reason.PASSED, "")
    assert result.product_commit
    assert product.show("alai/shop-page", "page.html") == "<h1>Shop</h1>"
    assert (result.cost_usd, result.tokens) == (0.0125, 173)
    assert result.phases[0].ended == "Passed"
    assert result.report.key_decisions[0] == "No framework"
    assert [refusal.tool for refusal in result.refusals] == ["write_file", "Write"]


def test_an_attempt_whose_claude_only_says_that_it_is_done_fails(stage: Stage, brief: Make, tmp_path: Path) -> None:
    model = stage.model({"say": "I wrote the page and all tests pass."})
    result = asyncio.run(run_attempt(brief(BUILD, model=model), tmp_path / "run"))
    assert (result.ended, result.reason) == (Verdict.FAILED, Reason.UNFINISHED)
    assert result.product_commit is None
