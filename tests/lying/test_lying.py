"""A model that lies, stalls, truncates, loops or talks is never accepted; each attempt ends with its true reason."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec
import pytest

from reconciler.execute.attempt import run_attempt
from reconciler.model.execution import Result
from reconciler.model.job import Brief, ModelBrief
from reconciler.model.spec import AgentPhase, BlueprintPhase, CallLimits, PolicySpec
from reconciler.model.vocabulary import Reason, Verdict
from reconciler.plan.verdict import verdict
from tests.execute.conftest import Repo, make
from tests.lying.scenarios import FILES, FIX, SCENARIOS, Scenario, asked, calls, finish, shell, write
from tests.standins.llama import LlamaStandIn
from tests.standins.ollama import OllamaStandIn
from tests.standins.script import StandIn, says

PROTOCOLS: dict[str, tuple[str, type[StandIn]]] = {
    "ollama": ("ollama-tool", OllamaStandIn),
    "llama": ("llama-tool", LlamaStandIn),
}
LIMITS = CallLimits(connect="2s", first="2500ms", silence="2500ms", wall="4s")
SLOWEST = 20.0
"""seconds that any of these may take: limits of the call, retries and gates together, on a busy machine"""
STEPS = 12


@pytest.fixture
def calc(tmp_path: Path) -> Repo:
    repo = make(tmp_path / "calc")
    repo.commit(dict(FILES))
    return repo


def attempt(brief: Brief, backend: str, server: StandIn, folder: Path) -> tuple[Result, tuple[Verdict, Reason, str]]:
    model = ModelBrief(
        backend=backend,
        name="m",
        host="here",
        url=server.url,
        num_ctx=8192,
        offers=("text", "schema", "tools"),
        limits=LIMITS,
    )
    brief = msgspec.structs.replace(brief, model=model)
    result = asyncio.run(run_attempt(brief, folder / "run"))
    return result, verdict(brief, result)


@pytest.fixture
def task(brief: object, calc: Repo, factory: Repo) -> Brief:
    phase = BlueprintPhase(
        name="build", needs=("tools",), agent=AgentPhase(prompt="Mend the addition.", max_steps=STEPS, max_tokens=512)
    )
    made: Brief = brief(phase)  # type: ignore[operator]
    product = made.product
    assert product is not None
    product = msgspec.structs.replace(product, path=str(calc.path), tip=calc_tip(calc), start=calc_tip(calc))
    return msgspec.structs.replace(made, title="Mend add in calc.py", product=product, policy=PolicySpec())


def calc_tip(calc: Repo) -> str:
    from tests.execute.conftest import git

    return git(calc.path, "rev-parse", "HEAD")


CASES = [
    pytest.param(protocol, scenario, id=f"{protocol}-{scenario.name.replace(' ', '-')}")
    for scenario in SCENARIOS
    for protocol in PROTOCOLS
    if scenario.only in ("", protocol)
]


def test_there_are_sixty_of_them() -> None:
    assert len(SCENARIOS) >= 60
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)


@pytest.mark.parametrize(("protocol", "scenario"), CASES)
def test_a_model_that(protocol: str, scenario: Scenario, task: Brief, tmp_path: Path) -> None:
    backend, stand_in = PROTOCOLS[protocol]
    began = time.monotonic()
    with stand_in(scenario.script(), models=scenario.models, then=says("I have nothing more to say.")) as server:
        result, (outcome, reason, message) = attempt(task, backend, server, tmp_path)
    assert outcome is not Verdict.PASSED
    assert reason in scenario.ends, f"{outcome} {reason}: {message}"
    assert message
    assert time.monotonic() - began < SLOWEST
    assert len(server.requests) <= STEPS + 4
    assert result.cost_usd == 0.0 or result.cost_usd is None


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_model_that_does_the_work_is_accepted(protocol: str, task: Brief, tmp_path: Path) -> None:
    backend, stand_in = PROTOCOLS[protocol]
    script = [
        calls(("read_file", {"path": "calc.py"})),
        asked(),
        write("calc.py", FIX),
        shell("make test"),
        finish(),
    ]
    with stand_in(script, models=("m",)) as server:
        result, (outcome, reason, message) = attempt(task, backend, server, tmp_path)
    assert (outcome, reason) == (Verdict.PASSED, Reason.PASSED), message
    assert "use the plus sign" in result.report.key_decisions
    assert result.tokens


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nothing_that_answers_is_a_host_that_cannot_be_reached(protocol: str, task: Brief, tmp_path: Path) -> None:
    backend, stand_in = PROTOCOLS[protocol]
    with stand_in([], models=("m",)) as server:
        gone = server
    _, (outcome, reason, _) = attempt(task, backend, gone, tmp_path)
    assert (outcome, reason) == (Verdict.ERROR, Reason.HOST_UNREACHABLE)
