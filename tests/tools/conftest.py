"""A seat at the tools, without an attempt around it: a product, a brief, and a way to call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.execute.agent.port import ToolResult
from reconciler.execute.agent.seat import Source
from reconciler.execute.agent.toolbox import Toolbox, open_tools
from reconciler.execute.sandbox import Sandbox
from reconciler.execute.work import Work
from reconciler.model.job import AgentBrief
from reconciler.model.spec import AgentPhase, BlueprintPhase, PolicySpec
from tests.execute.conftest import Make, Repo, brief, factory, product

__all__ = ["brief", "factory", "product"]


class Desk:
    """Tools that are open: `desk("read_file", path="a")`."""

    def __init__(self, work: Work, tools: Toolbox) -> None:
        self.work = work
        self.tools = tools

    def __call__(self, name: str, **arguments: Any) -> ToolResult:
        return asyncio.run(self.tools.call(name, arguments))

    def names(self) -> set[str]:
        return {spec.name for spec in self.tools.specs}


Sit = Callable[..., Desk]


@pytest.fixture
def sit(brief: Make, product: Repo, tmp_path: Path) -> Sit:
    """`sit(writes="product", output="text", tools=None, paths=Paths(), sources=(), asked=True, **fields of Brief)`."""

    def build(
        writes: str = "product", output: str = "text", tools: tuple[str, ...] | None = None,
        sources: tuple[Source, ...] = (),
        asked: bool = True, agent_paths: Any = None, **fields: Any,
    ) -> Desk:  # fmt: skip
        phase = BlueprintPhase(name="do", role="r", needs=("tools",), agent=AgentPhase(prompt="p", output=output))  # type: ignore[arg-type]
        agent = AgentBrief(name="a", role="r", prompt="", writes=writes, tools=tools)  # type: ignore[arg-type]
        if agent_paths is not None:
            agent = AgentBrief(name="a", role="r", prompt="", writes=writes, tools=tools, paths=agent_paths)  # type: ignore[arg-type]
        made = brief(phase, **{"agents": {"r": agent}, **fields})
        run_dir = tmp_path / "run"
        run_dir.mkdir(exist_ok=True)
        policy: PolicySpec = made.policy
        sandbox = Sandbox.detect(policy.limits)
        assert sandbox
        work = Work(brief=made, root=product.path, run_dir=run_dir, sandbox=sandbox)
        work.asked = asked

        async def opened() -> Toolbox:
            async with open_tools(work, phase, sources) as tools:
                return tools

        return Desk(work, asyncio.run(opened()))

    return build
