"""Servers of models that send us elsewhere, count what nobody can add up, and repeat what they should not know."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from reconciler.execute.backends import open_backend
from reconciler.execute.backends.port import Answer, BackendError, ChatRequest, Message
from reconciler.model.job import ModelBrief
from reconciler.model.vocabulary import Verdict
from tests.real.attacks.lab import GOOD, Shop, acts, writes
from tests.standins.script import Body, Reply

WAYS = ("ollama-simple", "llama-server")


@contextmanager
def server(status: int, body: bytes = b"", **headers: str) -> Iterator[tuple[str, list[str]]]:
    """Its address, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST

        def log_message(self, *_: Any) -> None:
            pass

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=made.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{made.server_port}", asked
    finally:
        made.shutdown()
        made.server_close()


def ask(way: str, url: str) -> Answer:
    model = ModelBrief(backend=way, name="m", host="h", url=url, num_ctx=4096, offers=("text",))
    request = ChatRequest(messages=(Message(role="user", text="?"),), max_tokens=64)
    return asyncio.run(open_backend(model).chat(request, lambda _: None))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("way", WAYS)
def test_a_prompt_goes_nowhere_that_its_server_names(way: str, status: int) -> None:
    with server(200, b"{}") as (elsewhere, asked):
        for place in (f"{elsewhere}/api/chat", "file:///etc/passwd"):
            with server(status, Location=place) as (url, _), pytest.raises(BackendError) as caught:
                ask(way, url)
            assert "root:" not in caught.value.message
    assert asked == []


def said(way: str, count: object) -> bytes:
    """A whole answer that says it took so many tokens."""
    if way == "llama-server":
        choice = {"choices": [{"delta": {"content": "yes"}, "finish_reason": "stop"}]}
        usage = {"choices": [], "usage": {"prompt_tokens": count, "completion_tokens": count}}
        return "".join(f"data: {json.dumps(part)}\n\n" for part in (choice, usage)).encode() + b"data: [DONE]\n\n"
    line = {"model": "m", "message": {"role": "assistant", "content": "yes"}, "done": True, "done_reason": "stop"}
    return json.dumps({**line, "prompt_eval_count": count, "eval_count": count}).encode() + b"\n"


@pytest.mark.parametrize("count", [-5, -(10**30), 10**30, 2**63, 1e308, float("nan"), "7", True], ids=str)
@pytest.mark.parametrize("way", WAYS)
def test_a_count_that_is_none_is_unknown_or_no_answer(way: str, count: object) -> None:
    kind = "text/event-stream" if way == "llama-server" else "application/x-ndjson"
    with server(200, said(way, count), Content_Type=kind) as (url, _):
        try:
            answer = ask(way, url)
        except BackendError:
            return  # not read as an answer at all
    assert (answer.tokens_in, answer.tokens_out) == (None, None)


def test_no_count_of_a_server_stops_a_factory(shop: Shop) -> None:
    done = acts([writes("hello.py", GOOD)])

    def answer(body: Body) -> Reply | str:
        reply = done(body)
        return Reply(calls=reply.calls, prompt_tokens=7, answer_tokens=10**30)

    shop.server.answer = answer
    shop.ask()
    shop.ok("apply")
    assert shop.outcome()["outcome"] == Verdict.PASSED
    assert shop.outcome()["tokens"] is None
    shop.ok("rebuild")
