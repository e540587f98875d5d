"""A company's servers of the Model Context Protocol, started in the sandbox, their allowed tools offered to an agent.

One that does not start is a note in the transcript, not the end of the attempt. What a server says is a stranger's
word: it is bounded, cleaned and redacted by the toolbox like everything else that an agent reads.
"""

from __future__ import annotations

import asyncio
import contextlib
import fnmatch
import importlib.util
import json
import os
import re
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler import trees
from reconciler.execute import text
from reconciler.execute.agent.port import ToolResult
from reconciler.execute.agent.seat import Source
from reconciler.execute.backends.port import ToolSpec
from reconciler.execute.child import Child
from reconciler.execute.egress import Egress
from reconciler.execute.enclosure import Enclosed, enclose, program
from reconciler.execute.mcp.schema import flat
from reconciler.execute.mcp.stdio import talked_with
from reconciler.execute.mcp.wire import INSTALL
from reconciler.execute.work import Work
from reconciler.model.job import McpBrief

if TYPE_CHECKING:
    from mcp import ClientSession
    from mcp.types import Tool

START_SECONDS = 30.0
CALL_SECONDS = 120.0
_MOST = 64
"""tools of one server"""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,53}")
"""of a tool with its server; models' servers take 64 characters, and a CLI agent puts `mcp__alai__` before it"""
_DESCRIPTION = 600
_PLACEHOLDER = re.compile(r"\$\{([^}:]*)(?::-([^}]*))?\}")


class Unusable(Exception):
    """The server cannot be used; why, in one sentence."""


class Server:
    """One server while it runs. It is a `Source` of the toolbox; a tool's name there is `mcp__<server>__<tool>`."""

    def __init__(self, brief: McpBrief, work: Work, phase: str, named: tuple[str, ...] | None) -> None:
        self._brief = brief
        self._named = named
        self._work = work
        self._phase = phase
        self._ready: asyncio.Future[ClientSession] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None
        self._done = asyncio.Event()
        self._server: Child | None = None
        self._names: dict[str, str] = {}
        self.specs: tuple[ToolSpec, ...] = ()

    async def start(self) -> None:
        """Raises Unusable. `stop` must be called in any case."""
        # the SDK wants to be left by the task that entered it, and whoever opens the tools may be another by then
        task = self._task = asyncio.ensure_future(self._run())
        done, _ = await asyncio.wait({self._ready, task}, timeout=START_SECONDS, return_when="FIRST_COMPLETED")
        if not done:
            raise Unusable(f"it did not answer within {START_SECONDS:g} s")
        if task in done:
            task.result()
            raise Unusable("it ended at once")

    async def stop(self) -> None:
        self._done.set()
        if self._task is None:
            return
        if not self._ready.done():
            self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        from mcp import MCPError

        try:
            async with asyncio.timeout(CALL_SECONDS):
                result = await self._ready.result().call_tool(self._names[name], arguments)
        except TimeoutError:
            return ToolResult(text=f"{name} did not answer within {CALL_SECONDS:g} s", ok=False)
        except (MCPError, OSError, RuntimeError, ValueError) as error:
            stdout = self._server.process.stdout if self._server else None
            if self._server and stdout and stdout.at_eof():
                # it has ended: by whom, is known in a moment
                await asyncio.wait({self._server.watched}, timeout=1.0)
            why = self._stopped() or text.line(str(error), 300)
            return ToolResult(text=f"{name} failed: {why}", ok=False)
        said = "\n".join(_words(block) for block in result.content)
        self._work.note(phase=self._phase, tool=name, arguments=arguments, answer=said, failed=result.is_error)
        return ToolResult(text=said or "(nothing was said)", ok=not result.is_error)

    async def _run(self) -> None:
        from mcp import ClientSession, MCPError

        with trees.scratch() as folder:
            way_out = folder / "out" / "socket"
            try:
                async with contextlib.AsyncExitStack() as stack:
                    enclosed = self._enclosed(folder, await stack.enter_async_context(self._network(way_out)))
                    server, *streams = await stack.enter_async_context(talked_with(enclosed))
                    self._server = server
                    session = await stack.enter_async_context(ClientSession(*streams))
                    await session.initialize()
                    self._offer(await _listed(session))
                    self._ready.set_result(session)
                    await self._done.wait()
            except (MCPError, OSError, RuntimeError, ValueError, ExceptionGroup) as error:
                raise Unusable(self._stopped() or self._complaint() or text.line(str(error), 200)) from error

    def _stopped(self) -> str:
        return f"it was ended: {self._server.stopped}" if self._server and self._server.stopped else ""

    def _complaint(self) -> str:
        """The last thing that it complained of."""
        said = self._server.complaints.decode("utf-8", "replace").strip().splitlines() if self._server else []
        return text.line(said[-1], 200) if said else ""

    @contextlib.asynccontextmanager
    async def _network(self, way_out: Path) -> AsyncGenerator[Path | None]:
        """The socket that leads out, where the Policy gives it a network."""
        brief = self._brief
        if not (brief.network or brief.egress):
            yield None
            return
        way_out.parent.mkdir()
        async with Egress(way_out, brief.egress, self._heard, internet=brief.network):
            yield way_out

    def _heard(self, place: str, through: bool, why: str) -> None:
        if not through:
            self._work.refuse(self._phase, "", f"mcp__{self._brief.name}", place, why)

    def _enclosed(self, folder: Path, way_out: Path | None) -> Enclosed:
        """How it is started. Raises Unusable."""
        brief = self._brief
        allowed = self._work.brief.policy.outside.environment
        found = program([_filled(word, allowed) for word in brief.command])
        if found is None:
            raise Unusable(f"there is no program {brief.command[0]} on this machine")
        argv, show = found
        env = {name: _filled(value, allowed) for name, value in brief.env.items()}
        return enclose(
            self._work.sandbox, argv, scratch=folder, show=show, env=env, way_out=way_out, places=brief.egress
        )

    def _offer(self, tools: list[Tool]) -> None:
        specs: list[ToolSpec] = []
        for tool in tools:
            name = f"mcp__{self._brief.name}__{tool.name}"
            if not self._allowed(tool.name, name) or len(specs) == _MOST:
                continue
            self._names[name] = tool.name
            described = text.cut(tool.description or tool.name, _DESCRIPTION)
            specs.append(ToolSpec(name=name, description=described, parameters=flat(tool.input_schema)))
        self.specs = tuple(specs)

    def _allowed(self, tool: str, name: str) -> bool:
        """By the Policy, and by the agent where its tools are listed: by name, by glob, or `mcp__<server>` for all."""
        allowed = ("*",) if self._brief.tools is None else self._brief.tools
        if not _NAME.fullmatch(name) or not any(fnmatch.fnmatchcase(tool, glob) for glob in allowed):
            return False
        whole, named = f"mcp__{self._brief.name}", self._named
        return named is None or any(glob == whole or fnmatch.fnmatchcase(name, glob) for glob in named)


@contextlib.asynccontextmanager
async def company_servers(
    work: Work, phase: str, named: tuple[str, ...] | None = None
) -> AsyncGenerator[tuple[Source, ...]]:
    """Those of the brief that start, ended on leaving. Those that do not are noted in the transcript.

    `named`: the tools that the phase's agent may use, ours among them; None: it is not restricted.
    """
    briefs = work.brief.mcp
    if briefs and importlib.util.find_spec("mcp") is None:
        _absent(work, phase, ", ".join(brief.name for brief in briefs), f"the package mcp is missing: run: {INSTALL}")
        briefs = ()
    servers = [Server(brief, work, phase, named) for brief in briefs]
    try:
        started = await asyncio.gather(*(server.start() for server in servers), return_exceptions=True)
        usable: list[Source] = []
        for brief, server, problem in zip(briefs, servers, started, strict=True):
            if isinstance(problem, Unusable):
                _absent(work, phase, brief.name, str(problem))
            elif problem is not None:
                raise problem
            else:
                work.progress("server started", phase=phase, server=brief.name, tools=len(server.specs))
                usable.append(server)
        yield tuple(usable)
    finally:
        await asyncio.shield(asyncio.gather(*(server.stop() for server in servers)))


def _absent(work: Work, phase: str, name: str, why: str) -> None:
    work.note(phase=phase, mcp=name, note=f"not there: {why}")
    work.progress("server missing", phase=phase, server=name, why=why)


async def _listed(session: ClientSession) -> list[Tool]:
    """All tools, page by page."""
    from mcp.types import PaginatedRequestParams

    tools: list[Tool] = []
    cursor: str | None = None
    while len(tools) < 10 * _MOST:
        page = await session.list_tools(params=PaginatedRequestParams(cursor=cursor) if cursor else None)
        tools += page.tools
        cursor = page.next_cursor
        if not cursor:
            break
    return tools


def _words(block: Any) -> str:
    """Text as it is, structures as JSON, and of everything else only that it was there."""
    if block.type == "text":
        return str(block.text)
    if block.type == "resource" and isinstance(getattr(block.resource, "text", None), str):
        return str(block.resource.text)
    return json.dumps({"left out": str(block.type)})


def _filled(value: str, allowed: tuple[str, ...], environment: Mapping[str, str] = os.environ) -> str:
    """With `${VARIABLE}` and `${VARIABLE:-default}` filled in, for variables that the Policy lists. Raises Unusable."""

    def variable(found: re.Match[str]) -> str:
        name, default = found.groups()
        if name not in allowed:
            raise Unusable(f"the Policy does not let it have the variable {name}")
        if name not in environment and default is None:
            raise Unusable(f"the variable {name} is not set on this machine")
        return environment.get(name, default)

    return _PLACEHOLDER.sub(variable, value)
