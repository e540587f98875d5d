"""A stand-in for an Ollama server: its real protocol over a real socket, with scripted words instead of a model.

`OllamaStandIn(answer)` as a context manager; `answer` gets the body of each `/api/chat` request. The shapes of what it
sends are checked against recordings of the real server in `tests/backends/test_standin.py`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

CREATED = "2026-11-21T10:28:52.321878509Z"


@dataclass(frozen=True)
class Reply:
    """What to send: `pieces`, one line each; `pause` seconds before each; then an end, an `error` line, or a stall."""

    pieces: tuple[str, ...] = ()
    done_reason: str = "stop"
    pause: float = 0.0
    error: str | None = None
    """a line `{"error": ...}` under HTTP 200, after the pieces"""
    status: int = 200
    """anything else: no stream, only `{"error": error}`"""
    stall: bool = False
    """after the pieces, say nothing more until the client goes away"""
    break_off: bool = False
    """after the pieces, close the connection"""
    junk: bytes = b""
    """sent as a line of its own after the pieces"""
    prompt_tokens: int | None = None


Answer = Callable[[dict[str, Any]], "Reply | str"]


@dataclass
class OllamaStandIn:
    answer: Answer = lambda _: "done"
    models: tuple[str, ...] = ("tiny:latest",)
    port: int = 0
    requests: list[dict[str, Any]] = field(default_factory=list)
    """bodies of the chat requests, in order"""
    left: threading.Event = field(default_factory=threading.Event)
    """a client went away in the middle of an answer"""

    def __enter__(self) -> OllamaStandIn:
        stand_in = self

        class Handler(_Handler):
            owner = stand_in

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def has(self, model: str) -> bool:
        return model in self.models or f"{model}:latest" in self.models

    def pause(self, seconds: float) -> None:
        self._stopping.wait(seconds)

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()


class _Handler(BaseHTTPRequestHandler):
    owner: OllamaStandIn
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        pages: dict[str, Callable[[], dict[str, Any]]] = {
            "/api/tags": lambda: {"models": [_listed(name) for name in self.owner.models]},
            "/api/ps": lambda: {"models": [_loaded(name) for name in self.owner.models]},
            "/api/version": lambda: {"version": "0.0.0"},
        }
        page = pages.get(self.path)
        if page is None:
            self._json(404, {"error": "404 page not found"})
        else:
            self._json(200, page())

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            body = json.loads(raw)
        except ValueError as error:
            self._json(400, {"error": str(error)})
            return
        if not self.owner.has(body.get("model", "")):
            self._json(404, {"error": f"model '{body.get('model')}' not found"})
        elif self.path == "/api/show":
            self._json(200, _shown(body["model"]))
        elif self.path == "/api/chat":
            self.owner.requests.append(body)
            self._chat(body)
        else:
            self._json(404, {"error": "404 page not found"})

    def _chat(self, body: dict[str, Any]) -> None:
        said = self.owner.answer(body)
        reply = Reply(pieces=tuple(_split(said))) if isinstance(said, str) else said
        if reply.status != 200:
            self._json(reply.status, {"error": reply.error or "failed"})
        elif body.get("stream", True):
            try:
                self._stream(body, reply)
            except OSError:
                self.owner.left.set()
                self.close_connection = True
        else:
            self._json(200, _end(body, reply, "".join(reply.pieces)))

    def _stream(self, body: dict[str, Any], reply: Reply) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in reply.pieces:
            self.owner.pause(reply.pause)
            self._line(json.dumps(_part(body, piece)).encode())
        if reply.junk:
            self._line(reply.junk)
        while reply.stall and not self.owner.stopping:
            self.owner.pause(0.05)
            self.connection.settimeout(0.01)
            try:
                if not self.connection.recv(1):
                    raise ConnectionResetError
            except TimeoutError:
                continue
        if reply.break_off or reply.stall:
            self.close_connection = True
            return
        last = {"error": reply.error} if reply.error else _end(body, reply, "")
        self._line(json.dumps(last).encode())
        self.wfile.write(b"0\r\n\r\n")

    def _line(self, line: bytes) -> None:
        data = line + b"\n"
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _json(self, status: int, value: dict[str, Any]) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _split(text: str) -> list[str]:
    """In pieces of about a token."""
    return [text[start : start + 4] for start in range(0, len(text), 4)]


def _part(body: dict[str, Any], piece: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": piece}
    return {"model": body["model"], "created_at": CREATED, "message": message, "done": False}


def _end(body: dict[str, Any], reply: Reply, text: str) -> dict[str, Any]:
    prompt = "".join(message["content"] for message in body.get("messages", []))
    tokens = reply.prompt_tokens if reply.prompt_tokens is not None else max(1, len(prompt) // 4)
    return {
        **_part(body, text),
        "done": True,
        "done_reason": reply.done_reason,
        "total_duration": 241350153,
        "load_duration": 1149912,
        "prompt_eval_count": tokens,
        "prompt_eval_duration": 129692000,
        "eval_count": len(reply.pieces),
        "eval_duration": 95755000,
    }


_DETAILS = {
    "parent_model": "",
    "format": "gguf",
    "family": "gemma3",
    "families": ["gemma3"],
    "parameter_size": "268.10M",
    "quantization_level": "Q4_K_M",
}
_DIGEST = "b64963c12f640728f437a0619b74481f483aa212e2780fc58ede0f3b7e39074d"


def _listed(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "model": name,
        "modified_at": CREATED,
        "size": 253114495,
        "digest": _DIGEST,
        "details": {**_DETAILS, "context_length": 32768, "embedding_length": 640},
        "capabilities": ["completion", "tools"],
    }


def _loaded(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "model": name,
        "size": 287781682,
        "digest": _DIGEST,
        "details": _DETAILS,
        "expires_at": CREATED,
        "size_vram": 0,
        "context_length": 4096,
    }


def _shown(name: str) -> dict[str, Any]:
    return {
        "modelfile": f"FROM {name}\n",
        "parameters": "stop x",
        "template": "{{ .Prompt }}",
        "details": _DETAILS,
        "model_info": {"general.architecture": "gemma3", "gemma3.context_length": 32768},
        "capabilities": ["completion", "tools"],
        "modified_at": CREATED,
    }
