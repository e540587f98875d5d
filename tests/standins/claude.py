"""A stand-in for the program `claude`: its flags, its stream-json, its hooks and its tool servers, but scripted words.

Started as `python claude.py SCRIPT FLAGS...`. The script is a JSON file with a list of steps:

    {"say": "text"}                      an assistant's message
    {"call": name, "arguments": {...}}   a tool of our server, by its own name, after the hooks let it
    {"own": name, "input": {...}}        a tool of its own, done for real if nothing stops it
    {"reach": "host:port"}               say what comes of going there by the proxy; "direct": true without it
    {"facts": true}                      say as JSON what it was told and what it sees
    {"complain": "text"}                 a line on standard error
    {"sleep": seconds}, {"deaf": true}   do nothing; ignore SIGTERM from now on
    {"raw": "line"}                      a line as it stands
    {"hold": MIB}                        so much in a file in memory, for a minute
    {"flood": "text"}                    this, for ever, with no more ends of lines than it has
    {"init": {...}}                      fields over those of the first line, as the first step
    {"result": {...}, "exit": status}    fields over those of a good result; null leaves the result line out

Nothing of it is imported by the project. The shapes are those that the real program (2.1.197) was heard to write: one
line for each block of an answer; tools that are not there yet are "pending", unless it is told to wait for them; after
`finish` it asks the model once more, for a goodbye; what goes wrong there is a "success" with `is_error`. And it reads
by itself the files that its prompt mentions, unless it is told not to.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

GOOD = {
    "type": "result",
    "subtype": "success",
    "is_error": False,
    "duration_ms": 1200,
    "duration_api_ms": 900,
    "num_turns": 3,
    "session_id": "stand-in",
    "result": "It is done.",
    "total_cost_usd": 0.0125,
    "usage": {
        "input_tokens": 100,
        "cache_creation_input_tokens": 20,
        "cache_read_input_tokens": 3,
        "output_tokens": 50,
    },
}
OWN = ("Bash", "Write", "WebFetch")


def flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(exit_on_error=True, allow_abbrev=False)
    parser.add_argument("-p", "--print", action="store_true", dest="print_mode")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--include-partial-messages", action="store_true")
    parser.add_argument("--strict-mcp-config", action="store_true")
    parser.add_argument("--no-session-persistence", action="store_true")
    for name in (
        "output-format", "permission-mode", "tools", "setting-sources", "model", "system-prompt-file", "max-turns",
        "max-budget-usd", "json-schema", "mcp-config", "allowedTools", "settings",
    ):  # fmt: skip
        parser.add_argument(f"--{name}")
    found = parser.parse_args(sys.argv[2:])
    if not found.print_mode or found.output_format != "stream-json" or not found.verbose:
        parser.error("this stand-in only prints stream-json, which needs --verbose")
    return found


def say(**line: Any) -> None:
    print(json.dumps({"session_id": "stand-in", **line}), flush=True)


def block(answer: int, content: dict[str, Any]) -> None:
    """A block of an answer of the model: a line of its own, under the id of the whole."""
    usage = {"input_tokens": 100, "output_tokens": 1}
    message = {"id": f"msg_{answer}", "role": "assistant", "content": [content], "usage": usage}
    say(type="stream_event", event={"type": "content_block_delta"})
    say(type="assistant", message=message)


class Program:
    def __init__(self, options: argparse.Namespace, prompt: str) -> None:
        self.options = options
        self.prompt = prompt
        self.settings: dict[str, Any] = json.loads(Path(options.settings).read_text()) if options.settings else {}
        self.denied: list[dict[str, Any]] = []
        self.calls = 0
        self.answers = 0
        self.finished = False
        self.attached = attached(prompt)
        self.session: Any = None

    def speak(self, text: str) -> None:
        self.answers += 1
        block(self.answers, {"type": "text", "text": text})

    async def run(self, steps: list[dict[str, Any]]) -> int:
        for step in steps:
            if "result" in step:
                return self.end(step)
            await self.take(step)
        return self.end({"result": {}})

    def end(self, step: dict[str, Any]) -> int:
        if self.finished and not step["result"]:
            status = goodbye()
            if status != 200:
                step = {"result": {"is_error": True, "api_error_status": status, "result": "API Error"}, "exit": 1}
        if step["result"] is not None:
            say(**{**GOOD, "permission_denials": self.denied, **step["result"]})
        return int(step.get("exit", 0))

    async def take(self, step: dict[str, Any]) -> None:
        if "say" in step:
            self.speak(step["say"])
        elif "call" in step:
            await self.call(f"mcp__alai__{step['call']}", step.get("arguments", {}))
        elif "own" in step:
            await self.call(step["own"], step.get("input", {}))
        elif "reach" in step:
            self.speak(f"{step['reach']}: {reach(step['reach'], direct=step.get('direct', False))}")
        elif "facts" in step:
            self.speak(json.dumps(self.facts()))
        elif "complain" in step:
            print(step["complain"], file=sys.stderr, flush=True)
        elif "sleep" in step:
            await asyncio.sleep(step["sleep"])
        elif "deaf" in step:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        elif "hold" in step:
            kept = os.memfd_create("held")
            for _ in range(step["hold"]):
                os.write(kept, b"x" * 2**20)
            await asyncio.sleep(60)
        elif "flood" in step:
            while True:
                sys.stdout.write(step["flood"] * (200_000 // len(step["flood"]) + 1))
        elif "raw" in step:
            print(step["raw"], flush=True)

    def facts(self) -> dict[str, Any]:
        home = Path.home()
        return {
            "prompt": self.prompt,
            "system": Path(self.options.system_prompt_file).read_text(),
            "attached": self.attached,
            "flags": sys.argv[2:],
            "home": sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()),
            "variables": dict(os.environ),
            "product": readable(str(Path(sys.argv[1]).parents[1] / "product")),
        }

    async def call(self, name: str, arguments: dict[str, Any]) -> None:
        self.calls += 1
        call = {"type": "tool_use", "id": f"toolu_{self.calls}", "name": name, "input": arguments}
        self.speak(f"I call {name}.")
        block(self.answers, call)
        refused = self.hook(name, arguments)
        if refused is not None:
            self.denied.append({"tool_name": name, "tool_use_id": call["id"], "tool_input": arguments})
            text, bad = refused, True
        elif name.startswith("mcp__"):
            done = await self.session.call_tool(name.removeprefix("mcp__alai__"), arguments)
            text, bad = "\n".join(part.text for part in done.content), done.is_error
            self.finished = self.finished or (name.endswith("__finish") and not bad)
        else:
            text, bad = own(name, arguments), False
        answer = {"type": "tool_result", "tool_use_id": call["id"], "content": text, "is_error": bad}
        say(type="user", message={"role": "user", "content": [answer]})

    def hook(self, name: str, arguments: dict[str, Any]) -> str | None:
        """As the real one: exit status 2 refuses with what stands on standard error, any other number lets through."""
        asked = json.dumps({"hook_event_name": "PreToolUse", "tool_name": name, "tool_input": arguments})
        for entry in self.settings.get("hooks", {}).get("PreToolUse", []):
            for hook in entry["hooks"]:
                done = subprocess.run(
                    ["/bin/sh", "-c", hook["command"]], input=asked, capture_output=True, text=True, check=False
                )
                if done.returncode == 2:
                    return done.stderr
        return None


def attached(prompt: str) -> dict[str, str]:
    """Files that the prompt mentions, read without any tool being called."""
    if os.environ.get("CLAUDE_CODE_DISABLE_ATTACHMENTS") == "1":
        return {}
    named = [Path(name).expanduser() for name in re.findall(r"(?:^|\s)@(\S+)", prompt)]
    return {str(path): path.read_text() for path in named if path.is_file()}


def goodbye() -> int:
    """One more question to the model, as after each call of a tool; the status of its answer."""
    base, proxy = urlsplit(os.environ["ANTHROPIC_BASE_URL"]), urlsplit(os.environ["HTTP_PROXY"])
    way = http.client.HTTPConnection(proxy.hostname or "", proxy.port, timeout=10)
    key = os.environ.get("ANTHROPIC_API_KEY") or os.environ["CLAUDE_CODE_OAUTH_TOKEN"]
    way.request("POST", f"{base.geturl()}/v1/messages?beta=true", "{}", {"x-api-key": key})
    return way.getresponse().status


def readable(path: str) -> bool:
    """Is it to be seen at all?"""
    return os.access(path, os.R_OK)


def own(name: str, arguments: dict[str, Any]) -> str:
    if name == "Bash":
        return subprocess.run(arguments["command"], shell=True, capture_output=True, text=True, check=False).stdout  # noqa: S602
    Path(arguments["file_path"]).write_text(arguments["content"])
    return "written"


def reach(place: str, *, direct: bool) -> str:
    """What came of trying to get there: the proxy's status line, `connected`, or the error."""
    host, _, port = place.rpartition(":")
    try:
        if direct:
            with socket.create_connection((host, int(port)), timeout=2):
                return "connected"
        proxy = urlsplit(os.environ["HTTPS_PROXY"])
        with socket.create_connection((proxy.hostname or "", proxy.port or 0), timeout=5) as way:
            way.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
            return way.recv(1000).split(b"\r\n")[0].decode()
    except OSError as error:
        return type(error).__name__


def offered(program: Program) -> list[str]:
    """Names of our tools, asked where our server would ask; starting that takes a while, and not every test calls."""
    config = configured(program)
    with socket.socket(socket.AF_UNIX) as bridge:
        folder = os.open(Path(config["args"][-1]).parent, os.O_RDONLY)
        bridge.connect(f"/proc/self/fd/{folder}/{Path(config['args'][-1]).name}")
        bridge.sendall(json.dumps({"secret": config["env"]["ALAI_TOOLS_SECRET"], "do": "list"}).encode() + b"\n")
        return [tool["name"] for tool in json.loads(bridge.makefile().readline())["tools"]]


def configured(program: Program) -> dict[str, Any]:
    return json.loads(Path(program.options.mcp_config).read_text())["mcpServers"]["alai"]


@contextlib.asynccontextmanager
async def tool_server(program: Program, wanted: bool) -> AsyncIterator[None]:
    """Our server, started as its configuration says and spoken to through the official SDK."""
    if not wanted or not program.options.mcp_config:
        yield
        return
    from mcp import ClientSession, StdioServerParameters, stdio_client

    config = configured(program)
    parameters = StdioServerParameters(command=config["command"], args=config["args"], env=config["env"])
    async with stdio_client(parameters) as (reads, writes), ClientSession(reads, writes) as session:
        await session.initialize()
        program.session = session
        yield


def init(program: Program) -> dict[str, Any]:
    """The first line. Tools that it did not wait for are not there."""
    waits = os.environ.get("MCP_CONNECTION_NONBLOCKING") == "0" and "MCP_CONNECT_TIMEOUT_MS" in os.environ
    status = "connected" if waits else "pending"
    with_ours = program.options.mcp_config is not None
    tools = [f"mcp__alai__{name}" for name in offered(program)] if with_ours and waits else []
    return {
        "model": program.options.model or "default",
        "tools": [*([] if program.options.tools == "" else OWN), *tools],
        "mcp_servers": [{"name": "alai", "status": status}] if with_ours else [],
        "cwd": str(Path.cwd()),
        "claude_code_version": "2.1.0",
    }


async def main() -> None:
    if sys.argv[-1] == "--version":
        print("2.1.0 (Claude Code)")
        leave(0)
    steps = json.loads(Path(sys.argv[1]).read_text())
    options = flags()
    program = Program(options, sys.stdin.read())
    changed = steps.pop(0)["init"] if steps and "init" in steps[0] else {}
    async with tool_server(program, any("call" in step for step in steps)):
        say(**{"type": "system", "subtype": "init", **init(program), **changed})
        leave(await program.run(steps))


def leave(status: int) -> NoReturn:
    """At once: its servers end when nobody holds the other end of their input any more."""
    sys.stdout.flush()
    os._exit(status)


if __name__ == "__main__":
    asyncio.run(main())
