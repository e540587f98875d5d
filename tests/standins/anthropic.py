"""A stand-in for the Messages API: real HTTP on loopback, a scripted model, and all that it was sent, word by word.

`answer(request, turn) -> list of blocks`: `{"text": ...}` or `{"tool": name, "input": {...}}`; `turn` counts the
model's answers so far in that conversation. An int is an HTTP status: the request fails with it.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import urlsplit

Blocks = list[dict[str, Any]]
Decide = Callable[[dict[str, Any], int], "Blocks | int"]
USAGE = {"input_tokens": 1200, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
SPOKEN = 80
"""tokens of each answer"""


@dataclass
class Heard:
    """One request: `raw` is its body as it came."""

    method: str
    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        return json.loads(self.raw)


@dataclass
class Anthropic:
    """`url`, and what was `heard` there, first to last."""

    decide: Decide
    url: str = ""
    heard: list[Heard] = field(default_factory=list)

    @property
    def questions(self) -> list[Heard]:
        return [one for one in self.heard if urlsplit(one.path).path.endswith("/v1/messages")]

    def everything(self) -> bytes:
        return b"\n".join(repr((one.method, one.path, one.headers)).encode() + one.raw for one in self.heard)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        del format, args

    def do_HEAD(self) -> None:
        self._hear()
        self._say(200, b"")

    def do_GET(self) -> None:
        self._hear()
        self._fail(404)

    def do_POST(self) -> None:
        heard = self._hear()
        if not urlsplit(self.path).path.endswith("/v1/messages"):
            return self._fail(404)
        request = heard.body
        turn = sum(message["role"] == "assistant" for message in request["messages"])
        blocks = cast("_Server", self.server).standin.decide(request, turn)
        if isinstance(blocks, int):
            return self._fail(blocks)
        message = _message(request, turn, blocks)
        if not request.get("stream"):
            return self._say(200, json.dumps(message).encode())
        lines = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in _events(message)]
        return self._say(200, "".join(lines).encode(), "text/event-stream")

    def _hear(self) -> Heard:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        heard = Heard(self.command, self.path, headers, raw)
        cast("_Server", self.server).standin.heard.append(heard)
        return heard

    def _fail(self, status: int) -> None:
        error = {"type": "error", "error": {"type": "stand_in", "message": f"a {status} of the stand-in"}}
        self._say(status, json.dumps(error).encode())

    def _say(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("x-should-retry", "false")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _message(request: dict[str, Any], turn: int, blocks: Blocks) -> dict[str, Any]:
    content = [
        {"type": "tool_use", "id": f"toolu_{turn}_{at}", "name": block["tool"], "input": block["input"]}
        if "tool" in block
        else {"type": "text", "text": block["text"]}
        for at, block in enumerate(blocks)
    ]
    return {
        "id": f"msg_{turn}", "type": "message", "role": "assistant", "model": request["model"], "content": content,
        "stop_reason": "tool_use" if any("tool" in block for block in blocks) else "end_turn", "stop_sequence": None,
        "usage": {**USAGE, "output_tokens": SPOKEN},
    }  # fmt: skip


def _events(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    begun = {**message, "content": [], "stop_reason": None, "usage": {**USAGE, "output_tokens": 1}}
    yield {"type": "message_start", "message": begun}
    for index, block in enumerate(message["content"]):
        if block["type"] == "tool_use":
            empty, delta = (
                {**block, "input": {}},
                {"type": "input_json_delta", "partial_json": json.dumps(block["input"])},
            )
        else:
            empty, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": block["text"]}
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    end = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": end, "usage": {"output_tokens": SPOKEN}}
    yield {"type": "message_stop"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    standin: Anthropic

    def handle_error(self, request: object, client_address: object) -> None:
        """Who hangs up is free to."""


@contextlib.contextmanager
def anthropic(decide: Decide) -> Iterator[Anthropic]:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.standin = Anthropic(decide, f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server.standin
        finally:
            server.shutdown()
            thread.join()
