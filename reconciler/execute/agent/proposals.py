"""The tool `propose_tasks`: all that an agent can do about work that is not its own. The controller decides on it."""

from __future__ import annotations

import re
from typing import Any, cast

from reconciler.execute import text
from reconciler.execute.agent.port import ToolResult
from reconciler.execute.agent.seat import Forbidden, Mistake, Seat, listed, said, schema
from reconciler.execute.backends.port import ToolSpec
from reconciler.model.execution import Proposal

NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,46}[a-z0-9])?")
_CRITERIA = 20

PROPOSE = ToolSpec(
    name="propose_tasks",
    description="Propose tasks for others to do. Give all of them in one call; the factory decides on them.",
    parameters=schema(
        ("tasks",),
        tasks=said(
            "array",
            "the tasks",
            items=schema(
                ("name", "title", "acceptance"),
                name=said("string", "short and unique: small letters, digits, dashes"),
                title=said("string", "what is to be done, in one line"),
                description=said("string", "what whoever does it must know"),
                acceptance=said("array", "how to see that it is done, one sentence each", items={"type": "string"}),
                depends_on=said("array", "names of tasks of this list that come first", items={"type": "string"}),
            ),
        ),
    ),
)


class Proposals:
    specs = (PROPOSE,)

    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        work = self._seat.work
        limits = work.brief.policy.limits
        wanted = listed(arguments, "tasks")
        if not wanted:
            raise Mistake("`tasks` is empty: give a list of objects with name, title and acceptance")
        if work.brief.depth + 1 > limits.depth:
            raise Forbidden("propose_tasks", f"proposals of proposals end at depth {limits.depth}")
        if len(work.proposals) + len(wanted) > limits.children:
            raise Forbidden("propose_tasks", f"the Policy lets one execution propose {limits.children} tasks, no more")
        proposed = [_proposal(item) for item in wanted]
        names = [item.name for item in (*work.proposals, *proposed)]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise Mistake(f"two tasks have the name {twice}")
        _ordered({item.name: item.depends_on for item in (*work.proposals, *proposed)})
        work.proposals += proposed
        return ToolResult(text=f"Proposed: {', '.join(item.name for item in proposed)}.")


def _proposal(item: Any) -> Proposal:
    if not isinstance(item, dict):
        raise Mistake("each of `tasks` is an object with name, title and acceptance")
    plain = cast("dict[str, Any]", item)
    name, title = str(plain.get("name") or ""), text.line(str(plain.get("title") or ""), 160)
    if not NAME.fullmatch(name):
        raise Mistake(f"{name[:60]!r} is no name: use small letters, digits and dashes, at most 48")
    if not title:
        raise Mistake(f"task {name}: the title is missing")
    criteria = listed(plain, "acceptance")[:_CRITERIA]
    if not criteria:
        raise Mistake(f"task {name}: say in `acceptance` how to see that it is done")
    return Proposal(
        name=name,
        title=title,
        description=text.cut(str(plain.get("description") or ""), 4000),
        acceptance=tuple(_criterion(name, number, said) for number, said in enumerate(criteria, 1)),
        depends_on=tuple(str(other) for other in listed(plain, "depends_on")),
    )


def _criterion(name: str, number: int, said: Any) -> str:
    """A sentence. A command beside it is not taken: whoever proposes work does not say what proves it."""
    sentence = text.line(str(cast("dict[str, Any]", said).get("text") or "" if isinstance(said, dict) else said), 300)
    if not sentence:
        raise Mistake(f"task {name}: criterion {number} says nothing")
    return sentence


def _ordered(needs: dict[str, tuple[str, ...]]) -> None:
    """Every name that is depended on is there, and none waits for itself. Raises Mistake."""
    for name, others in needs.items():
        unknown = next((other for other in others if other not in needs), None)
        if unknown is not None:
            raise Mistake(f"task {name} depends on {unknown}, which is not in the list")
    left = dict(needs)
    while left:
        free = [name for name, others in left.items() if not any(other in left for other in others)]
        if not free:
            raise Mistake(f"the tasks {', '.join(sorted(left))} wait for each other")
        for name in free:
            del left[name]
