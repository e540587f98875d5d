"""What the ways to a model share: limits of time between the parts of an answer, and the form of what is sent."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from reconciler.execute.backends.port import BackendError, Call, ChatRequest, Limits, Message
from reconciler.model.duration import seconds
from reconciler.model.spec import CallLimits
from reconciler.model.vocabulary import Reason

Part = TypeVar("Part")


def limits_of(limits: CallLimits) -> Limits:
    """The same in seconds. Raises ValueError for what is no duration."""
    return Limits(
        connect=seconds(limits.connect),
        first=seconds(limits.first),
        silence=seconds(limits.silence),
        wall=seconds(limits.wall),
    )


async def paced(parts: AsyncGenerator[Part, None], limits: Limits, who: str) -> AsyncGenerator[Part, None]:
    """The same parts, then `parts` closed.

    BackendError(STALLED) when the first or the next part is late, BackendError(TIMEOUT) when the last one is.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + limits.wall
    patience, waited_for = limits.first, "said nothing"
    try:
        while True:
            due = loop.time() + patience
            try:
                async with asyncio.timeout_at(min(due, end)):
                    part = await anext(parts)
            except StopAsyncIteration:
                return
            except TimeoutError:
                if end <= due:
                    raise BackendError(Reason.TIMEOUT, f"{who} did not finish within {limits.wall:g} s") from None
                raise BackendError(Reason.STALLED, f"{who} {waited_for} for {patience:g} s") from None
            yield part
            patience, waited_for = limits.silence, "fell silent in the middle of its answer"
    finally:
        await parts.aclose()


def checked(request: ChatRequest, *, tools: bool, who: str) -> None:
    """Raises BackendError(CAPABILITY_MISSING) for tools where there are none, ValueError for tools with a schema."""
    if request.tools and request.schema is not None:
        raise ValueError("tools and a schema never come together")
    if request.tools and not tools:
        raise BackendError(Reason.CAPABILITY_MISSING, f"{who} is reached by a way that offers no tools")


def told_schema(request: ChatRequest) -> str:
    """The schema in words: a server holds the model to its schema but does not tell it. Empty where there is none."""
    if request.schema is None:
        return ""
    return f"\n\nAnswer with JSON that fits this JSON Schema, and with nothing else:\n{json.dumps(request.schema)}"


def this_turn(messages: tuple[Message, ...]) -> int:
    """Where the turn that is under way begins: after the last thing that a person said. Thoughts before it are over."""
    return max((at + 1 for at, message in enumerate(messages) if message.role == "user"), default=0)


def as_object(call: Call) -> dict[str, Any]:
    """A call's arguments as servers insist on them: one broken call in the history would fail every further request."""
    arguments = call.arguments
    return object_in(arguments) or {} if isinstance(arguments, str) else arguments


def object_in(text: str) -> dict[str, Any] | None:
    """The JSON object that the text is, or None."""
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError):
        return None


@cache
def tls() -> ssl.SSLContext:
    """The one context of this process: loading the certificates takes 40 ms, too much for every step of a talk."""
    return ssl.create_default_context()


def is_loopback(url: str) -> bool:
    """A proxy from the environment must not come between us and our own machine."""
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
