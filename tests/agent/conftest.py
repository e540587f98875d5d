"""Conversations held over a real socket, in either server's protocol, with tools small enough to see through."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest

from reconciler.execute.agent.loop import Loop
from reconciler.execute.agent.port import Ending, Finish, Terms, ToolResult
from reconciler.execute.backends import Message, ToolSpec, open_backend, question
from reconciler.model.job import ModelBrief
from reconciler.model.spec import CallLimits
from tests.standins.llama import LlamaStandIn
from tests.standins.ollama import OllamaStandIn
from tests.standins.script import Reply, Script, StandIn

SPECS = (
    ToolSpec(
        name="read_file",
        description="Read a file.",
        parameters={"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
    ),
    ToolSpec(
        name="write_file",
        description="Write a file.",
        parameters={
            "type": "object",
            "properties": {
                "path": {"type": "string"},
                "content": {"type": "string"},
                "line": {"type": "integer"},
                "append": {"type": "boolean"},
                "tags": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["path", "content"],
        },
    ),
    ToolSpec(
        name="finish",
        description="Say that you are through.",
        parameters={"type": "object", "properties": {"summary": {"type": "string"}}, "required": ["summary"]},
    ),
)
TASK = "Write a.txt."


@dataclass
class Desk:
    """Tools over a dictionary. `files[path]` may be a list: then each reading takes the next."""

    files: dict[str, Any] = field(default_factory=dict[str, Any])
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])
    finished: Finish | None = None
    specs: tuple[ToolSpec, ...] = SPECS
    slow: asyncio.Event | None = None

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        self.asked.append((name, arguments))
        if self.slow:
            await self.slow.wait()
        if name == "finish":
            self.finished = Finish(summary=arguments["summary"])
            return ToolResult(text="Finished.")
        if name == "write_file":
            self.files[arguments["path"]] = arguments["content"]
            return ToolResult(text=f"wrote {arguments['path']}")
        if name != "read_file":
            return ToolResult(text=f"there is no tool {name}", ok=False)
        found = self.files.get(arguments["path"])
        if isinstance(found, list):
            found = found.pop(0)
        return ToolResult(text=found) if found is not None else ToolResult(text="there is no such file", ok=False)


@dataclass
class Notes:
    """A journal that keeps all in order."""

    turns: list[Message] = field(default_factory=list[Message])
    more: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    events: list[tuple[str, dict[str, object]]] = field(default_factory=list[tuple[str, dict[str, object]]])

    def keep(self, message: Message, **more: object) -> None:
        self.turns.append(message)
        self.more.append(more)

    def event(self, event: str, **more: object) -> None:
        self.events.append((event, more))


@dataclass
class Held:
    """A conversation that is over."""

    ending: Ending
    server: StandIn
    desk: Desk
    notes: Notes

    def sent(self, number: int = -1) -> list[dict[str, Any]]:
        """The messages of a request, as the server got them."""
        return self.server.requests[number]["messages"]

    def told(self) -> list[str]:
        """What the user was made to say after the opening."""
        return [turn.text for turn in self.notes.turns[2:] if turn.role == "user"]


def model(server: StandIn, backend: str, num_ctx: int = 8192, **limits: str) -> ModelBrief:
    return ModelBrief(
        backend=backend, name="m", host="here", url=server.url, num_ctx=num_ctx, offers=("text", "tools"),
        limits=CallLimits(**limits),
    )  # fmt: skip


def answered_once(held: Held) -> None:
    """Every call that was ever sent back has exactly one answer behind it, before anything else is said.

    Templates also want no empty answers, and no two words of the user in a row.
    """
    for request in held.server.requests:
        for one, other in pairwise(request["messages"]):
            assert not one["role"] == other["role"] == "user"
        assert all(
            message.get("content") or message.get("tool_calls")
            for message in request["messages"]
            if message["role"] == "assistant"
        )
        open_ids: list[str] = []
        for message in request["messages"]:
            if message["role"] == "tool":
                assert open_ids, "an answer to no call"
                open_ids.pop(0)
                continue
            assert not open_ids, "a call without an answer"
            open_ids = [call["function"]["name"] for call in message.get("tool_calls") or []]


Hold = Callable[..., Held]
STAND_INS: dict[str, type[StandIn]] = {"ollama-tool": OllamaStandIn, "llama-tool": LlamaStandIn}


@pytest.fixture(params=sorted(STAND_INS))
def protocol(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def hold(protocol: str) -> Hold:
    """`hold(script, then=None, desk=None, num_ctx=8192, limits={}, context=None, models=..., **terms)`."""

    def run(
        script: Script,
        *,
        then: Reply | str | None = None,
        desk: Desk | None = None,
        notes: Notes | None = None,
        num_ctx: int = 8192,
        limits: dict[str, str] | None = None,
        task: str = TASK,
        **more: Any,
    ) -> Held:
        desk, notes = desk or Desk(), notes or Notes()
        about = {"max_steps": 30, "max_tokens": 512, "num_ctx": num_ctx}
        server_options = {key: more.pop(key) for key in ("context", "capabilities", "models") if key in more}
        terms = Terms(**{**about, **more})
        with STAND_INS[protocol](script, then=then, **{"models": ("m:latest",), **server_options}) as server:
            backend = open_backend(model(server, protocol, num_ctx, **(limits or {})))
            ending = asyncio.run(Loop(backend).work(question("You build.", task), desk, terms, notes))
        held = Held(ending, server, desk, notes)
        answered_once(held)
        return held

    return run
