"""Tool servers that reach further, say more, or hold more than they may."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reconciler.execute import cgroups, child
from reconciler.execute.agent.port import ToolResult
from reconciler.execute.agent.toolbox import open_tools
from reconciler.execute.enclosure import Enclosed
from reconciler.execute.mcp.stdio import talked_with
from reconciler.execute.sandbox import Sandbox
from reconciler.execute.toolchain import OWN_PYTHON
from reconciler.execute.work import Work
from reconciler.model.job import McpBrief
from reconciler.model.spec import BlueprintPhase, Limits
from tests.execute.conftest import Make

pytest.importorskip("mcp")
SERVER = Path(__file__).parents[1] / "standins" / "plain_server.py"
PHASE = BlueprintPhase(name="build", role="builder")
LIMITS = Limits(memory="64MiB", processes=40)


class Asked:
    """One server is started, and its tool called once."""

    def __init__(self, brief: Make, tmp_path: Path, *words: str, **more: Any) -> None:
        given: dict[str, Any] = {"env": {}, "tools": ("*",), "network": False, "sha256": "0" * 64}
        sandbox = more.pop("sandbox", None) or Sandbox.detect()
        assert sandbox, "this machine has no sandbox that works"
        command = (OWN_PYTHON, "-I", "-S", str(SERVER), *words)
        server = McpBrief(name="srv", command=command, **(given | more))
        for name in ("run", "work"):
            (tmp_path / name).mkdir()
        made = brief(mcp=(server,))
        self.work = Work(brief=made, root=tmp_path / "work", run_dir=tmp_path / "run", sandbox=sandbox)
        self.result = asyncio.run(self._call())

    async def _call(self) -> ToolResult:
        async with open_tools(self.work, PHASE) as tools:
            await tools.call("knowledge", {"query": "anything"})
            return await asyncio.wait_for(tools.call("mcp__srv__look", {}), 30)

    @property
    def refused(self) -> list[str]:
        return [refusal.what for refusal in self.work.refusals]


class Host:
    """A server of the person's own, on loopback and on an abstract socket; `visits` by name."""

    def __init__(self) -> None:
        self.visits: list[str] = []
        self.name = f"alai-test-{os.getpid()}"
        self._sockets = {"tcp": socket.create_server(("127.0.0.1", 0)), "abstract": socket.socket(socket.AF_UNIX)}
        self._sockets["abstract"].bind(f"\0{self.name}")
        self._sockets["abstract"].listen()
        self.port = self._sockets["tcp"].getsockname()[1]
        for name, listener in self._sockets.items():
            threading.Thread(target=self._greet, args=(name, listener), daemon=True).start()

    def _greet(self, name: str, listener: socket.socket) -> None:
        while True:
            try:
                visitor, _ = listener.accept()
            except OSError:
                return
            self.visits.append(name)
            visitor.sendall(b"hello")
            visitor.close()

    def close(self) -> None:
        for listener in self._sockets.values():
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    yield made
    made.close()


def test_a_server_with_the_internet_has_neither_this_machines_loopback_nor_its_abstract_sockets(
    brief: Make, tmp_path: Path, host: Host
) -> None:
    near = (f"proxy:127.0.0.1:{host.port}", f"proxy:localhost:{host.port}")
    asked = Asked(brief, tmp_path, "reach", f"127.0.0.1:{host.port}", f"@{host.name}", *near, network=True)
    assert json.loads(asked.result.text) == ["ConnectionRefusedError", "ConnectionRefusedError", "403", "403"]
    assert host.visits == []
    assert asked.refused == [place.removeprefix("proxy:") for place in near]


def test_a_server_without_network_reaches_nobody(brief: Make, tmp_path: Path, host: Host) -> None:
    places = (f"127.0.0.1:{host.port}", f"@{host.name}", f"proxy:127.0.0.1:{host.port}")
    asked = Asked(brief, tmp_path, "reach", *places)
    assert json.loads(asked.result.text) == ["ConnectionRefusedError", "ConnectionRefusedError", "no proxy"]
    assert host.visits == []


def test_a_place_of_this_machine_that_the_policy_names_is_reached_and_no_other(
    brief: Make, tmp_path: Path, host: Host
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        places = (f"127.0.0.1:{host.port}", f"127.0.0.1:{port}", f"proxy:localhost:{port}", f"@{host.name}")
        asked = Asked(brief, tmp_path, "reach", *places, egress=(f"localhost:{host.port}",))
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            other.accept()
    assert json.loads(asked.result.text) == ["hello", "ConnectionRefusedError", "403", "ConnectionRefusedError"]
    assert host.visits == ["tcp"]


def test_a_server_that_says_too_much_at_once_is_ended_with_a_sentence(brief: Make, tmp_path: Path) -> None:
    asked = Asked(brief, tmp_path, "say", str(6 * 2**20))
    assert not asked.result.ok
    assert asked.result.text == "mcp__srv__look failed: it was ended: said a line of more than 4 MiB"


@pytest.mark.parametrize("counted", [True, False])
def test_a_server_that_holds_too_much_memory_is_ended_with_a_sentence(
    brief: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counted: bool
) -> None:
    sandbox = Sandbox.detect(LIMITS)
    assert sandbox
    if not counted:
        monkeypatch.setattr(cgroups, "tree", lambda: None)
        sandbox = msgspec.structs.replace(sandbox, cgroup="")
    elif not sandbox.cgroup:
        pytest.skip("this machine gives no control groups")
    asked = Asked(brief, tmp_path, "hold", "300", sandbox=sandbox)
    assert not asked.result.ok
    assert asked.result.text == f"mcp__srv__look failed: it was ended: more than {64 * 2**20} bytes of memory"


def test_what_an_entry_sets_for_the_loader_is_there_for_its_program_alone(brief: Make, tmp_path: Path) -> None:
    given = {"LD_PRELOAD": "/no/such/library.so", "PYTHONPATH": "/no/such/folder", "PATH": "/usr/bin:/bin"}
    asked = Asked(brief, tmp_path, "env", *given, env=given)
    assert json.loads(asked.result.text) == given


async def heard(enclosed: Enclosed, most: int) -> tuple[int, str]:
    """How many messages of a server were taken, and why it is not heard any longer."""
    async with talked_with(enclosed, most) as (server, says, _):
        return len([message async for message in says]), server.stopped


def test_a_server_that_never_stops_talking_is_heard_up_to_a_limit_of_its_session(tmp_path: Path) -> None:
    message = json.dumps({"jsonrpc": "2.0", "method": "notifications/x", "params": {"x": "x" * 10_000}})
    endless = Enclosed(argv=("/usr/bin/yes", message), cwd=tmp_path, env={}, bounds=child.FREE)
    taken, why = asyncio.run(asyncio.wait_for(heard(endless, 2**20), 30))
    assert 0 < taken <= 2**20 // len(message)
    assert why == "said more than 1 MiB"
