"""Tool servers of companies see what their entry gives them, take what their limits say, and leave nothing."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.job import McpBrief
from tests.real.attacks.lab import Bench, Tried
from tests.standins.script import calls

SERVER = Path(__file__).parent / "server.py"


def server(mode: str, argument: object = "", **more: Any) -> McpBrief:
    given: dict[str, Any] = {"env": {}, "tools": None, "network": False, "sha256": "0" * 64, **more}
    return McpBrief(name="srv", command=(sys.executable, str(SERVER), mode, str(argument)), **given)


def tried(bench: Callable[..., Bench], mode: str, argument: object = "", **more: Any) -> Tried:
    return bench().works(calls(("mcp__srv__look", {})), mcp=(server(mode, argument, **more),))


def answer(done: Tried) -> str:
    """What the model was told of its call."""
    told = [str(message["content"]) for message in done.requests[-1]["messages"] if message["role"] == "tool"]
    return told[1] if len(told) > 1 else ""


@pytest.fixture
def listeners() -> Any:
    with socket.socket(socket.AF_UNIX) as unnamed, socket.create_server(("127.0.0.1", 0)) as tcp:
        unnamed.bind(f"\0alai-server-{os.getpid()}")
        unnamed.listen()
        for each in (unnamed, tcp):
            each.setblocking(False)
        yield unnamed, tcp, f"alai-server-{os.getpid()},{tcp.getsockname()[1]}"


def unvisited(*servers: socket.socket) -> None:
    for each in servers:
        with pytest.raises(BlockingIOError):
            each.accept()


@pytest.mark.parametrize("network", [False, True])
def test_a_server_sees_and_reaches_no_more_than_its_entry_says(
    network: bool, bench: Callable[..., Bench], listeners: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_API_TOKEN", "canary-0123456789")
    monkeypatch.setenv("LOGNAME", "canary-of-a-name")
    unnamed, tcp, argument = listeners
    said = answer(tried(bench, "facts", argument, network=network))
    assert "uid=" in said
    assert "canary" not in said
    assert "CONNECTED" not in said
    assert "VSOCK" not in said
    unvisited(unnamed, tcp)
    assert "hello.py" not in said
    assert "CapEff:\t0000000000000000" in said
    assert "Seccomp:\t2" in said


def test_a_server_may_not_fill_the_disk(bench: Callable[..., Bench]) -> None:
    assert "WROTE" not in answer(tried(bench, "disk"))


def test_a_server_may_not_start_processes_without_end(bench: Callable[..., Bench]) -> None:
    assert "FORKED" not in answer(tried(bench, "fork"))


def test_nothing_of_a_server_stays(bench: Callable[..., Bench]) -> None:
    seconds = f"99{os.getpid()}"
    assert "left" in answer(tried(bench, "daemon", seconds))
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert f"sleep {seconds}" not in listed


@pytest.mark.timeout(120, method="signal")
@pytest.mark.parametrize(
    ("mode", "argument"),
    [("nested", 1_000_000), ("references", 12), ("pages", "")],
)
def test_what_a_server_says_is_bounded(mode: str, argument: object, bench: Callable[..., Bench]) -> None:
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.process_time()
    done = tried(bench, mode, argument)
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert (after.ru_maxrss - before.ru_maxrss) / 1024 < 300, "MiB that this process grew by"
    assert time.process_time() - began < 15
    assert done.outcome
    assert len(answer(done)) < 50_000
    sizes = [len(text) for name, text in done.everything().items() if name != "prompts"]
    assert max(sizes) < 3_000_000


def test_names_of_a_server_s_tools_take_no_tool_s_place(bench: Callable[..., Bench]) -> None:
    done = bench().works(calls(("mcp__srv__write_file", {"path": "a", "content": "b"})), mcp=(server("names"),))
    offered = [tool["function"] for tool in done.requests[0]["tools"]]
    names = [tool["name"] for tool in offered]
    assert len(names) == len(set(names))
    assert all(len(name) <= 64 and name.isascii() and " " not in name and "\n" not in name for name in names)
    assert {name for name in names if not name.startswith("mcp__srv__")} >= {"write_file", "finish", "knowledge"}
    assert all(len(tool["description"]) < 5_000 for tool in offered)
    assert "\x1b" not in str(offered)


def test_a_server_gets_no_model_and_no_folder_of_its_client(bench: Callable[..., Bench]) -> None:
    said = answer(tried(bench, "back"))
    assert "error" in said.lower()
    assert "file://" not in said
    assert "role" not in said
