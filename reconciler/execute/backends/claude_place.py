"""Where the `claude` program runs: its files, its flags that lock it in, its credentials, and its sandbox."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reconciler.execute.enclosure import Enclosed, enclose, python
from reconciler.execute.mcp.bridge import Bridge
from reconciler.execute.mcp.wire import SECRET, SERVER
from reconciler.execute.redact import CLAUDE_CREDENTIALS, CLAUDE_VARIABLES
from reconciler.execute.sandbox import Sandbox

STRUCTURED = "StructuredOutput"
"""the program's own way to give an answer a form; it touches nothing"""

_HOOK_SECONDS = 30
_QUIET = {
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "ENABLE_TOOL_SEARCH": "false",
    "MCP_TIMEOUT": "60000",
}


class Place:
    """`folder` is empty and ours alone; `argv` is the program, which must be shown `show`."""

    def __init__(self, folder: Path, sandbox: Sandbox, argv: Sequence[str], show: Sequence[Path]) -> None:
        self.folder = folder
        self.out = folder / "out"
        self.tools = folder / "tools"
        """sockets: the way out, and the bridge to our tools"""
        self._sandbox = sandbox
        self._argv = argv
        self._show = show
        self._python, self._shown, self._variables = python("mcp")

    def locks(self, bridge: Bridge | None) -> list[str]:
        """Flags: own tools off, ours alone, no settings but those written here, and hooks that deny the rest."""
        flags = ["--tools", "", "--strict-mcp-config", "--setting-sources", "", "--permission-mode", "dontAsk"]
        settings: dict[str, Any] = {"hooks": self._hooks([] if bridge else [STRUCTURED])}
        if bridge is not None:
            own = f"mcp__{SERVER}"
            settings["permissions"] = {"allow": [own]}
            server = {
                "type": "stdio",
                "command": self._python[0],
                "args": [*self._python[1:], "-m", "reconciler.execute.mcp.server", str(self.tools)],
                "env": {**self._variables, SECRET: bridge.secret},
            }
            flags += ["--mcp-config", self._file("mcp.json", {"mcpServers": {SERVER: server}}), "--allowedTools", own]
        return [*flags, "--settings", self._file("settings.json", settings)]

    def enclosed(self, flags: Sequence[str]) -> Enclosed:
        """The program with its flags, behind its way out, in the sandbox."""
        argv = [*self._python, "-m", "reconciler.execute.inside", str(self.out), *self._argv, *flags]
        secrets = {name: os.environ[name] for name in CLAUDE_VARIABLES if os.environ.get(name)}
        kept = Path.home() / CLAUDE_CREDENTIALS
        return enclose(
            self._sandbox,
            argv,
            scratch=self.folder,
            show=[*self._shown, *self._show, self.folder],
            home={str(CLAUDE_CREDENTIALS): kept} if kept.is_file() else {},
            env={**_QUIET, **self._variables, **secrets},
        )

    def _hooks(self, allowed: list[str]) -> dict[str, Any]:
        command = shlex.join([*self._python, "-m", "reconciler.execute.mcp.hook", *allowed])
        # any other exit status than 2 would let the tool through, also where the hook itself cannot start
        hook = {"type": "command", "command": f"{command} || exit 2", "timeout": _HOOK_SECONDS}
        return {"PreToolUse": [{"matcher": "*", "hooks": [hook]}]}

    def _file(self, name: str, content: dict[str, Any]) -> str:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(json.dumps(content))
        return str(path)


def has_credentials() -> bool:
    return (Path.home() / CLAUDE_CREDENTIALS).is_file() or any(os.environ.get(name) for name in CLAUDE_VARIABLES)
