"""A plan's document as it is saved: what carrying it out would do, and whether somebody has edited it since."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

PRICE = "estimate_usd"
"""in the `after` of what starts: what it is expected to cost, which changes nothing of what is done"""


class Base(msgspec.Struct, frozen=True):
    """What the plan was made of."""

    commit: str


class Line(msgspec.Struct, frozen=True):
    """A change without its times and sentences."""

    address: str
    action: str
    reason: str
    before: dict[str, object] | None
    after: dict[str, object] | None
    needs_person: bool


class Meaning(msgspec.Struct, frozen=True):
    """Equal as long as carrying the plan out does the same."""

    base: Base
    changes: tuple[Line, ...]
    held: tuple[Line, ...]
    drift: tuple[Line, ...]


def meaning(document: object) -> Meaning:
    """What a plan's document says is to be done. Raises msgspec.ValidationError for what is no such document."""
    found = msgspec.convert(document, Meaning)
    for line in found.changes:
        if line.after is not None:
            line.after.pop(PRICE, None)
    return found


def digest(document: Mapping[str, object]) -> str:
    """sha256 (hex) of all that the document says, sentences too; only what is called `digest` is left out."""
    rest = {key: value for key, value in document.items() if key != "digest"}
    return hashlib.sha256(msgspec.json.encode(rest, order="sorted")).hexdigest()
