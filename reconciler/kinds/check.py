"""Checks one document: in full (pydantic, with words for every fault) or fast (jsonschema-rs, yes or no).

pydantic is imported only by the full check.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from reconciler.kinds import names, rules
from reconciler.kinds.rules import Place
from reconciler.model.share import share

Known = tuple[str, ...]


class Complaint:
    """One fault. With `key` the key at `place` is wrong, else its value; `known` are words that would be right."""

    __slots__ = ("key", "known", "message", "place", "word")

    def __init__(self, place: Place, message: str, *, key: bool = False, word: str = "", known: Known = ()) -> None:
        self.place, self.message, self.key, self.word, self.known = place, message, key, word, known


@cache
def _schema(kind: str) -> dict[str, Any]:
    return json.loads((share("schemas") / f"{kind.lower()}.json").read_bytes())


@cache
def _validator(kind: str) -> Any:
    import jsonschema_rs

    return jsonschema_rs.validator_for(_schema(kind))


def fast(kind: str, document: Mapping[str, Any]) -> bool:
    """Whether the document is right, rules included. What it calls wrong may only be `3.0` for 3: ask `full`."""
    if not _validator(kind).is_valid(document):
        return False
    return next(rules.faults(kind, document), None) is None and next(names.faults(kind, document), None) is None


def full(kind: str, document: Mapping[str, Any]) -> list[Complaint]:
    """All faults of a document."""
    from pydantic import ValidationError

    from reconciler.kinds.manifest import KINDS

    try:
        KINDS[kind].model_validate(document)
    except ValidationError as error:
        details = error.errors(include_url=False)
        return _distinct([_complaint(kind, document, cast("dict[str, Any]", detail)) for detail in details])
    found = [Complaint(place, message) for place, message in rules.faults(kind, document)]
    unknown = names.faults(kind, document)
    return found + [Complaint(name.place, name.message, word=name.word, known=name.known) for name in unknown]


def _distinct(complaints: list[Complaint]) -> list[Complaint]:
    """One complaint a place: a union complains once for each of its branches."""
    kept: dict[tuple[Place, bool], Complaint] = {}
    for complaint in complaints:
        kept.setdefault((complaint.place, complaint.key), complaint)
    return list(kept.values())


def _complaint(kind: str, document: Mapping[str, Any], detail: dict[str, Any]) -> Complaint:
    sort: str = detail["type"]
    location: tuple[str | int, ...] = detail["loc"]
    bad_key = bool(location) and location[-1] == "[key]"
    place = _existing(document, location[:-1] if bad_key else location)
    given, context = detail.get("input"), detail.get("ctx", {})
    if sort == "missing":
        return Complaint(place, f'missing key "{location[-1]}"')
    if sort == "extra_forbidden":
        known = _known_keys(kind, place[:-1])
        return Complaint(place, 'unknown key "{}"', key=True, word=str(location[-1]), known=known)
    if sort == "literal_error":
        choices = tuple(str(context["expected"]).replace(" or ", ", ").replace("'", "").split(", "))
        said = f"{{}} is not one of {', '.join(choices)}"
        return Complaint(place, said, key=bad_key, word=_shown(given), known=choices)
    return Complaint(place, _said(sort, context), key=bad_key, word=_shown(given))


def _existing(document: Any, location: tuple[str | int, ...]) -> Place:
    """`location` without the parts that name a branch of a union and not a place of the document."""
    place: list[str | int] = []
    here = document
    for part in location:
        if isinstance(here, dict) and part in here:
            here = cast("dict[str | int, Any]", here)[part]
        elif isinstance(here, list) and isinstance(part, int) and part < len(cast("list[Any]", here)):
            here = cast("list[Any]", here)[part]
        else:
            continue
        place.append(part)
    return tuple(place)


_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_BOUNDS = {"greater_than_equal": ("ge", "at least"), "less_than_equal": ("le", "at most")}


def _said(sort: str, context: Mapping[str, Any]) -> str:
    """A message; `{}` stands for what was given."""
    if sort in _EXPECTED:
        return f"expected {_EXPECTED[sort]}, got {{}}"
    if sort in _BOUNDS:
        key, words = _BOUNDS[sort]
        return f"must be {words} {context[key]}, got {{}}"
    if sort == "string_pattern_mismatch":
        from reconciler.kinds.base import IN_WORDS

        return f"{{}} is not {IN_WORDS.get(context['pattern'], 'what is expected here')}"
    if sort == "string_too_long":
        return f"longer than {context['max_length']} characters"
    if sort in ("string_too_short", "too_short"):
        return "must not be empty"
    return f"{{}} is not allowed here ({sort.replace('_', ' ')})"


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value[:200]}"'
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "a mapping"
    return str(value)[:40]


def _known_keys(kind: str, place: Place) -> Known:
    """Keys that the schema knows for the mapping at `place`."""
    schema = _schema(kind)
    here: Any = schema
    for part in place:
        here = _mapping(schema, here)
        here = here.get("items", {}) if isinstance(part, int) else here.get("properties", {}).get(part, {})
    return tuple(_mapping(schema, here).get("properties", ()))


def _mapping(schema: dict[str, Any], here: Any) -> dict[str, Any]:
    """Follow references and take the branch of an `anyOf` that has something inside."""
    while True:
        if "$ref" in here:
            here = schema["$defs"][here["$ref"].rpartition("/")[2]]
        elif "anyOf" in here:
            here = next((branch for branch in here["anyOf"] if "$ref" in branch or "items" in branch), cast("Any", {}))
        else:
            return here
