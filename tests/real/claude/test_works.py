"""The real program at work: it waits for our tools, stops when the work is finished, speaks for a person's login."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reconciler.execute.backends.claude_cli import ClaudeCli
from reconciler.execute.backends.port import ChatRequest, question
from reconciler.model.vocabulary import Reason
from tests.claude.conftest import Folder, Stage
from tests.real.claude.conftest import KEY
from tests.standins.anthropic import anthropic

TOKEN = "sk-ant-oat01-the-login-of-nobody-at-all"
LATE = 3.0
"""seconds; the program asks after two, unless it is told to wait"""


class Slow(Folder):
    """Tools whose server is slow to say what there is."""

    listed = 0

    def __getattribute__(self, name: str) -> Any:
        if name == "specs":
            self.listed += 1
            if self.listed == 2:
                time.sleep(LATE)
        return super().__getattribute__(name)


def builder(request: dict[str, Any], turn: int) -> list[dict[str, Any]]:
    names = [tool["name"] for tool in request.get("tools", ())]
    if "mcp__alai__finish" not in names:
        return [{"text": f"I have no tools: {names}"}]
    write = {"tool": "mcp__alai__write_file", "input": {"path": "page.html", "content": "x"}}
    finish = {"tool": "mcp__alai__finish", "input": {"summary": "A page."}}
    return [[write], [finish, {**write, "input": {"path": "late.html", "content": "x"}}]][min(turn, 1)]


def test_it_waits_for_our_tools_and_asks_nothing_once_it_has_finished(
    program: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del home
    stage = Stage(tmp_path / "stage")
    stage.tools = Slow(stage.folder / "product")
    agent = ClaudeCli(msgspec.structs.replace(stage.model(), command=(program,)))
    with anthropic(builder) as api:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", api.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        terms = msgspec.structs.replace(stage.terms, max_steps=2)
        opening = question("You are a builder.", "Add a page.")
        ending = asyncio.run(agent.work(opening, stage.tools, terms, stage.journal))
    assert (ending.reason, ending.message) == (Reason.PASSED, "")
    assert stage.tools.listed >= 2
    assert [tool["name"] for tool in api.questions[0].body["tools"]] == ["mcp__alai__finish", "mcp__alai__write_file"]
    assert len(api.heard) == 2
    assert ending.cost_usd is not None
    assert [path.name for path in stage.tools.path.iterdir()] == ["page.html"]


@contextlib.contextmanager
def tunnel(url: str, folder: Path) -> Iterator[tuple[str, Path, list[str]]]:
    """A proxy behind which every host is `url`, by TLS: its address, whom to trust for that, what was asked of it."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", str(key), "-out", str(certificate), "-subj", "/CN=stand-in",
         "-addext", "subjectAltName=DNS:api.anthropic.com"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    asked: list[str] = []
    host, port = url.removeprefix("http://").split(":")

    def serve(peer: socket.socket) -> None:
        with contextlib.suppress(OSError), peer:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += peer.recv(1)
            asked.append(head.split(b"\r\n")[0].decode())
            peer.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            with (
                context.wrap_socket(peer, server_side=True) as near,
                socket.create_connection((host, int(port))) as far,
            ):
                threading.Thread(target=pump, args=(near, far), daemon=True).start()
                pump(far, near)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", certificate, asked


def pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)


def test_a_login_kept_in_a_file_is_used_outside_and_through_the_users_proxy(
    program: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl here to make a certificate with")
    kept = {"accessToken": TOKEN, "expiresAt": (time.time() + 3600) * 1000}
    (home / ".claude" / ".credentials.json").write_text(json.dumps({"claudeAiOauth": kept}))
    refused: list[tuple[str, str, str]] = []
    model = msgspec.structs.replace(Stage(tmp_path / "stage").model(), command=(program,))
    agent = ClaudeCli(model, refuse=lambda *what: refused.append(what))
    with anthropic(builder) as api, tunnel(api.url, tmp_path) as (proxy, certificate, asked):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        monkeypatch.setenv("NODE_EXTRA_CA_CERTS", str(certificate))
        request = ChatRequest(messages=question("", "What is it?"), max_tokens=100)
        answer = asyncio.run(agent.chat(request, lambda _: None))
    assert answer.text == "I have no tools: []"
    assert asked == ["CONNECT api.anthropic.com:443 HTTP/1.1"]
    (sent,) = api.heard
    assert sent.headers["authorization"] == f"Bearer {TOKEN}"
    assert "oauth-" in sent.headers["anthropic-beta"]
    assert refused == []
