"""The tools of one phase behind a unix socket, for a tool server that a CLI agent starts (`mcp.server`).

Whoever asks must know the run's secret. Calls are done one after another, however many come at once.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from reconciler.execute.agent.port import Journal, Tools
from reconciler.execute.mcp.wire import LONGEST


class _Asked(msgspec.Struct, frozen=True):
    secret: str
    do: str
    name: str = ""
    arguments: dict[str, Any] = {}


class Bridge:
    """`async with Bridge(socket, tools, journal)`. `secret` is what a caller must know."""

    def __init__(self, path: Path, tools: Tools, journal: Journal) -> None:
        self.secret = secrets.token_urlsafe(32)
        self._latest = 0.0
        self._busy = 0
        self._path = path
        self._tools = tools
        self._journal = journal
        self._turn = asyncio.Lock()
        self._open: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Bridge:
        self._server = await asyncio.start_unix_server(self._accept, str(self._path), limit=LONGEST)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def pulse(self) -> float:
        """When a tool was last at work, by the monotonic clock."""
        return time.monotonic() if self._busy else self._latest

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError, asyncio.CancelledError):
            pass  # the caller went away or sent a line without end, or the phase is over
        finally:
            self._open.discard(task)
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            asked = msgspec.json.decode(line, type=_Asked)
        except msgspec.MsgspecError as error:
            return {"error": f"not a request: {error}"}
        if not hmac.compare_digest(asked.secret.encode(), self.secret.encode()):
            self._journal.event("tools refused", why="a caller did not know the secret of this run")
            return {"error": "not allowed"}
        if asked.do == "list":
            return {"tools": [msgspec.to_builtins(spec) for spec in self._tools.specs]}
        if asked.do == "call":
            return await self._call(asked)
        return {"error": f"there is nothing like {asked.do!r}"}

    async def _call(self, asked: _Asked) -> dict[str, Any]:
        self._busy += 1
        began = time.monotonic()
        try:
            async with self._turn:
                result = await self._tools.call(asked.name, asked.arguments)
        finally:
            self._busy -= 1
            self._latest = time.monotonic()
        seconds = round(self._latest - began, 3)
        self._journal.event("tool", name=asked.name, ok=result.ok, refused=result.refused, seconds=seconds)
        return {"text": result.text, "ok": result.ok and not result.refused}
