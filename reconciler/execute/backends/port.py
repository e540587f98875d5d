"""What every way to reach a model has in common. Values only: importing this costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol

import msgspec

from reconciler.model.vocabulary import Reason

OnToken = Callable[[str], None]
"""called with each piece of raw text as it comes; think tags and all"""


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One question. `max_tokens` bounds the answer; with `schema` (JSON Schema) the answer is JSON that fits it."""

    system: str
    user: str
    max_tokens: int
    schema: dict[str, Any] | None = None
    temperature: float = 0.0


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer, thoughts removed. Unknown tokens or cost are None, never 0; a model of one's own costs 0.0."""

    text: str
    tokens_in: int | None
    tokens_out: int | None
    cost_usd: float | None
    ended: Literal["stop", "length"]
    note: str = ""
    """what a person should know about this answer, in one sentence"""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds. `first` is long because a server loads the model before its first word."""

    connect: float = 5.0
    first: float = 300.0
    silence: float = 120.0
    wall: float = 1800.0


DEFAULT_LIMITS = Limits()


class BackendError(Exception):
    """No answer came. The message is one sentence for people, with the command to run where one helps."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class Backend(Protocol):
    async def chat(self, request: ChatRequest, on_token: OnToken) -> Answer:
        """Ask once. Raises BackendError. Cancelling the task closes the connection, which stops the server's work."""
        ...


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """What a host said when asked. `models` are the names it has; None where it cannot tell."""

    reachable: bool
    message: str = ""
    models: frozenset[str] | None = None
