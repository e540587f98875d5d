"""Changes one key of a YAML text by place, not by writing it anew: for texts that a round trip would reformat."""

from __future__ import annotations

import json
from typing import Any, cast

import yaml


class Unspliceable(Exception):
    """The text is laid out in a way that no single line or span can be changed."""


def splice(text: str, index: int, place: tuple[str | int, ...], value: object | None) -> str:
    """`text` with the key at `place` of document number `index` set to `value`, or without it where that is None.

    The caller reads the result back: this only finds the span. Raises Unspliceable.
    """
    try:
        node = list(cast("Any", yaml).compose_all(text, yaml.SafeLoader))[index]
    except (yaml.YAMLError, RecursionError, IndexError) as error:
        raise Unspliceable from error
    for number, part in enumerate(place[:-1]):
        below = _below(node, part)
        if below is None or _empty(below):
            if value is None:
                raise Unspliceable
            nested: Any = value
            for key in reversed(place[number + 1 :]):
                nested = {key: nested}
            return _set(text, node, str(part), nested)
        node = below
    if value is None and place[-2:-1] == ("annotations",) and len(node.value) == 1:
        return splice(text, index, place[:-1], None)
    return _remove(text, node, str(place[-1])) if value is None else _set(text, node, str(place[-1]), value)


def _is_mapping(node: Any) -> bool:
    return isinstance(node, yaml.MappingNode)


def _is_sequence(node: Any) -> bool:
    return isinstance(node, yaml.SequenceNode)


def _is_scalar(node: Any) -> bool:
    return isinstance(node, yaml.ScalarNode)


def _empty(node: Any) -> bool:
    return _is_scalar(node) or (_is_mapping(node) and not node.value)


def _below(node: Any, part: str | int) -> Any:
    if _is_sequence(node) and isinstance(part, int):
        return node.value[part]
    if _is_mapping(node):
        return next((value for key, value in node.value if key.value == part), None)
    raise Unspliceable


def _flow(value: object) -> str:
    """A value in one line. JSON is YAML, but for colons that need a space, which `json` writes."""
    return json.dumps(value, ensure_ascii=False)


def _set(text: str, mapping: Any, key: str, value: object) -> str:
    if not _is_mapping(mapping) or not mapping.value:
        raise Unspliceable
    for name, old in mapping.value:
        if name.value == key:
            if _is_scalar(old) and old.style in ("|", ">"):
                raise Unspliceable
            start, end = old.start_mark.index, old.end_mark.index
            written = _flow(value)
            if start == end:
                written = f" {written}"
            return text[:start] + written + text[end:]
    first, first_value = mapping.value[0]
    pair = f"{json.dumps(key) if not _plain(key) else key}: {_flow(value)}"
    if mapping.flow_style:
        at = first.start_mark.index
        return f"{text[:at]}{pair}, {text[at:]}"
    if _is_scalar(first_value) and first_value.style not in ("|", ">"):
        at = text.find("\n", first_value.end_mark.index)
        ending = "\r\n" if at > 0 and text[at - 1] == "\r" else "\n"
        indented = " " * first.start_mark.column + pair
        return f"{text}{ending}{indented}" if at < 0 else f"{text[: at + 1]}{indented}{ending}{text[at + 1 :]}"
    line = text.rfind("\n", 0, first.start_mark.index) + 1
    if text[line : first.start_mark.index].strip():
        raise Unspliceable
    return f"{text[:line]}{' ' * first.start_mark.column}{pair}\n{text[line:]}"


def _plain(key: str) -> bool:
    return key.replace("/", "").replace(".", "").replace("-", "").isalpha()


def _remove(text: str, mapping: Any, key: str) -> str:
    pairs = mapping.value if _is_mapping(mapping) else cast("Any", [])
    number = next((n for n, (name, _) in enumerate(pairs) if name.value == key), None)
    if number is None:
        raise Unspliceable
    name, value = pairs[number]
    if mapping.flow_style:
        if len(pairs) == 1:
            return text[: name.start_mark.index] + text[value.end_mark.index :]
        if number + 1 < len(pairs):
            return text[: name.start_mark.index] + text[pairs[number + 1][0].start_mark.index :]
        return text[: pairs[number - 1][1].end_mark.index] + text[value.end_mark.index :]
    line = text.rfind("\n", 0, name.start_mark.index) + 1
    end = text.find("\n", value.end_mark.index)
    end = len(text) if end < 0 else end + 1
    if text[line : name.start_mark.index].strip() or len(pairs) == 1:
        raise Unspliceable
    rest = text[value.end_mark.index : end].lstrip(" ")
    if rest.startswith("#"):
        return text[: name.start_mark.index] + rest + text[end:]
    if rest.strip():
        raise Unspliceable
    return text[:line] + text[end:]
