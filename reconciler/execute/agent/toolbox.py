"""The tools of one phase: which are offered, what every call goes through, and where a refusal becomes evidence.

What a tool does is in a file of its own; every rule holds here and there, whatever the agent was told.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from reconciler.execute import text
from reconciler.execute.agent import window
from reconciler.execute.agent.commands import RUN, Commands
from reconciler.execute.agent.files import EDIT, READ, WRITE, Files
from reconciler.execute.agent.finish import Finishing
from reconciler.execute.agent.knowledge import KNOWLEDGE, Knowledge
from reconciler.execute.agent.looking import LIST, SEARCH, Looking
from reconciler.execute.agent.port import Finish, ToolResult
from reconciler.execute.agent.proposals import PROPOSE, Proposals
from reconciler.execute.agent.seat import Forbidden, Mistake, Seat, Source, seat
from reconciler.execute.backends.port import ToolSpec
from reconciler.execute.invisible import counted
from reconciler.execute.mcp.client import company_servers
from reconciler.execute.redact import redacted
from reconciler.execute.work import Work
from reconciler.model.spec import BlueprintPhase

_LOOK = (READ.name, LIST.name, SEARCH.name)
_NEEDS = {
    "product": (*_LOOK, WRITE.name, EDIT.name, RUN.name, KNOWLEDGE.name),
    "company": (*_LOOK, WRITE.name, EDIT.name, RUN.name, KNOWLEDGE.name, PROPOSE.name),
    "nothing": (*_LOOK, RUN.name, KNOWLEDGE.name),
}
"""what a way of writing needs; `finish` is everybody's"""
_WRITERS = (WRITE.name, EDIT.name)
_ALWAYS = ("finish",)


class Toolbox:
    """The `Tools` of a seat, made of sources. The first source that has a name answers to it."""

    def __init__(self, seat: Seat, sources: Sequence[Source] = ()) -> None:
        self._seat = seat
        self._finishing = Finishing(seat)
        own: tuple[Source, ...] = (
            Files(seat), Looking(seat), Commands(seat), Knowledge(seat), Proposals(seat), self._finishing,
        )  # fmt: skip
        self._known: dict[str, Source] = {spec.name: source for source in reversed(own) for spec in source.specs}
        allowed = offered(seat)
        specs = [spec for source in own for spec in source.specs if spec.name in allowed]
        self._open: dict[str, Source] = {spec.name: self._known[spec.name] for spec in specs}
        for source in sources:
            for spec in source.specs:
                if spec.name not in self._known and spec.name not in self._open:
                    self._open[spec.name] = source
                    specs.append(spec)
        self._specs = tuple(specs)

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        return self._specs

    @property
    def finished(self) -> Finish | None:
        return self._finishing.finished

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        """Do it. Whatever comes back is redacted, shows all its characters, and is bounded."""
        seat = self._seat
        seat.work.progress("tool", phase=seat.phase.name, tool=text.line(name, 60))
        try:
            result = await self._call(name, arguments)
        except Mistake as mistake:
            result = ToolResult(text=str(mistake), ok=False)
        except Forbidden as forbidden:
            seat.work.refuse(seat.phase.name, seat.phase.role, text.line(name, 60), forbidden.what, forbidden.why)
            result = ToolResult(text=f"Refused: {forbidden}", ok=False, refused=True)
        return ToolResult(text=self._shown(result.text), ok=result.ok, refused=result.refused)

    async def _call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        if self.finished is not None:
            raise Mistake("you have finished: nothing can be done after that")
        source = self._open.get(name)
        if source is not None:
            return await source.call(name, arguments)
        if name in self._known:
            raise Forbidden(_subject(name, arguments), f"this role, or this stage, has no tool {name}")
        raise Mistake(f"there is no tool {text.line(name, 60)!r}; there are {', '.join(self._open)}")

    def _shown(self, said: str) -> str:
        shown, hidden = counted(said)
        note = f"\n[{hidden} characters that do not show were left out]" if hidden else ""
        return window.capped(redacted(shown) + note, self._seat.work.brief.model.num_ctx)


@contextlib.asynccontextmanager
async def open_tools(work: Work, phase: BlueprintPhase, sources: Sequence[Source] = ()) -> AsyncGenerator[Toolbox]:
    """The tools of this phase's role: our own, then those of `sources`, then those of the company's servers."""
    seated = seat(work, phase)
    async with company_servers(work, phase.name, seated.tools) as servers:
        yield Toolbox(seated, (*sources, *servers))


def offered(seat: Seat) -> frozenset[str]:
    """The tools that the seat's agent may see: those named for it, or what it needs, as far as it may write at all."""
    allowed = {*(_NEEDS[seat.writes] if seat.tools is None else seat.tools), *_ALWAYS}
    if seat.writes == "nothing":
        allowed -= set(_WRITERS)
    if seat.writes == "product":
        # without it there would be no way to begin
        allowed.add(KNOWLEDGE.name)
    return frozenset(allowed)


def _subject(name: str, arguments: dict[str, Any]) -> str:
    return next((str(arguments[key]) for key in ("path", "command") if key in arguments), name)
