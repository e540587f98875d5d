"""Where the values and keys of a file stand: a second reading of it, done only when somebody asks for a place."""

from __future__ import annotations

import importlib
from typing import Any, cast

import msgspec
import yaml
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

MAX_DEPTH = 64
try:
    new_parser: Any = importlib.import_module("yaml.cyaml").CParser
except ImportError:  # PyYAML may be built without libyaml
    new_parser = yaml.SafeLoader


class Marks(msgspec.Struct):
    """(row, column) from 0 of a value and of its key, and what stands in it."""

    at: tuple[int, int]
    key_at: tuple[int, int]
    below: dict[str | int, Marks] = {}


def read_marks(data: bytes) -> list[Marks]:
    """Places of all values and keys, one tree a document. `data` may end in a fault: what stands before it is there."""
    found: list[Marks] = []
    try:
        parser = new_parser(data)
        stack: list[tuple[Marks, bool]] = []
        key: tuple[str, tuple[int, int]] | None = None
        while True:
            event: Any = parser.get_event()
            sort = cast("Any", type(event))
            if sort is StreamEndEvent:
                return found
            if sort is MappingEndEvent or sort is SequenceEndEvent:
                stack.pop()
                continue
            if sort not in (ScalarEvent, AliasEvent, MappingStartEvent, SequenceStartEvent):
                continue
            at = (event.start_mark.line, event.start_mark.column)
            if stack and stack[-1][1] and key is None:
                if sort is not ScalarEvent:
                    return found
                key = (event.value, at)
                continue
            marks = Marks(at, at)
            if not stack:
                found.append(marks)
            elif key is not None:
                marks.key_at = key[1]
                stack[-1][0].below[key[0]] = marks
                key = None
            else:
                stack[-1][0].below[len(stack[-1][0].below)] = marks
            if sort is MappingStartEvent or sort is SequenceStartEvent:
                if len(stack) >= MAX_DEPTH:
                    return found  # no document goes on from here, and libyaml takes ever longer the deeper it gets
                stack.append((marks, sort is MappingStartEvent))
    except yaml.YAMLError:
        return found
