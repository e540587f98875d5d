"""list_files and search: what is where in the product. Both are bounded, and neither follows a link."""

from __future__ import annotations

import asyncio
from typing import Any

from reconciler.execute import paths
from reconciler.execute.agent.files import relative
from reconciler.execute.agent.port import ToolResult
from reconciler.execute.agent.seat import Forbidden, Mistake, Seat, required, said, schema
from reconciler.execute.backends.port import ToolSpec
from reconciler.execute.paths import UnsafePath

LISTED = 300
FOUND = 100
_A_FILE = 20
_WIDTH = 300
_SECONDS = 20.0

LIST = ToolSpec(
    name="list_files",
    description="List files of the product.",
    parameters=schema(glob=said("string", "such as `src/**/*.py`; everything if not given")),
)
SEARCH = ToolSpec(
    name="search",
    description="Find lines in the product's files by a regular expression or plain text.",
    parameters=schema(
        ("pattern",),
        pattern=said("string", "extended regular expression, as grep -E takes it, or plain text"),
        path=said("string", "folder or file to look in; everything if not given"),
        ignore_case=said("boolean", "find capitals and small letters alike"),
    ),
)


class Looking:
    specs = (LIST, SEARCH)

    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        if name == LIST.name:
            return await self._list(str(arguments.get("glob") or ""))
        return await self._search(
            required(arguments, "pattern"), str(arguments.get("path") or "."), bool(arguments.get("ignore_case"))
        )

    async def _list(self, glob: str) -> ToolResult:
        root = self._seat.work.root
        glob = relative(glob).strip("/")
        if ".." in glob.split("/"):
            raise Forbidden(glob, "it leaves the product's root")
        if glob in ("", "."):
            glob = "**"
        elif (root / glob).is_dir():
            glob += "/**"
        found = [
            path for path in await asyncio.to_thread(lambda: list(paths.walk(root))) if paths.matches(path, [glob])
        ]
        if not found:
            return ToolResult(text=f"No file matches {glob}.")
        more = f"\n[{len(found) - LISTED} more: use a narrower glob]" if len(found) > LISTED else ""
        return ToolResult(text="\n".join(found[:LISTED]) + more)

    async def _search(self, pattern: str, path: str, ignore_case: bool) -> ToolResult:
        """By grep in the sandbox: its patterns take no exponential time, and it ends with its limits."""
        if not pattern:
            raise Mistake("the pattern is empty")
        where = relative(path).rstrip("/") or "."
        if where != ".":
            try:
                where = f"./{paths.clean(where)}"
            except UnsafePath as unsafe:
                raise Forbidden(path, str(unsafe)) from unsafe
        options = ["-rnI", f"-m{_A_FILE}", *(f"--exclude-dir={name}" for name in paths.SKIPPED)]
        options += ["-i"] if ignore_case else []
        # what many write and grep does not know
        regular = pattern.replace(r"\d", "[0-9]").replace("(?:", "(")
        code, lines, said = await self._grep([*options, "-E", "-e", regular, "--", where])
        note = ""
        if code not in (0, 1) and not lines:
            note = f"[as plain text, since it is no regular expression: {said.strip()[:200]}]\n"
            code, lines, said = await self._grep([*options, "-F", "-e", pattern, "--", where])
        if not lines:
            return ToolResult(
                text=f"{note}Nothing found." if code == 1 else f"{note}{said.strip()[:300]}", ok=code == 1
            )
        more = f"\n[{len(lines) - FOUND} more: search in a folder]" if len(lines) > FOUND else ""
        shown = (line.removeprefix("./") for line in lines[:FOUND])
        return ToolResult(text=note + "\n".join(line[:_WIDTH] for line in shown) + more)

    async def _grep(self, options: list[str]) -> tuple[int, list[str], str]:
        """Exit code (2: trouble), the lines that match, and all that was said."""
        work = self._seat.work
        done = await work.sandbox.run(["grep", *options], root=work.root, access="read", timeout=_SECONDS)
        output = done.text()
        lines = [line for line in output.split("\n") if line and not line.startswith("grep: ")]
        return (2 if done.exit is None else done.exit), lines, done.stopped or output
