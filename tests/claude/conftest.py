"""The stand-in for `claude` with a script of a test, and tools that really do a little."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from reconciler.execute.agent.port import Ending, Finish, Terms, ToolResult
from reconciler.execute.backends.claude_cli import ClaudeCli
from reconciler.execute.backends.port import Message, ToolSpec, question
from reconciler.execute.sandbox import Sandbox
from reconciler.model.job import ModelBrief
from reconciler.model.spec import CallLimits

# the factory, the product and the briefs of attempts are theirs
from tests.execute.conftest import brief, factory, product

__all__ = ["brief", "factory", "product"]

STAND_IN = Path(__file__).parents[1] / "standins" / "claude.py"
KEY = "sk-ant-stand-in-key-of-nobody"
LIMITS = CallLimits(first="120s", silence="120s", wall="240s")
TERMS = Terms(max_steps=7, max_tokens=1000, num_ctx=8192, budget_usd=0.5)


@dataclass
class Folder:
    """Two tools over a folder. Not the factory's own, which have tests of their own."""

    path: Path
    pause: float = 0.0
    finished: Finish | None = None
    specs: tuple[ToolSpec, ...] = (
        ToolSpec(
            name="write_file",
            description="Write a file.",
            parameters={
                "type": "object",
                "properties": {"path": {"type": "string"}, "content": {"type": "string"}},
                "required": ["path", "content"],
            },
        ),
        ToolSpec(name="finish", description="Finish.", parameters={"type": "object", "properties": {}}),
    )

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        await asyncio.sleep(self.pause)
        if name == "finish":
            self.finished = Finish(summary=str(arguments.get("summary", "")))
            return ToolResult(text="finished")
        if name != "write_file":
            return ToolResult(text=f"there is no tool {name}", ok=False)
        if ".." in arguments["path"]:
            return ToolResult(text="outside of the product", ok=False, refused=True)
        (self.path / arguments["path"]).write_text(arguments["content"])
        return ToolResult(text="written")


@dataclass
class Kept:
    """A journal in memory."""

    messages: list[Message] = field(default_factory=list)
    events: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def keep(self, message: Message, **more: object) -> None:
        self.messages.append(message)

    def event(self, event: str, **more: object) -> None:
        self.events.append((event, more))

    def said(self) -> list[str]:
        return [message.text for message in self.messages if message.role == "assistant" and message.text]

    def answers(self) -> list[str]:
        return [message.text for message in self.messages if message.role == "tool"]


@dataclass
class Stage:
    """Where a scripted run takes place."""

    folder: Path
    sandbox: Sandbox | None = None
    limits: CallLimits = LIMITS
    terms: Terms = TERMS
    journal: Kept = field(default_factory=Kept)
    refused: list[tuple[str, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.folder / "product").mkdir(parents=True)
        self.tools = Folder(self.folder / "product")

    def command(self, *steps: dict[str, Any]) -> tuple[str, ...]:
        script = self.folder / "script" / "script.json"
        script.parent.mkdir(exist_ok=True)
        script.write_text(json.dumps(steps))
        return (sys.executable, str(STAND_IN), str(script))

    def model(self, *steps: dict[str, Any]) -> ModelBrief:
        return ModelBrief(
            backend="claude-cli",
            name="sonnet",
            host="here",
            url=None,
            num_ctx=8192,
            offers=("text", "schema", "tools"),
            limits=self.limits,
            command=self.command(*steps),
        )

    def agent(self, *steps: dict[str, Any]) -> ClaudeCli:
        return ClaudeCli(self.model(*steps), sandbox=self.sandbox, refuse=lambda *what: self.refused.append(what))

    async def work(self, *steps: dict[str, Any]) -> Ending:
        opening = question("You are a builder.", "Add a page.")
        return await self.agent(*steps).work(opening, self.tools, self.terms, self.journal)

    def run(self, *steps: dict[str, Any]) -> Ending:
        return asyncio.run(self.work(*steps))


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """In the machine's sandbox, with a key of nobody's."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in [name for name in os.environ if name.startswith(("ANTHROPIC_", "CLAUDE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("UNRELATED_TOKEN", "this-must-stay-outside")
    return Stage(tmp_path)


@pytest.fixture
def plain(stage: Stage) -> Stage:
    """Without a sandbox, as a Policy may allow it."""
    stage.sandbox = Sandbox.plain()
    return stage
