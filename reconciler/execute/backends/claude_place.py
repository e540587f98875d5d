"""Where the `claude` program runs: its files, its flags that lock it in, its variables, and its sandbox."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reconciler.execute.backends.claude_api import ADDRESS, ClaudeApi
from reconciler.execute.enclosure import Enclosed, enclose, python
from reconciler.execute.mcp.bridge import Bridge
from reconciler.execute.mcp.wire import SECRET, SERVER
from reconciler.execute.sandbox import Sandbox

STRUCTURED = "StructuredOutput"
"""the program's own way to give an answer a form; it touches nothing"""

_HOOK_SECONDS = 30
_NOBODY = "Answer what you are asked."
"""an empty prompt would bring back the program's own"""
_KEYS = {False: "ANTHROPIC_API_KEY", True: "CLAUDE_CODE_OAUTH_TOKEN"}
"""by which of the two it speaks as for a person's account"""
_QUIET = dict.fromkeys(
    (
        # it would read what a prompt mentions with `@`; no rule about its tools keeps it from that
        "CLAUDE_CODE_DISABLE_ATTACHMENTS",
        # it would read and write notes of its own, in its home and in the folder it is in
        "CLAUDE_CODE_DISABLE_AUTO_MEMORY",
        "CLAUDE_CODE_DISABLE_CLAUDE_MDS",
        "CLAUDE_CODE_SKIP_PROMPT_HISTORY",
        # it would talk to others than the model
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
        "DISABLE_AUTOUPDATER",
        "DISABLE_ERROR_REPORTING",
        "DISABLE_TELEMETRY",
    ),
    "1",
) | {
    "ENABLE_TOOL_SEARCH": "false",
    # it would ask the model before our tools are there; only both together make it wait
    "MCP_CONNECTION_NONBLOCKING": "0",
    "MCP_CONNECT_TIMEOUT_MS": "60000",
    "MCP_TIMEOUT": "60000",
}


class Place:
    """`folder` is ours alone; `argv` is the program, which must be shown `show`. `account`: as a Login says."""

    def __init__(
        self,
        folder: Path,
        sandbox: Sandbox,
        argv: Sequence[str],
        show: Sequence[Path],
        *,
        way_out: ClaudeApi,
        account: bool,
    ) -> None:
        self.folder = folder
        self.tools = folder / "tools"
        """socket of the bridge to our tools"""
        self._way_out = way_out
        self._account = account
        self._sandbox = sandbox
        self._argv = argv
        self._show = show
        self._python, self._shown, self._variables = python("mcp")

    def locks(self, bridge: Bridge | None) -> list[str]:
        """Flags: own tools off, ours alone, no settings but those written here, and hooks that deny the rest."""
        flags = ["--tools", "", "--strict-mcp-config", "--setting-sources", "", "--permission-mode", "dontAsk"]
        flags += ["--no-session-persistence"]
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

    def speaks(self, system: str) -> list[str]:
        """Flags: who speaks, in place of all that the program would say of itself."""
        path = self.folder / "system.md"
        path.write_text(system or _NOBODY)
        return ["--system-prompt-file", str(path)]

    def enclosed(self, flags: Sequence[str]) -> Enclosed:
        """The program with its flags, behind its way out, in the sandbox."""
        socket = str(self._way_out.path)
        argv = [*self._python, "-m", "reconciler.execute.inside", socket, "--", *self._argv, *flags]
        handed = {"ANTHROPIC_BASE_URL": ADDRESS, _KEYS[self._account]: self._way_out.key}
        return enclose(
            self._sandbox,
            argv,
            scratch=self.folder,
            show=[*self._shown, *self._show, self.folder],
            env={**_QUIET, **self._variables, **handed},
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
