"""Names and places: which object, and where it was written."""

from __future__ import annotations

import msgspec


class Ref(msgspec.Struct, frozen=True, order=True):
    """The address of an object. `str()` gives `Task/bento-scaffold`, the form users type."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Ref:
        """Read `KIND/NAME`. Raises ValueError where there is no slash."""
        kind, slash, name = text.partition("/")
        if not slash or not kind or not name:
            raise ValueError(f"{text!r} is not KIND/NAME")
        return cls(kind, name)


class Position(msgspec.Struct, frozen=True, order=True):
    """A place in a file. `line` and `column` count from 1; `path` is relative to the repository."""

    path: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


class Problem(msgspec.Struct, frozen=True, order=True):
    """One fault in a manifest, ready to print."""

    position: Position
    object: str
    """`kind/name` as far as known, else an empty string"""
    message: str

    def __str__(self) -> str:
        return f"{self.position}: {self.object}: {self.message}" if self.object else f"{self.position}: {self.message}"
