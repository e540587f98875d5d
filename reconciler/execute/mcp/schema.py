"""A stranger's JSON Schema made flat, as small models and their servers need it: no `$ref`, no `anyOf`. Pure."""

from __future__ import annotations

from typing import Any, cast

_DEEP = 6
_MOST = 1_000
"""parts of one schema: those that refer to each other would be endless"""
_DROPPED = ("$defs", "definitions", "$schema", "$id", "title", "examples", "default")


def flat(schema: dict[str, Any]) -> dict[str, Any]:
    """The same as far as it can be said flatly: what cannot be said is left open, so that more fits than before."""
    found = _flat(schema, schema, _DEEP, [_MOST])
    return {**found, "type": "object", "properties": found.get("properties") or {}}


def _flat(schema: dict[str, Any], root: dict[str, Any], depth: int, left: list[int]) -> dict[str, Any]:
    if depth == 0:
        return {}
    schema = _chosen(_referred(schema, root))
    kept = {key: value for key, value in schema.items() if key not in (*_DROPPED, "$ref", "anyOf", "oneOf", "allOf")}
    properties = kept.get("properties")
    if isinstance(properties, dict):
        named = cast("dict[str, Any]", properties)
        left[0] -= len(named)
        if left[0] < 0:
            return {}
        kept["properties"] = {name: _flat(_schema(value), root, depth - 1, left) for name, value in named.items()}
    if isinstance(kept.get("items"), dict):
        kept["items"] = _flat(_schema(kept["items"]), root, depth - 1, left)
    return kept


def _referred(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """What a reference into the same document means; one that leads elsewhere means anything."""
    for _ in range(_DEEP):
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return schema
        target: Any = root
        for step in reference.removeprefix("#/").split("/"):
            target = cast("dict[str, Any]", target).get(step) if isinstance(target, dict) else None
        schema = {**_schema(target), **{key: value for key, value in schema.items() if key != "$ref"}}
    return {}


def _chosen(schema: dict[str, Any]) -> dict[str, Any]:
    """Of alternatives the only one that is not null; where there are more, anything."""
    for key in ("anyOf", "oneOf", "allOf"):
        options = schema.get(key)
        if isinstance(options, list):
            real = [_schema(option) for option in cast("list[Any]", options) if _schema(option).get("type") != "null"]
            if len(real) == 1:
                return {**real[0], **{name: value for name, value in schema.items() if name != key}}
    return schema


def _schema(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
