"""What a company's agents are given by files of JSON: `config/mcp.json` and `config/tools.json`, checked before use.

Both are checked by themselves. Which servers and variables the Policy lists, and which programs a machine has, is
another matter and found out where they are used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, cast

from reconciler.desired.parse import Parsed, Place, parse
from reconciler.desired.words import safe, suggestion
from reconciler.model.refs import Position, Problem

_PATH = re.compile(r"(?:companies/[^/]+/)?config/(?:mcp|tools)\.json\Z", re.IGNORECASE)
_TOP = ("mcpServers", "remove")
_SERVER = ("type", "command", "args", "env", "disabled")
_LISTS = ("allow", "deny")
_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*(?::-[^}]*)?\}")

Fault = tuple[Place, str]


def is_settings_file(path: str) -> bool:
    return _PATH.match(path) is not None


def faults(path: str, data: bytes) -> list[Problem]:
    """Everything that is wrong with the file. Never raises for what stands in it."""
    small = "/".join((*path.split("/")[:-2], *path.lower().split("/")[-2:]))
    if path != small:
        return [Problem(Position(path), "", f"is read only as {small}: rename it")]
    try:
        value: Any = json.loads(data.decode(), object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        return [Problem(Position(path, error.lineno, error.colno), "", f"not JSON: {safe(error.msg)}")]
    except (ValueError, RecursionError) as error:
        return [Problem(Position(path), "", f"not JSON: {safe(str(error), 200)}")]
    servers = path.endswith("mcp.json")
    found = list(_mcp(value, overlay=path.startswith("companies/")) if servers else _tools(value))
    if not found:
        return []
    parsed = parse(data, path)  # JSON is YAML: its reader knows where things stand
    return [Problem(_position(parsed, place), "", safe(said, 600)) for place, said in found]


def _position(parsed: Parsed, place: Place) -> Position:
    if parsed.problems or not parsed.documents:
        return Position(parsed.path)
    return parsed.locate(parsed.documents[0], place)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            message = f'the key "{key}" is there twice'
            raise ValueError(message)
        found[key] = value
    return found


def _tools(value: Any) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield (), "expected an object"
        return
    settings = cast("dict[str, Any]", value)
    yield from _unknown(settings, _LISTS)
    for key in _LISTS:
        if key in settings and not _texts(settings[key]):
            yield (key,), f"{key}: expected a list of texts"


def _mcp(value: Any, *, overlay: bool) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield (), "expected an object"
        return
    config = cast("dict[str, Any]", value)
    yield from _unknown(config, _TOP)
    if not _texts(config.get("remove", [])):
        yield ("remove",), "remove: expected a list of texts"
    listed: Any = config.get("mcpServers", {})
    if not isinstance(listed, dict):
        yield ("mcpServers",), "mcpServers: expected an object"
        return
    for name, server in cast("dict[str, Any]", listed).items():
        place = ("mcpServers", name)
        if isinstance(server, dict):
            for inner, said in _server(cast("dict[str, Any]", server), overlay=overlay):
                yield (*place, *inner), f"MCP server {name}: {said}"
        elif server is not None:
            yield place, f"mcpServers.{name}: expected an object or null"


def _server(server: dict[str, Any], *, overlay: bool) -> Iterator[Fault]:
    """`overlay`: an entry without a command changes the base's."""
    disabled = server.get("disabled", False)
    if not isinstance(disabled, bool):
        yield ("disabled",), "disabled: expected true or false"
    if disabled is True:
        return
    if "url" in server or server.get("type", "stdio") != "stdio":
        said = "only a server that a command starts can be used; this one has no `command` but an address"
        yield (), f"{said}: take it out, or say `disabled: true`"
        return
    yield from _unknown(server, _SERVER)
    command = server.get("command")
    if not (overlay and "command" not in server) and not (isinstance(command, str) and command.strip()):
        yield (), "only a server that a command starts can be used; it has no `command`"
    args, env = server.get("args", []), server.get("env", {})
    if isinstance(command, str):
        yield from _variables([(("command",), command)])
    if _texts(args):
        yield from _variables((("args", index), word) for index, word in enumerate(args))
    else:
        yield ("args",), "args: expected a list of texts"
    if not isinstance(env, dict) or not _texts(list(cast("dict[str, Any]", env).values())):
        yield ("env",), "env: expected an object of texts"
    else:
        yield from _variables((("env", key), text) for key, text in cast("dict[str, str]", env).items())


def _variables(values: Iterable[tuple[Place, str]]) -> Iterator[Fault]:
    """What would be passed on as it stands, where somebody meant a value to be filled in."""
    for place, text in values:
        if "${" in _VARIABLE.sub("", text):
            yield place, "only ${NAME} and ${NAME:-default} are filled in, with variables of the environment"


def _unknown(value: dict[str, Any], known: tuple[str, ...]) -> Iterator[Fault]:
    for key in value:
        if key not in known:
            hint = suggestion(key, known) or f"; known: {', '.join(known)}"
            yield (key,), f'unknown key "{key}"{hint}'


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in cast("list[Any]", value))
