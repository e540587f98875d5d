"""Where in a file a part of an object stands: for faults that are found in values, after their file was read.

A file is read again only where it has such a fault, and once.
"""

from __future__ import annotations

from collections.abc import Callable

from reconciler.desired.parse import Parsed, Place, parse
from reconciler.model.objects import Object
from reconciler.model.refs import Position

Where = Callable[[Object, Place], Position]
"""The position of the value at a place of an object's spec."""


def begin(item: Object, place: Place) -> Position:
    """Where the object itself stands: for those that cannot read its file."""
    del place
    return item.position


def finder(read: Callable[[str], bytes | None]) -> Where:
    """Finds places in files. `read` gives the bytes of a path, or None where it cannot; then it is the object's own."""
    files: dict[str, Parsed | None] = {}

    def where(item: Object, place: Place) -> Position:
        path = item.position.path
        if path not in files:
            data = read(path)
            files[path] = None if data is None else parse(data, path)
        parsed = files[path]
        for document in parsed.documents if parsed else ():
            if parsed and (document.line, document.column) == (item.position.line, item.position.column):
                return parsed.locate(document, ("spec", *place))
        return item.position

    return where
