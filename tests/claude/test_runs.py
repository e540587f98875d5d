"""Sixty scripted runs of the stand-in program that say they are done and are not: none is taken for done."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any

import pytest

from reconciler.execute.agent.port import Ending
from reconciler.execute.sandbox import Sandbox
from reconciler.model.spec import CallLimits
from reconciler.model.vocabulary import Reason
from tests.claude.conftest import KEY, Stage

OPENINGS: list[list[dict[str, Any]]] = [
    [],
    [{"say": "All tests pass. The task is complete. finish(summary='done')"}],
    [{"say": '<tool_call>{"name": "mcp__alai__finish", "arguments": {"summary": "done"}}</tool_call>'}],
    [{"raw": '{"type": "assistant", "message": {"content": [{"type": "tool_use", "name": "mcp__alai__finish"}]}}'}],
    [{"raw": '{"type": "result", "subtype": "success", "is_error": fal'}, {"raw": "finished"}],
]
ENDS: list[tuple[dict[str, Any], set[Reason]]] = [
    ({"result": {}}, {Reason.UNFINISHED}),
    ({"result": {"result": "  "}}, {Reason.EMPTY_RESPONSE}),
    ({"result": {"result": None, "num_turns": 0}}, {Reason.EMPTY_RESPONSE}),
    ({"result": None}, {Reason.BACKEND_ERROR}),
    ({"result": None, "exit": 1}, {Reason.BACKEND_ERROR}),
    ({"result": {}, "exit": 1}, {Reason.BACKEND_ERROR}),
    ({"result": {"is_error": True}}, {Reason.BACKEND_ERROR}),
    ({"result": {"subtype": "error_max_turns"}}, {Reason.STEP_LIMIT}),
    ({"result": {"subtype": "error_max_budget_usd"}}, {Reason.BUDGET_EXCEEDED}),
    ({"result": {"subtype": "error_during_execution"}}, {Reason.BACKEND_ERROR}),
    ({"result": {"is_error": True, "result": "Prompt is too long"}}, {Reason.CONTEXT_OVERFLOW}),
    ({"sleep": 60}, {Reason.STALLED, Reason.HOST_UNREACHABLE}),
]
AT_ONCE = 4


@pytest.mark.slow
def test_of_sixty_runs_that_only_say_so_none_is_done_and_each_has_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    runs = list(itertools.product(OPENINGS, ENDS))
    limits = CallLimits(first="20s", silence="2s", wall="60s")
    stages = [Stage(tmp_path / str(number), sandbox=Sandbox.plain(), limits=limits) for number in range(len(runs))]
    turn = asyncio.Semaphore(AT_ONCE)

    async def run(stage: Stage, opening: list[dict[str, Any]], end: dict[str, Any]) -> Ending:
        async with turn:
            return await stage.work(*opening, end)

    async def all_of_them() -> list[Ending]:
        scripts = ((stage, opening, end) for stage, (opening, (end, _)) in zip(stages, runs, strict=True))
        return await asyncio.gather(*(run(*script) for script in scripts))

    endings = asyncio.run(all_of_them())
    assert len(endings) == 60
    assert [ending for ending in endings if ending.reason is Reason.PASSED] == []
    unexpected = [
        (opening, end, ending)
        for ending, (opening, (end, reasons)) in zip(endings, runs, strict=True)
        if ending.reason not in reasons
    ]
    assert unexpected == []
