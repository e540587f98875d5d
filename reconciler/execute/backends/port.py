"""What every way to reach a model has in common. Values only: importing this costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol

import msgspec

from reconciler.model.vocabulary import Reason

OnToken = Callable[[str], None]
"""called with each piece of raw text as it comes; think tags and all"""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that the model wants called. `arguments` is text where the server could not make an object of it."""

    id: str
    name: str
    arguments: dict[str, Any] | str


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One turn of a conversation, in no server's own form."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str = ""
    thinking: str = ""
    """of the assistant; sent back only while it works on the same request"""
    calls: tuple[Call, ...] = ()
    name: str = ""
    """of the tool that answers"""
    call: str = ""
    """id of the call that a tool's message answers"""


class ToolSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A tool as the model is told of it. `parameters`: flat JSON Schema without `$ref` or `anyOf`."""

    name: str
    description: str
    parameters: dict[str, Any]


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked. `max_tokens` bounds the answer; with `schema` (JSON Schema) the answer is JSON that fits it.

    `tools` and `schema` never come together: servers then forget one of the two.
    """

    messages: tuple[Message, ...]
    max_tokens: int
    schema: dict[str, Any] | None = None
    tools: tuple[ToolSpec, ...] = ()
    temperature: float = 0.0


MOST_TOKENS = 10**12
MOST_USD = 1e9


def counted(value: object) -> int | None:
    """Tokens as a server counts them. None, which is unknown, where it is no number that a sum can be made of."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= MOST_TOKENS else None


def money(value: object) -> float | None:
    """The same for dollars."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value <= MOST_USD else None


def question(system: str, user: str) -> tuple[Message, ...]:
    """The messages of a single question."""
    return (Message(role="system", text=system), Message(role="user", text=user))


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer, thoughts removed. Unknown tokens or cost are None, never 0; a model of one's own costs 0.0."""

    text: str
    tokens_in: int | None
    tokens_out: int | None
    cost_usd: float | None
    ended: Literal["stop", "length"]
    thinking: str = ""
    calls: tuple[Call, ...] = ()
    note: str = ""
    """what a person should know about this answer, in one sentence"""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds. `first` is long because a server loads the model before its first word."""

    connect: float = 5.0
    first: float = 300.0
    silence: float = 120.0
    wall: float = 1800.0


class BackendError(Exception):
    """No answer came. The message is one sentence for people, with the command to run where one helps."""

    def __init__(self, reason: Reason, message: str, *, said_badly: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.said_badly = said_badly
        """the server failed over what the model said, such as a tool call it could not parse: asking again may help"""


class Backend(Protocol):
    async def chat(self, request: ChatRequest, on_token: OnToken) -> Answer:
        """Ask once. Raises BackendError. Cancelling the task closes the connection, which stops the server's work."""
        ...


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """What a host said when asked. `models` are the names it has; None where it cannot tell."""

    reachable: bool
    message: str = ""
    models: frozenset[str] | None = None
