"""Phases that nothing is heard of: ended in time, their connections closed, and those that are only slow left alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reconciler.execute.attempt import run_attempt
from reconciler.model.execution import Result
from reconciler.model.job import Brief
from reconciler.model.spec import AgentPhase, BlueprintPhase, Limits, PolicySpec
from reconciler.model.vocabulary import Reason, Verdict
from tests.execute.conftest import Make, sh
from tests.standins.ollama import OllamaStandIn, Reply

PROSE = "Bento delivers Nordic meals to your door, every Monday, in a box that we take back."
ASK = BlueprintPhase(name="write", agent=AgentPhase(prompt="Write it."))


@pytest.fixture
def server(brief: Make, tmp_path: Path) -> Iterator[OllamaStandIn]:
    """Asked once, so that loading the client's libraries is no part of anybody's patience."""
    with OllamaStandIn(lambda _: PROSE, models=("m:latest",)) as running:
        attempt(brief(ASK), running, tmp_path / "warm", "5m")
        running.requests.clear()
        yield running


def attempt(brief: Brief, server: OllamaStandIn, folder: Path, stall: str, **more: Any) -> Result:
    model = msgspec.structs.replace(brief.model, url=server.url)
    policy = PolicySpec(limits=Limits(stall=stall))
    return asyncio.run(run_attempt(msgspec.structs.replace(brief, model=model, policy=policy, **more), folder / "run"))


@pytest.mark.parametrize("reply", [Reply(silent=True), Reply(("Well",), stall=True)])
def test_a_phase_that_nothing_is_heard_of_ends_as_stalled_within_two_seconds(
    brief: Make, server: OllamaStandIn, tmp_path: Path, reply: Reply
) -> None:
    server.answer = lambda _: reply
    began = time.monotonic()
    result = attempt(brief(ASK), server, tmp_path, "3s")
    assert (result.ended, result.reason) == (Verdict.FAILED, Reason.STALLED)
    assert "nothing was heard for 3 s" in result.message
    assert server.left.wait(2)
    assert time.monotonic() - began < 20
    assert not (tmp_path / "run/work").exists()


def test_an_answer_that_comes_slowly_is_heard(brief: Make, server: OllamaStandIn, tmp_path: Path) -> None:
    server.answer = lambda _: Reply(tuple(PROSE[at : at + 10] for at in range(0, len(PROSE), 10)), pause=0.25)
    result = attempt(brief(ASK), server, tmp_path, "1500ms")
    assert result.reason is Reason.PASSED


def test_a_command_is_not_hurried_by_what_is_asked_of_agents(
    brief: Make, server: OllamaStandIn, tmp_path: Path
) -> None:
    result = attempt(brief(sh("sleep 1.2; echo x > x.txt")), server, tmp_path, "300ms")
    assert result.reason is Reason.PASSED


def test_an_execution_whose_budget_is_spent_asks_nobody(brief: Make, server: OllamaStandIn, tmp_path: Path) -> None:
    result = attempt(brief(ASK), server, tmp_path, "9s", budget_usd=0.0)
    assert (result.ended, result.reason) == (Verdict.FAILED, Reason.BUDGET_EXCEEDED)
    assert not server.requests
