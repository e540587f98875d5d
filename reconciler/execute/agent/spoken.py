"""Finds calls of tools in text that a model said instead of making them. Strict: only known tools, only whole forms.

Four forms: the answer is one JSON object with name and arguments; it ends in one code block with such an object; it has
`<tool_call>` blocks; it has Qwen's `<function=name><parameter=key>value`. Anything else is talk.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any, cast

from reconciler.execute.agent import repair
from reconciler.execute.backends.port import Call

_BLOCK = re.compile(r"<tool_call>(.*?)(?:</tool_call>|\Z)", re.DOTALL)
_FUNCTION = re.compile(r"<function=([\w.-]+)>")
_PARAMETER = re.compile(r"<parameter=([\w.-]+)>")
_FENCE_AT_END = re.compile(r"```(?:json|tool_call)?[ \t]*\n(\{.*\})\s*\n```\Z", re.DOTALL)
_KEYS = frozenset({"name", "arguments", "parameters", "id", "type"})
_MOST = 8


def calls(said: str, known: Collection[str]) -> tuple[Call, ...]:
    """The calls that `said` spells, in order; none where any of them is not of a known tool."""
    said = said.strip()
    found = _found(said)[:_MOST]
    if not found or any(name not in known for name, _ in found):
        return ()
    return tuple(Call(id="", name=name, arguments=arguments) for name, arguments in found)


def _found(said: str) -> list[tuple[str, dict[str, Any] | str]]:
    if "<tool_call>" in said:
        blocks = [
            block for body in map(str.strip, _BLOCK.findall(said)) for block in (_functions(body) or [_call(body)])
        ]
        return [block for block in blocks if block is not None] if None not in blocks else []
    functions = _functions(said)
    if functions:
        return functions
    fence = _FENCE_AT_END.search(said) if said.count("```") == 2 else None
    call = _call(fence[1] if fence else said)
    return [call] if call else []


def _functions(said: str) -> list[tuple[str, dict[str, Any] | str]]:
    return [(name, _parameters(body)) for name, body in _between(said, _FUNCTION, "function")]


def _parameters(said: str) -> dict[str, Any]:
    found = _between(said, _PARAMETER, "parameter")
    return {key: value.removeprefix("\n").removesuffix("\n") for key, value in found}


def _between(said: str, opening: re.Pattern[str], tag: str) -> Iterator[tuple[str, str]]:
    """Name and content of each element that is closed. Looked for from one end to the other, never twice."""
    at = 0
    while found := opening.search(said, at):
        end = said.find(f"</{tag}>", found.end())
        if end < 0:
            return
        yield found[1], said[found.end() : end]
        at = end


def _call(said: str) -> tuple[str, dict[str, Any] | str] | None:
    """Exactly one object, with name and arguments and nothing that a call does not have."""
    found = repair.read(said) if said.lstrip().startswith("{") else None
    if found is not None and isinstance(found.get("function"), dict):
        found = cast("dict[str, Any]", found["function"])
    if found is None or set(found) - _KEYS:
        return None
    name, arguments = found.get("name"), found.get("arguments", found.get("parameters"))
    if isinstance(name, str) and isinstance(arguments, (dict, str)):
        return name, cast("dict[str, Any] | str", arguments)
    return None
