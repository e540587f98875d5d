"""What an agent that works with tools has in common with its tools and with whoever lets it work. Values only."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from reconciler.execute.backends.port import Message, ToolSpec
from reconciler.model.spec import Finding
from reconciler.model.vocabulary import Reason


class ToolResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a tool says to the agent. `refused`: a rule stands against it; then it is in the evidence already."""

    text: str
    ok: bool = True
    refused: bool = False


class Finish(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent said when it called `finish`. It claims; the gates judge."""

    summary: str
    decisions: tuple[str, ...] = ()
    blockers: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


class Tools(Protocol):
    """The tools of one phase. They enforce every rule; whoever calls them needs to know none."""

    @property
    def specs(self) -> tuple[ToolSpec, ...]: ...

    @property
    def finished(self) -> Finish | None:
        """Set once `finish` was called and accepted."""
        ...

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        """Do it. Never raises for what the agent asks: an unknown tool, a bad argument or a refusal is an answer."""
        ...


class Journal(Protocol):
    """Where a conversation is kept, turn by turn, before the next one begins. Append-only."""

    def keep(self, message: Message, **more: object) -> None: ...

    def event(self, event: str, **more: object) -> None:
        """Something happened: whoever watches for silence hears it."""
        ...


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """Under which a conversation is held. Tokens and US dollars; None: no limit."""

    max_steps: int
    max_tokens: int
    """of one answer"""
    num_ctx: int
    budget_usd: float | None = None


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a conversation ended: `PASSED` where the agent finished, else the one reason why not."""

    reason: Reason
    message: str
    steps: int
    tokens: int | None
    cost_usd: float | None
    """unknown is None, never 0"""
    spoken_calls: int = 0
    """calls that came as text instead of as calls"""


class ToolAgent(Protocol):
    """Whatever works with our tools until it finishes: our own loop around a model, or a program with a loop."""

    async def work(self, opening: tuple[Message, ...], tools: Tools, terms: Terms, journal: Journal) -> Ending:
        """Raises BackendError where the model cannot be reached at all. Cancelling it ends all that it started."""
        ...
