"""Which servers of the Model Context Protocol an agent gets: the factory's, overlaid by the company's, if allowed.

Both files have the form of Claude Code's `mcp.json`. In an overlay an entry with a `command` takes the place of the
base's whole entry, one without changes the keys that it gives; `null`, or its name under `remove`, takes it away; with
`disabled: true` it is not started. Values may hold `${VARIABLE}`: it stays as it is here, since a brief is stored, and
the worker fills it in at the start.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any, cast

from reconciler.controller import trusted
from reconciler.controller.trusted import Home
from reconciler.model.errors import FactoryError
from reconciler.model.job import McpBrief
from reconciler.model.spec import McpRule, Outside

_FILE = "mcp.json"
_PLACEHOLDER = re.compile(r"\$\{([^}:]*)(?::-[^}]*)?\}")

Server = dict[str, Any]


def servers(root: Path, commit: str, home: Home, policy: Outside) -> tuple[McpBrief, ...]:
    """The allowed servers, by name. Raises FactoryError where an allowed one cannot be used as it is written."""
    if not policy.mcp:
        return ()
    merged, _ = _servers(root, commit, "config")
    overlay, removed = _servers(root, commit, f"{home.folder}/config")
    for name, server in overlay.items():
        merged[name] = server if server is None or "command" in server else {**(merged.get(name) or {}), **server}
    rules = {rule.server: rule for rule in policy.mcp}
    found = ((name, server) for name, server in sorted(merged.items()) if name in rules and name not in removed)
    return tuple(_brief(name, server, rules[name], policy) for name, server in found if server and _enabled(server))


def _enabled(server: Server) -> bool:
    return server.get("disabled", False) is False


def _servers(root: Path, commit: str, folder: str) -> tuple[dict[str, Server | None], tuple[str, ...]]:
    """What one file says, and whom it removes."""
    path, config = f"{folder}/{_FILE}", trusted.settings(root, commit, folder, _FILE) or {}
    listed: Any = config.get("mcpServers", {})
    if not isinstance(listed, dict):
        raise FactoryError(f"{path}: mcpServers: expected an object")
    servers = cast("dict[str, Any]", listed)
    for name, server in servers.items():
        if server is not None and not isinstance(server, dict):
            raise FactoryError(f"{path}: mcpServers.{name}: expected an object or null")
    return servers, trusted.strings(config.get("remove", []), f"{path}: remove")


def _brief(name: str, server: Server, rule: McpRule, policy: Outside) -> McpBrief:
    program = server.get("command")
    if not isinstance(program, str) or not program or server.get("type", "stdio") != "stdio":
        raise FactoryError(f"MCP server {name}: only a server that a command starts can be used; it has no `command`")
    command = (program, *trusted.strings(server.get("args", []), f"MCP server {name}: args"))
    given: Any = server.get("env", {})
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in cast("Server", given).values()):
        raise FactoryError(f"MCP server {name}: env: expected an object of texts")
    env = cast("dict[str, str]", given)
    for value in (*command, *env.values()):
        _check_placeholders(name, value, policy)
    canonical = json.dumps([command, env], sort_keys=True, ensure_ascii=False)
    return McpBrief(
        name=name,
        command=command,
        env=env,
        tools=rule.tools,
        network=rule.network,
        egress=rule.egress,
        sha256=hashlib.sha256(canonical.encode()).hexdigest(),
    )


def _check_placeholders(name: str, value: str, policy: Outside) -> None:
    """A repository must not be able to read just any variable of the user's. The worker finds out whether it is set."""
    for variable in _PLACEHOLDER.findall(value):
        if variable not in policy.environment:
            told = f"${{{variable}}} is not listed in the Policy (outside.environment)"
            raise FactoryError(f"MCP server {name}: {told}")
