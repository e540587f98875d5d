"""The bulk YAML reader: YAML 1.2 core schema over PyYAML's events, strict and bounded. It knows nothing of kinds.

`no` and `2026-06-23` are text; a key that is there twice, a key that is no text, a tag, a merge key, an alias bomb are
refused. Values are what JSON can say. Places inside a document cost a second reading, done only when one is asked for.
"""

from __future__ import annotations

import re
from typing import Any, cast

import msgspec
import yaml
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from reconciler.desired.marks import MAX_DEPTH, Marks, new_parser, read_marks
from reconciler.desired.scalars import CORE, NUMERIC, WORDS, Refused, number, tagged
from reconciler.desired.words import safe
from reconciler.model.refs import Position, Problem

MAX_BYTES = 1 << 20
MAX_REPEATED = 5_000
"""values that aliases may repeat in one file"""

Place = tuple[str | int, ...]
_ALLOWED = bytes([9, 10, 13, *range(0x20, 0x7F)])
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]|\r(?!\n)")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class Document(msgspec.Struct):
    """One document of a file: its value as plain JSON, and where its first key stands (lines and columns from 1)."""

    value: Any
    line: int
    column: int
    index: int


class Parsed(msgspec.Struct):
    """What a file holds. With a problem, `documents` are those that end before it."""

    path: str
    data: bytes
    documents: list[Document]
    problems: list[Problem]
    marks: list[Marks] | None = None

    def locate(self, document: Document, place: Place, *, key: bool = False) -> Position:
        """Where the value at `place` stands (or, with `key`, its key); the nearest container where it is not there."""
        if self.marks is None:
            self.marks = read_marks(self.data)
        if document.index >= len(self.marks):
            return Position(self.path, document.line, document.column)
        here = self.marks[document.index]
        found = here.at
        for depth, part in enumerate(place):
            below = here.below.get(part)
            if below is None:
                break
            last = depth == len(place) - 1
            found = below.key_at if key and last else below.at
            here = below
        return Position(self.path, found[0] + 1, found[1] + 1)


def parse(data: bytes, path: str) -> Parsed:
    """Read a file. Never raises for anything that stands in it."""
    parsed = Parsed(path, data, [], [])
    try:
        refused = _unreadable(data)
        if refused is None:
            _read(data, parsed.documents)
    except Refused as error:
        refused = error.message, error.line, error.column
    except yaml.YAMLError as error:
        refused = _syntax(error, data)
    if refused is not None:
        parsed.problems.append(Problem(Position(path, refused[1], refused[2]), "", refused[0]))
    return parsed


def _unreadable(data: bytes) -> tuple[str, int, int] | None:
    """What makes these bytes no text that is worth parsing: (message, line, column)."""
    if len(data) > MAX_BYTES:
        return f"larger than {MAX_BYTES // 1024} KiB; a manifest must be smaller", 1, 1
    if not data.translate(None, _ALLOWED) and b"\r" not in data:
        return None
    if data.startswith(b"\xef\xbb\xbf"):
        return "begins with a byte order mark; save it as UTF-8 without one", 1, 1
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start]
        column = len(before[before.rfind(b"\n") + 1 :].decode(errors="replace")) + 1
        return f"not UTF-8: byte 0x{data[error.start]:02x}", before.count(b"\n") + 1, column
    found = _FORBIDDEN.search(text)
    if found is None:
        return None
    line, column = text.count("\n", 0, found.start()) + 1, found.start() - text.rfind("\n", 0, found.start())
    return f"control character U+{ord(found[0]):04X} is not allowed", line, column


def _syntax(error: yaml.YAMLError, data: bytes) -> tuple[str, int, int]:
    mark: Any = cast("Any", getattr(error, "problem_mark", None) or getattr(error, "context_mark", None))
    what = str(getattr(error, "problem", None) or "cannot be read")
    rows: list[str] = data.decode().split("\n")
    row: str = rows[int(mark.line)] if mark and mark.line < len(rows) else ""
    if mark and "cannot start any token" in what and row[mark.column : mark.column + 1] == "\t":
        what = "a tab cannot indent; use spaces"
    elif "cannot start any token" in what:
        what += "; quote the text"
    elif what.startswith("mapping values are not allowed"):
        what += "; quote a text that holds `: `, and check the indentation"
    context = getattr(error, "context", None)
    said = f"not YAML: {what}" + (f" ({context})" if context else "")
    return safe(said, 240), (mark.line + 1 if mark else 1), (mark.column + 1 if mark else 1)


class _Anchor(msgspec.Struct):
    value: Any
    size: int
    complete: bool


def _read(data: bytes, documents: list[Document]) -> None:
    """Append the documents of `data`. One loop over events with a stack of its own: depth costs no recursion."""
    parser = new_parser(data)
    next_event = parser.get_event
    anchors: dict[str, _Anchor] = {}
    open_anchors: list[tuple[_Anchor, int] | None] = []
    stack: list[Any] = []
    container: Any = None
    key: str | None = None
    start: Any = None
    whole: Document | None = None
    count = repeated = index = 0
    while True:
        event: Any = next_event()
        sort: Any = event.__class__
        if sort is ScalarEvent:
            count += 1
            value: Any = event.value
            if event.tag is not None or not event.implicit[0]:
                if event.tag is not None:
                    value = tagged(event)
                if event.style == '"' and _UNPRINTABLE.search(event.value):
                    raise Refused("a text with control characters is not allowed", event.start_mark)
            elif value in WORDS:
                value = WORDS[value]
            elif value[0] in NUMERIC:
                value = number(value, event.start_mark)
            if event.anchor:
                anchors[event.anchor] = _Anchor(value, 1, True)
        elif sort is MappingEndEvent or sort is SequenceEndEvent:
            opened = open_anchors.pop()
            if opened is not None:
                opened[0].size, opened[0].complete = count - opened[1], True
            container = stack.pop()
            continue
        elif sort is MappingStartEvent or sort is SequenceStartEvent:
            count += 1
            value = {} if sort is MappingStartEvent else []
            if event.tag is not None and event.tag != CORE + ("map" if sort is MappingStartEvent else "seq"):
                raise Refused(f"tag {safe(event.tag, 60)} is not allowed", event.start_mark)
            if len(stack) >= MAX_DEPTH:
                raise Refused(f"nested deeper than {MAX_DEPTH} levels", event.start_mark)
        elif sort is AliasEvent:
            anchor = _alias(event, anchors)
            count += anchor.size
            repeated += anchor.size
            if repeated > MAX_REPEATED:
                raise Refused(f"aliases repeat more than {MAX_REPEATED} values", event.start_mark)
            value = anchor.value
        elif sort is DocumentStartEvent:
            _plain_document(event)
            anchors = {}
            container = key = start = whole = None
            index += 1
            continue
        elif sort is DocumentEndEvent:
            if whole is not None:
                documents.append(whole)
            continue
        elif sort is StreamEndEvent:
            return
        else:
            continue
        if container is None:
            start = event.start_mark
            if value is not None:
                whole = Document(value, start.line + 1, start.column + 1, index - 1)
        elif isinstance(container, list):
            container.append(value)
        elif key is None:
            key = _key(value, event, container)
            continue
        else:
            container[key] = value
            key = None
        if sort is MappingStartEvent or sort is SequenceStartEvent:
            if event.anchor:
                anchors[event.anchor] = anchor = _Anchor(value, 0, False)
                open_anchors.append((anchor, count))
            else:
                open_anchors.append(None)
            stack.append(container)
            container = value


def _alias(event: Any, anchors: dict[str, _Anchor]) -> _Anchor:
    anchor, name = anchors.get(event.anchor), safe(event.anchor, 60)
    if anchor is None:
        raise Refused(f"alias *{name} has no anchor &{name} before it", event.start_mark)
    if not anchor.complete:
        raise Refused(f"alias *{name} refers to what it stands in", event.start_mark)
    return anchor


def _plain_document(event: Any) -> None:
    if event.version not in (None, (1, 2)):
        raise Refused("`%YAML` may only say 1.2", event.start_mark)
    if event.tags:
        raise Refused("`%TAG` is not allowed", event.start_mark)


def _key(value: Any, event: Any, mapping: dict[str, Any]) -> str:
    if type(value) is not str:
        if type(event) is ScalarEvent:
            said = safe(event.value, 60)
            raise Refused(f'a key must be text; write "{said}" in quotes', event.start_mark)
        raise Refused("a key must be text, not a list, mapping or alias", event.start_mark)
    if value == "<<" and type(event) is ScalarEvent and event.implicit[0]:
        raise Refused("merge keys (`<<`) are not allowed; write the keys out", event.start_mark)
    if value in mapping:
        raise Refused(f'key "{safe(value, 60)}" is there twice', event.start_mark)
    return value
