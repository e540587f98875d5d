"""What a stand-in for a model's server says, whatever its protocol: scripted turns instead of a model.

A script is a sequence of steps, one for each request for an answer, in the order in which they come. A step is a
`Reply`, a text, or a function of the request's body that gives either. A function alone answers every request.

    OllamaStandIn([calls(("write_file", {"path": "a.txt", "content": "a"})), "done"])
    LlamaStandIn(script, then="I am still here.")      # `then` answers all that come after the script's end
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, TypeVar

Body = dict[str, Any]
Self = TypeVar("Self", bound="StandIn")

BROKEN_CALL = "error parsing tool call: raw={raw!r}, err=unexpected end of JSON input"
"""how Ollama and llama-server fail over a call that the model wrote badly"""


@dataclass(frozen=True)
class Reply:
    """What to send: thinking, then `pieces` of text, then calls, then an end; `pause` seconds before each part."""

    pieces: tuple[str, ...] = ()
    thinking: tuple[str, ...] = ()
    calls: tuple[tuple[str, dict[str, Any] | str], ...] = ()
    """(name, arguments); arguments as text are what the model wrote instead of an object: llama-server passes it on,
    Ollama cannot read it and fails"""
    done_reason: str = "stop"
    """`stop` or `length`; also with calls"""
    pause: float = 0.0
    error: str | None = None
    """in the server's own form, under HTTP 200, after the other parts"""
    status: int = 200
    """anything else: no stream, only the error"""
    silent: bool = False
    """not even headers, until the client goes away"""
    stall: bool = False
    """after the parts, say nothing more until the client goes away"""
    break_off: bool = False
    """after the parts, close the connection"""
    junk: bytes = b""
    """sent as a line of its own after the parts"""
    prompt_tokens: int | None = None
    """default: a quarter of the characters of the messages"""
    answer_tokens: int | None = None
    """default: one for each part"""
    uncounted: bool = False
    """leave the tokens out"""

    @property
    def tokens(self) -> int:
        return (
            len(self.pieces) + len(self.thinking) + len(self.calls)
            if self.answer_tokens is None
            else self.answer_tokens
        )


Answer = Callable[[Body], "Reply | str"]
Script = Sequence["Reply | str | Answer"]


def says(text: str, **more: Any) -> Reply:
    """A text, in pieces of about a token."""
    return Reply(tuple(text[start : start + 4] for start in range(0, len(text), 4)), **more)


def calls(*wanted: tuple[str, dict[str, Any] | str], text: str = "", **more: Any) -> Reply:
    """Calls of tools, with a text before them if there is one."""
    return replace(says(text, **more), calls=wanted)


def fails(error: str, status: int = 500) -> Reply:
    """An HTTP error instead of an answer."""
    return Reply(status=status, error=error)


def estimate(body: Body) -> int:
    """Tokens of a request's messages and tools, roughly."""
    said = [str(message.get("content") or "") for message in body.get("messages", [])]
    tools = body.get("tools")
    return max(1, (sum(map(len, said)) + (len(json.dumps(tools)) if tools else 0)) // 4)


@dataclass
class StandIn:
    """A server on a free port of loopback. Its protocol is that of the handler that a subclass names."""

    answer: Answer | Script = lambda _: "done"
    models: tuple[str, ...] = ("tiny:latest",)
    port: int = 0
    then: Reply | str | None = None
    """what answers after the script's end; None: an HTTP 500 that says so"""
    capabilities: tuple[str, ...] = ("completion", "tools")
    context: int | None = None
    """tokens that fit the loaded model's window; longer prompts are refused as the real server does; None: all fit"""
    requests: list[Body] = field(default_factory=list[Body])
    """bodies of the requests for an answer, in order"""
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """(method, path) of all requests"""
    most_in_flight: int = 0
    """the highest number of answers under way at once"""
    left: threading.Event = field(default_factory=threading.Event)
    """a client went away in the middle of an answer"""

    handler: ClassVar[type[Handler]]

    def __enter__(self: Self) -> Self:
        handler = type("Bound", (self.handler,), {"owner": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self._server.daemon_threads = True
        self._server.request_queue_size = 64
        self.port = self._server.server_address[1]
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._in_flight = 0
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

    @property
    def in_flight(self) -> int:
        return self._in_flight

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def pause(self, seconds: float) -> None:
        self._stopping.wait(seconds)

    @contextmanager
    def answering(self, body: Body) -> Iterator[Reply]:
        """The next step of the script; counted as in flight until the end of the block."""
        with self._lock:
            step = self._step(len(self.requests))
            self.requests.append(body)
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            said = step(body) if callable(step) else step
            yield says(said) if isinstance(said, str) else said
        finally:
            with self._lock:
                self._in_flight -= 1

    def _step(self, number: int) -> Reply | str | Answer:
        if callable(self.answer):
            return self.answer
        if number < len(self.answer):
            return self.answer[number]
        return fails(f"the script has only {len(self.answer)} steps") if self.then is None else self.then


class Handler(BaseHTTPRequestHandler):
    """HTTP without a protocol of its own: reading, writing, and noticing that a client went away."""

    owner: StandIn
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def body(self) -> Body:
        """The request's JSON. Raises ValueError."""
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def begin(self, content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def end(self) -> None:
        self.wfile.write(b"0\r\n\r\n")

    def wait_for_goodbye(self) -> None:
        """Say nothing until the client goes away (raises OSError) or the stand-in stops."""
        while not self.owner.stopping:
            self.owner.pause(0.03)
            self.connection.settimeout(0.01)
            try:
                if not self.connection.recv(1):
                    raise ConnectionResetError
            except TimeoutError:
                continue
        self.close_connection = True

    def went_away(self) -> None:
        self.owner.left.set()
        self.close_connection = True

    def json(self, status: int, value: Any) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
