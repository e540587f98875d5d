"""Reading an answer as it comes: time limits between its parts, and what is cut from the whole."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from typing import TypeVar
from urllib.parse import urlsplit

from reconciler.execute.backends.port import BackendError, ChatRequest, Limits
from reconciler.model.vocabulary import Reason

Part = TypeVar("Part")

_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)
_UNOPENED = re.compile(r"\A.*</think>", re.DOTALL)
_UNCLOSED = re.compile(r"<think>.*\Z", re.DOTALL)


async def paced(parts: AsyncGenerator[Part, None], limits: Limits, who: str) -> AsyncGenerator[Part, None]:
    """The same parts, then `parts` closed. BackendError(TIMEOUT) when the first, the next or the last one is late."""
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
                late = f"did not finish within {limits.wall:g} s" if end <= due else f"{waited_for} for {patience:g} s"
                raise BackendError(Reason.TIMEOUT, f"{who} {late}") from None
            yield part
            patience, waited_for = limits.silence, "fell silent in the middle of its answer"
    finally:
        await parts.aclose()


def without_thoughts(text: str) -> str:
    """The answer without what stands between think tags, be they left open at either end."""
    return _UNCLOSED.sub("", _UNOPENED.sub("", _THOUGHT.sub("", text))).strip()


def with_schema(request: ChatRequest) -> list[dict[str, str]]:
    """The messages, with the schema spelled out: a server holds the model to its schema but does not tell it."""
    messages = [{"role": message.role, "content": message.text} for message in request.messages]
    if request.schema is not None:
        wanted = f"Answer with JSON that fits this JSON Schema, and with nothing else:\n{json.dumps(request.schema)}"
        messages[-1]["content"] += f"\n\n{wanted}"
    return messages


def one_line(text: str, limit: int = 300) -> str:
    """Words of a server, fit to print: one line, no control characters, not endless."""
    plain = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(plain.split())[:limit]


def is_loopback(url: str) -> bool:
    """A proxy from the environment must not come between us and our own machine."""
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
