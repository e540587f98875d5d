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
from typing import Any

import msgspec

from reconciler.execute.agent import repair
from reconciler.execute.agent.port import Journal, ToolResult, Tools
from reconciler.execute.mcp.wire import LONGEST
from reconciler.execute.socket_server import SocketServer


class _Asked(msgspec.Struct, frozen=True):
    secret: str
    do: str
    name: str = ""
    arguments: dict[str, Any] = {}


class Bridge(SocketServer):
    """`async with Bridge(socket, tools, journal)`. `secret` is what a caller must know."""

    def __init__(self, path: Path, tools: Tools, journal: Journal) -> None:
        super().__init__(path, LONGEST)
        self.secret = secrets.token_urlsafe(32)
        self._latest = 0.0
        self._busy = 0
        self._tools = tools
        self._journal = journal
        self._turn = asyncio.Lock()

    def pulse(self) -> float:
        """When a tool was last at work, by the monotonic clock."""
        return time.monotonic() if self._busy else self._latest

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
            await writer.drain()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            asked = msgspec.json.decode(line, type=_Asked)
        except (msgspec.MsgspecError, RecursionError) as error:
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
                if self._tools.finished is not None:
                    return {"text": "not done: you had finished before", "ok": False}
                result = await self._fitted(asked)
        finally:
            self._busy -= 1
            self._latest = time.monotonic()
        seconds = round(self._latest - began, 3)
        self._journal.event("tool", name=asked.name, ok=result.ok, refused=result.refused, seconds=seconds)
        return {"text": result.text, "ok": result.ok and not result.refused}

    async def _fitted(self, asked: _Asked) -> ToolResult:
        """What the tool says to arguments that fit its schema: whoever calls from outside keeps to none by itself."""
        spec = next((spec for spec in self._tools.specs if spec.name == asked.name), None)
        try:
            arguments = repair.arguments(asked.arguments, spec.parameters) if spec else asked.arguments
        except repair.FormatError as error:
            return ToolResult(text=f"error: {error}", ok=False)
        return await self._tools.call(asked.name, arguments)
