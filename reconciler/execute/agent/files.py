"""read_file, write_file, edit_file: whole paths are judged first, no link is followed out, a file changes at once.

What belongs to the product lies in the worktree; what a lead writes for its company is kept in `Work.state_files`.
"""

from __future__ import annotations

import difflib
import itertools
import unicodedata
from pathlib import Path
from typing import Any

from reconciler.execute import paths, prompt
from reconciler.execute.agent.port import ToolResult
from reconciler.execute.agent.seat import Forbidden, Mistake, Seat, listed, number, required, said, schema
from reconciler.execute.backends.port import ToolSpec
from reconciler.execute.paths import UnsafePath
from reconciler.execute.sandbox import ROOT
from reconciler.git.repository import GitError, Repository
from reconciler.model.execution import MOST_NOTES, NOTE_BYTES

MAX_BYTES = 200_000
"""of one file that a tool reads or writes"""
LINES = 400
ASK_FIRST = "ask HiveMind first: call the tool `knowledge` with a query about this work, then do this again"
_PATH = said("string", "path relative to the product's root")

READ = ToolSpec(
    name="read_file",
    description="Read a text file, or some of its lines.",
    parameters=schema(
        ("path",),
        path=_PATH,
        offset=said("integer", "first line, counting from 1"),
        limit=said("integer", f"number of lines, {LINES} if not given"),
    ),
)
WRITE = ToolSpec(
    name="write_file",
    description="Write a whole file; folders are made, an existing file is replaced.",
    parameters=schema(("path", "content"), path=_PATH, content=said("string", "the whole new content")),
)
EDIT = ToolSpec(
    name="edit_file",
    description="Replace texts in a file. Each old_text must be in the file exactly once; all edits are made or none.",
    parameters=schema(
        ("path", "edits"),
        path=_PATH,
        edits=said(
            "array",
            "the replacements",
            items=schema(
                ("old_text", "new_text"),
                old_text=said("string", "as it is in the file, with enough around it to be unique"),
                new_text=said("string", "what takes its place"),
            ),
        ),
    ),
)


class Files:
    """The tools that work on one file. `readers` only read."""

    specs = (READ, WRITE, EDIT)

    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        path = relative(required(arguments, "path"))
        if name == READ.name:
            return self._read(path, number(arguments, "offset", 1), number(arguments, "limit", LINES))
        self._allow(path)
        if name == WRITE.name:
            return self._write(path, required(arguments, "content"))
        return self._edit(path, _edits(arguments))

    def _read(self, path: str, offset: int, limit: int) -> ToolResult:
        content = self._skill(path)
        if content is None:
            content = self._content(path)
        lines = content.splitlines(keepends=True)
        shown = lines[offset - 1 : offset - 1 + limit]
        if not shown and lines:
            raise Mistake(f"{path} has only {len(lines)} lines")
        body = "".join(shown)
        if offset > 1 or len(shown) < len(lines):
            last = offset - 1 + len(shown)
            more = f"; call again with offset {last + 1} for more" if last < len(lines) else ""
            body = f"{body.rstrip()}\n[{path}: lines {offset} to {last} of {len(lines)}{more}]"
        return ToolResult(text=body or f"[{path} is empty]")

    def _write(self, path: str, content: str) -> ToolResult:
        data = content.encode("utf-8", "replace")
        if len(data) > MAX_BYTES:
            raise Mistake(f"{path}: {len(data)} bytes are more than the {MAX_BYTES} of one call")
        self._put(path, data)
        return ToolResult(text=f"Wrote {path}, {len(data)} bytes." + self._advice())

    def _edit(self, path: str, edits: list[tuple[str, str]]) -> ToolResult:
        before = self._content(path)
        content = edited(path, before, edits)
        if content == before:
            raise Mistake(f"{path}: the edits change nothing")
        self._put(path, content.encode("utf-8", "replace"))
        return ToolResult(text=f"Edited {path}, {len(edits)} replacements." + self._advice())

    def _allow(self, path: str) -> None:
        """May this seat write here, now? Raises Forbidden."""
        seat = self._seat
        normal = _safe(path)
        if seat.writes == "company":
            if not normal.startswith(seat.state):
                why = f"this role writes below {seat.state} only; have anything else done with propose_tasks"
                raise Forbidden(path, why)
            return
        if seat.writes != "product":
            raise Forbidden(path, "this role, or this stage, only reads")
        refused = paths.refusal(normal, seat.rules) or forbidden_alike(seat, normal)
        if refused:
            raise Forbidden(path, refused.removeprefix(f"{normal}: "))
        if seat.blocking:
            raise Forbidden(path, ASK_FIRST)

    def _skill(self, path: str) -> str | None:
        """A skill by the path that the opening names. It comes before a product's file of that name: it is trusted."""
        skills = self._seat.work.brief.skills
        return next((skill.text for skill in skills if path == prompt.skill_path(skill)), None)

    def _content(self, path: str) -> str:
        """The whole text of a file. Raises Mistake, Forbidden."""
        seat = self._seat
        normal = _safe(path)
        if seat.writes == "company" and normal.startswith(seat.state):
            return self._state(normal)
        try:
            data = paths.read(seat.work.root, normal, MAX_BYTES + 1)
        except UnsafePath as unsafe:
            raise Forbidden(path, str(unsafe)) from unsafe
        except FileNotFoundError as error:
            raise Mistake(f"there is no file {path}{_alike(seat.work.root, normal)}") from error
        except OSError as error:
            raise Mistake(f"{path} cannot be read: {error.strerror}") from error
        if len(data) > MAX_BYTES:
            raise Mistake(f"{path} has more than {MAX_BYTES} bytes: use search, or a command, to see what you need")
        if b"\0" in data:
            raise Mistake(f"{path} is no text file")
        return data.decode("utf-8", "replace")

    def _state(self, path: str) -> str:
        work = self._seat.work
        written = work.state_files.get(path.removeprefix(self._seat.state))
        if written is not None:
            return written
        try:
            return Repository(Path(work.brief.factory)).read(work.brief.factory_commit, path).decode("utf-8", "replace")
        except GitError as error:
            raise Mistake(f"there is no file {path}") from error

    def _put(self, path: str, data: bytes) -> None:
        seat = self._seat
        if seat.writes == "company":
            self._keep(_safe(path).removeprefix(seat.state), data)
            return
        try:
            paths.write(seat.work.root, path, data)
        except UnsafePath as unsafe:
            raise Forbidden(path, str(unsafe)) from unsafe
        except OSError as error:
            raise Mistake(f"{path} cannot be written: {error.strerror}") from error

    def _keep(self, path: str, data: bytes) -> None:
        kept = self._seat.work.state_files
        if len(data) > NOTE_BYTES:
            raise Forbidden(path, f"{len(data)} bytes are more than the {NOTE_BYTES} that a note may have")
        if path not in kept and len(kept) >= MOST_NOTES:
            raise Forbidden(path, f"an execution may leave {MOST_NOTES} notes, no more")
        kept[path] = data.decode("utf-8", "replace")

    def _advice(self) -> str:
        return " (Asking the tool `knowledge` first is the custom here.)" if self._seat.advised else ""


def relative(path: str) -> str:
    """The path as the agent meant it: commands show the product at its place in the sandbox."""
    return path.strip().removeprefix(f"{ROOT}/").removeprefix("./")


def edited(path: str, content: str, edits: list[tuple[str, str]]) -> str:
    """`content` with every edit made, each judged against what was there before. Raises Mistake; changes nothing."""
    places: list[tuple[int, int, str]] = []
    for index, (old, new) in enumerate(edits, 1):
        count = content.count(old)
        if count == 0:
            raise Mistake(f"{path}: old_text of edit {index} is not in the file.{_closest(content, old)}")
        if count > 1:
            raise Mistake(f"{path}: old_text of edit {index} is there {count} times; give more of what is around it")
        at = content.index(old)
        places.append((at, at + len(old), new))
    places.sort()
    if any(first[1] > second[0] for first, second in itertools.pairwise(places)):
        raise Mistake(f"{path}: two edits concern the same place; make one of them")
    for start, end, new in reversed(places):
        content = content[:start] + new + content[end:]
    return content


def forbidden_alike(seat: Seat, path: str) -> str | None:
    """Why a path counts as a forbidden one that differs in case or form only: some file systems know no difference."""
    folded = _fold(path)
    for rule in seat.rules:
        found = paths.matches(folded, [_fold(glob) for glob in rule.forbid])
        if found:
            return f"forbidden: a file system may take it for {found}"
    return None


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _safe(path: str) -> str:
    try:
        normal = paths.clean(path)
    except UnsafePath as unsafe:
        raise Forbidden(path, str(unsafe)) from unsafe
    if any(part != part.rstrip(". ") for part in normal.split("/")):
        raise Forbidden(path, "a part of it ends with a dot or a space, which some file systems drop")
    return normal


def _edits(arguments: dict[str, Any]) -> list[tuple[str, str]]:
    """The edits, also where they came as text, as one object, or as old_text and new_text beside the path."""
    found = listed(arguments, "edits")
    if not found and "old_text" in arguments:
        found = [arguments]
    pairs: list[tuple[str, str]] = []
    for item in found:
        if not isinstance(item, dict):
            raise Mistake("each of `edits` is an object with old_text and new_text")
        old, new = required(item, "old_text"), required(item, "new_text")  # pyright: ignore[reportUnknownArgumentType]
        if not old:
            raise Mistake("old_text is empty: use write_file for a new file")
        pairs.append((old, new))
    if not pairs:
        raise Mistake("`edits` is empty: give a list of objects with old_text and new_text")
    return pairs


def _closest(content: str, old: str) -> str:
    """Where the agent probably meant, for the message."""
    first = next((line.strip() for line in old.splitlines() if line.strip()), "")
    lines = content.splitlines()[:5000]
    found = difflib.get_close_matches(first, [line.strip() for line in lines], n=1, cutoff=0.5) if first else []
    if not found:
        return " Read the file and copy the text from it."
    number = next(index for index, line in enumerate(lines, 1) if line.strip() == found[0])
    return f" The closest is line {number}:\n{lines[number - 1]}\nCopy the text exactly, with its indentation."


def _alike(root: Path, path: str) -> str:
    """Files of the same name elsewhere, for the message."""
    name = path.rpartition("/")[2]
    found = [item for item in paths.walk(root) if item.rpartition("/")[2] == name][:3]
    return f"; there is {', '.join(found)}" if found else ""
