"""The tool `knowledge`: what HiveMind knows. Asking it is what opens the product to writing."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

from reconciler.execute import text
from reconciler.execute.agent.port import ToolResult
from reconciler.execute.agent.seat import Mistake, Seat, required, said, schema
from reconciler.execute.backends.port import ToolSpec
from reconciler.knowledge.entry import Entry
from reconciler.knowledge.index import Index

ENTRIES = 5
_CHARACTERS = 1500

KNOWLEDGE = ToolSpec(
    name="knowledge",
    description="Ask HiveMind what is known about something: decisions, pitfalls, earlier work.",
    parameters=schema(("query",), query=said("string", "a few words on what you are about to do")),
)


class Knowledge:
    specs = (KNOWLEDGE,)

    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        query = required(arguments, "query").strip()
        if not query:
            raise Mistake("the query is empty: name what you are about to do")
        work = self._seat.work
        found = await asyncio.to_thread(_search, Path(work.brief.factory), query, work.product_name)
        work.asked = True
        work.knowledge += [entry.path for entry in found if entry.path not in work.knowledge]
        if not found:
            return ToolResult(text="HiveMind knows nothing of this. Go on.")
        mark = text.new_mark()
        parts = [
            text.delimited("knowledge", f"{text.quoted(entry.path)}\n{text.cut(entry.text, _CHARACTERS)}", mark)
            for entry in found
        ]
        return ToolResult(text="\n\n".join(parts))


def _search(factory: Path, query: str, product: str) -> list[Entry]:
    database = factory / "state" / "knowledge.db"
    if not database.exists():
        return []
    with contextlib.closing(Index(database)) as index:
        return index.search(query, limit=ENTRIES, product=product or None)
