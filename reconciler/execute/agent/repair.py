"""Makes arguments of what a model sent as arguments: repairs their form, never their meaning.

A value is only ever rewritten ("3" to 3), never made up: what is missing or cannot be read is a FormatError, whose
message is for the model. It does not know what a tool does with them.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Callable, Iterable
from typing import Any, cast

from reconciler.execute import answers, text

_TRAILING_COMMA = re.compile(r'"(?:\\.|[^"\\])*+(?:"|\\?\Z)|,(?=\s*+[}\]])', re.DOTALL)
_AFTER = re.compile(r'[\s"\'}\]),;`]*')
_MAX_LITERAL = 200_000
_MAX_LENGTH = 2_000_000
_MAX_SCHEMA = 2_000
_DEEPEST = 64
_UNREADABLE = (ValueError, RecursionError, MemoryError)

Schema = dict[str, Any]


class FormatError(Exception):
    """The arguments cannot be used. The message says why, and what is expected."""


def arguments(raw: dict[str, Any] | str, parameters: Schema) -> dict[str, Any]:
    """Arguments that fit `parameters` (flat JSON Schema of an object). Raises FormatError and nothing else."""
    if isinstance(raw, str) and len(raw) > _MAX_LENGTH:
        raise _expected(f"the arguments are longer than {_MAX_LENGTH} characters", parameters)
    found = read(raw)
    if found is None:
        raise _expected("the arguments are not a JSON object", parameters)
    if too_deep(found):
        raise _expected("the arguments are nested too deep", parameters)
    problems: list[str] = []
    fitted = _object(found, parameters, "", problems)
    if problems:
        raise _expected("; ".join(problems[:5]), parameters)
    return fitted


def read(raw: dict[str, Any] | str) -> dict[str, Any] | None:
    """The object that `raw` is or spells, climbing down the ladder of repairs; None where it spells none."""
    if isinstance(raw, dict):
        return raw
    if not raw.strip():
        return {}  # a call without arguments
    rungs: tuple[Callable[[str], Any], ...] = (
        _loads,
        lambda said: _loads(answers.unfenced(said)),
        lambda said: _first(_without_trailing_commas(answers.unfenced(said).strip())),
        _literal,
    )
    for rung in rungs:
        try:
            found = rung(raw)
        except _UNREADABLE:
            continue
        if isinstance(found, list) and len(cast("list[Any]", found)) == 1:
            found = cast("list[Any]", found)[0]
        if isinstance(found, dict):
            return cast("dict[str, Any]", found)
    return None


def too_deep(value: Any) -> bool:
    """Whether lists and objects lie in each other deeper than anybody means them."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(outer: Any) -> Iterable[Any]:
    if isinstance(outer, dict):
        return cast("dict[str, Any]", outer).values()
    return cast("list[Any]", outer) if isinstance(outer, list) else ()


def plain(name: str) -> str:
    """What `filePath`, `file-path` and `file_path` have in common."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _loads(said: str) -> Any:
    """JSON, also where it is a JSON string that holds JSON. Line breaks inside strings are let through."""
    found = json.loads(said, strict=False)
    return json.loads(found, strict=False) if isinstance(found, str) else found


def _first(said: str) -> Any:
    """The object at the start, with nothing behind it but left-over quotes and brackets."""
    found, end = json.JSONDecoder(strict=False).raw_decode(said)
    if not _AFTER.fullmatch(said, end):
        raise ValueError
    return found


def _without_trailing_commas(said: str) -> str:
    return _TRAILING_COMMA.sub(lambda found: found[0] if found[0] != "," else "", said)


def _literal(said: str) -> Any:
    """Python's spelling: single quotes, True, None."""
    said = answers.unfenced(said).strip()
    if len(said) > _MAX_LITERAL:
        raise ValueError
    try:
        found = ast.literal_eval(said)
        # only what JSON can say: no sets, bytes, or keys that are no strings
        return json.loads(json.dumps(found, allow_nan=False))
    except (SyntaxError, TypeError) as error:
        raise ValueError from error


def _object(value: dict[str, Any], schema: Schema, where: str, problems: list[str]) -> dict[str, Any]:
    properties = cast("dict[str, Schema]", schema.get("properties") or {})
    required = cast("list[str]", schema.get("required") or [])
    by_plain = {plain(name): name for name in properties}
    fitted: dict[str, Any] = {}
    for key, item in value.items():
        name = key if key in properties else by_plain.get(plain(str(key)))
        if name is None:
            if schema.get("additionalProperties", True) is not False:
                fitted[key] = item
        elif (name != key and name in value) or (
            item is None and name not in required and not _allows(properties[name], "null")
        ):
            continue
        else:
            fitted[name] = _fit(item, properties[name], f"{where}{name}", problems)
    problems += [f"`{where}{name}` is missing" for name in required if name not in fitted]
    return fitted


def _fit(value: Any, schema: Schema, where: str, problems: list[str]) -> Any:
    kinds = _kinds(schema)
    if kinds and not any(_is(value, kind) for kind in kinds):
        for kind in kinds:
            try:
                value = _COERCE[kind](value, schema)
            except (KeyError, TypeError, OverflowError, *_UNREADABLE):
                continue
            break
        else:
            problems.append(f"`{where}` must be {' or '.join(kinds)}, not {text.line(_shown(value), 60)}")
            return value
    if isinstance(value, dict) and "properties" in schema:
        return _object(cast("dict[str, Any]", value), schema, f"{where}.", problems)
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        items = cast("list[Any]", value)
        return [_fit(item, schema["items"], f"{where}[{at}]", problems) for at, item in enumerate(items)]
    return _of(value, schema, where, problems)


def _of(value: Any, schema: Schema, where: str, problems: list[str]) -> Any:
    """One of the values that `enum` lists, whatever its case."""
    listed = cast("list[Any] | None", schema.get("enum"))
    if listed is None or value in listed:
        return value
    for item in listed:
        if isinstance(item, str) and isinstance(value, str) and item.lower() == value.strip().lower():
            return item
    problems.append(f"`{where}` must be one of {text.line(_shown(listed), 200)}")
    return value


def _kinds(schema: Schema) -> tuple[str, ...]:
    kind = schema.get("type")
    return tuple(cast("list[str]", kind)) if isinstance(kind, list) else (kind,) if isinstance(kind, str) else ()


def _allows(schema: Schema, kind: str) -> bool:
    kinds = _kinds(schema)
    return not kinds or kind in kinds


def _is(value: Any, kind: str) -> bool:
    if kind in ("integer", "number") and isinstance(value, bool):
        return False
    known = _TYPES.get(kind)
    return known is None or isinstance(value, known)


_TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}


def _to_string(value: Any, schema: Schema) -> str:
    del schema
    if value is None:
        raise ValueError
    # the content of a JSON file often comes as the object itself
    return json.dumps(value, indent=2 if isinstance(value, (dict, list)) else None, ensure_ascii=False)


def _to_integer(value: Any, schema: Schema) -> int:
    number = _to_number(value, schema)
    if number != int(number):
        raise ValueError
    return int(number)


def _to_number(value: Any, schema: Schema) -> float:
    del schema
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        raise ValueError
    number = int(value) if isinstance(value, str) and re.fullmatch(r"\s*-?\d+\s*", value) else float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def _to_boolean(value: Any, schema: Schema) -> bool:
    del schema
    known = {"true": True, "false": False, "1": True, "0": False}
    return known[str(value).strip().lower()]


def _to_array(value: Any, schema: Schema) -> list[Any]:
    if not isinstance(value, str):
        raise TypeError
    try:
        found = _loads(value)
    except _UNREADABLE:
        found = None
    if isinstance(found, list):
        return cast("list[Any]", found)
    items = schema.get("items")
    if value.strip() and isinstance(items, dict) and "string" in _kinds(cast("Schema", items)):
        return [value]
    raise ValueError


def _to_object(value: Any, schema: Schema) -> dict[str, Any]:
    del schema
    found = read(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError
    return found


_COERCE: dict[str, Callable[[Any, Schema], Any]] = {
    "string": _to_string,
    "integer": _to_integer,
    "number": _to_number,
    "boolean": _to_boolean,
    "array": _to_array,
    "object": _to_object,
}


def _expected(why: str, parameters: Schema) -> FormatError:
    return FormatError(f"{why}. Expected are arguments that fit {text.cut(_shown(parameters), _MAX_SCHEMA)}")


def _shown(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except _UNREADABLE:
        return "something nested too deep"
