"""Hosts that say more than anybody reads, or say it compressed, are an end in words and no memory."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import msgspec
import pytest

from reconciler.execute.backends import open_backend, servers
from reconciler.execute.backends.llama_chat import _Chunk, _Heard
from reconciler.execute.backends.port import BackendError, ChatRequest, Message
from reconciler.model.job import ModelBrief
from reconciler.model.vocabulary import Reason
from tests.growth import linear

Body = Callable[[], Iterator[bytes]]


def a_line() -> Iterator[bytes]:
    while True:
        yield b"x" * 65536


def lines() -> Iterator[bytes]:
    while True:
        yield b": " + b"x" * 65536 + b"\n"


def slow() -> Iterator[bytes]:
    while True:
        time.sleep(0.2)
        yield b" "


@contextmanager
def host(body: Body, status: int = 200, **headers: str) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            try:
                for chunk in body():
                    self.wfile.write(chunk)
            except OSError:
                pass  # nobody reads any more

        do_GET = do_POST

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def refused(backend: str, url: str) -> BackendError:
    model = ModelBrief(backend=backend, name="m", host="h", url=url, num_ctx=4096, offers=("text",))
    way = open_backend(model)
    with pytest.raises(BackendError) as caught:
        asyncio.run(way.chat(ChatRequest(messages=(Message(role="user", text="?"),), max_tokens=64), lambda _: None))
    return caught.value


@pytest.mark.parametrize("backend", ["llama-server", "ollama-simple"])
@pytest.mark.parametrize(
    ("body", "status", "headers", "words"),
    [
        (a_line, 200, {}, "said a line of more than 4 MiB"),
        (a_line, 500, {}, "said more than 4 MiB|said a line of more than 4 MiB"),
        (lambda: iter([gzip.compress(b"x")]), 200, {"Content_Encoding": "gzip"}, "the answer came compressed"),
    ],
)
def test_an_answer_without_end_is_an_end_in_words(
    backend: str, body: Body, status: int, headers: dict[str, str], words: str
) -> None:
    with host(body, status, **headers) as url:
        error = refused(backend, url)
    assert error.reason is Reason.BACKEND_ERROR
    assert any(word in error.message for word in words.split("|"))


def test_an_answer_of_many_lines_is_ended_too() -> None:
    with host(lines) as url:
        assert "said more than 64 MiB" in refused("llama-server", url).message


@pytest.mark.parametrize(("body", "words"), [(a_line, "more than 4 MiB"), (slow, "did not come to an end in time")])
def test_a_page_without_end_is_no_answer(body: Body, words: str) -> None:
    with host(body) as url, pytest.raises(servers.Unanswered, match=words):
        servers.get(url, "/props", servers.LLAMA)


def test_a_call_in_many_pieces_is_put_together_once() -> None:
    def heard(pieces: list[_Chunk]) -> None:
        told = _Heard()
        for piece in pieces:
            told.add(piece, lambda _: None)
        told.calls()

    def chunks(count: int) -> list[_Chunk]:

        piece = b'{"choices": [{"delta": {"tool_calls": [{"function": {"arguments": "' + b"x" * 100 + b'"}}]}}]}'
        return [msgspec.json.decode(piece, type=_Chunk)] * count

    assert linear(heard, chunks, 500, 8_000)
