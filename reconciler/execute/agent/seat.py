"""Who sits at the tools: the role of one phase, what it may write, and the two ways in which a tool says no.

Values and rules only; the tools themselves are elsewhere.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

from reconciler.execute.agent.port import ToolResult
from reconciler.execute.backends.port import ToolSpec
from reconciler.execute.work import Work
from reconciler.model.job import AgentBrief
from reconciler.model.spec import BlueprintPhase, Paths
from reconciler.model.tools import grant_nothing

Writes = Literal["product", "company", "nothing"]


class Mistake(Exception):
    """The agent asked for something that cannot be done as asked. The message says how to ask instead."""


class Forbidden(Exception):
    """A rule stands against what was asked: a line of the evidence. `what` is a path, a command or a name."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")
        self.what = what
        self.why = why


class Source(Protocol):
    """Some tools of one kind. `call` is only ever asked for names among `specs`; it may raise Mistake and Forbidden."""

    @property
    def specs(self) -> tuple[ToolSpec, ...]: ...

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolResult: ...


@dataclass
class Seat:
    """One role in one phase of an attempt. `writes`: where its tools may write at all."""

    work: Work
    phase: BlueprintPhase
    agent: AgentBrief | None
    writes: Writes
    rules: tuple[Paths, ...]
    """of the task and of the agent: a path must be allowed by each"""

    @property
    def tools(self) -> tuple[str, ...] | None:
        """Those it may use: its agent's, or its company's where nobody has the role; None: what `writes` needs."""
        return self.agent.tools if self.agent else self.work.brief.tools

    @property
    def blocking(self) -> bool:
        """Whether HiveMind must be asked before this seat changes anything in a product."""
        work = self.work
        return self.writes == "product" and not work.asked and work.brief.policy.knowledge == "blocking"

    @property
    def advised(self) -> bool:
        """Whether asking HiveMind first is only good advice, and was not taken."""
        return self.writes == "product" and not self.work.asked and not self.blocking

    @property
    def state(self) -> str:
        """The one folder of the factory repository that a lead writes to, ending with `/`."""
        return f"{self.work.brief.notes_folder}/"


def seat(work: Work, phase: BlueprintPhase) -> Seat:
    """The seat of the phase's role. A read-only stage takes the product from everybody."""
    agent = work.agent(phase)
    writes: Writes = agent.writes if agent else "product"
    if writes == "product" and (work.brief.read_only or (agent is None and grant_nothing(work.brief.tools))):
        writes = "nothing"
    return Seat(work, phase, agent, writes, work.rules(phase))


def required(arguments: dict[str, Any], name: str) -> str:
    """A text argument. Raises Mistake where it is missing or no text."""
    value = arguments.get(name)
    if not isinstance(value, str):
        raise Mistake(f"the argument `{name}` is missing or is no text")
    return value.encode("utf-8", "replace").decode()  # half a character is none: no file and no program takes it


def number(arguments: dict[str, Any], name: str, default: int, least: int = 1) -> int:
    """A whole number, also one that came as text. Raises Mistake."""
    value = arguments.get(name)
    if value is None or value == "":
        return default
    try:
        return max(int(value), least)
    except (TypeError, ValueError, OverflowError) as error:
        raise Mistake(f"the argument `{name}` is no whole number") from error


def listed(arguments: dict[str, Any], name: str) -> list[Any]:
    """A list, also one that came as JSON text, or a single item for a list of one. Raises Mistake."""
    value = arguments.get(name)
    if value is None or value == "":
        return []
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return [value]
    if isinstance(value, list):
        return cast("list[Any]", value)
    if isinstance(value, (dict, str)):
        return [cast("Any", value)]
    raise Mistake(f"the argument `{name}` is no list")


def schema(required: tuple[str, ...] = (), **properties: dict[str, Any]) -> dict[str, Any]:
    """A flat JSON Schema of an object."""
    return {"type": "object", "properties": properties, "required": list(required)}


def said(kind: str, description: str, **more: Any) -> dict[str, Any]:
    """One property of a schema."""
    return {"type": kind, "description": description, **more}
