"""The way out of the program, over real sockets: its pass becomes the credential, on the way to the model alone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from reconciler.execute.backends.claude_api import ADDRESS, ClaudeApi, NoWay
from reconciler.execute.backends.claude_login import Login, NoLogin
from tests.standins.anthropic import Anthropic, Decide, anthropic

QUESTION = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}).encode()
KEY = "the-credential-of-the-user"
PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def own_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def spoken(request: dict[str, object], turn: int) -> list[dict[str, object]]:
    del request, turn
    return [{"text": "hello"}]


class Way:
    """A way out over a stand-in, with what was heard of it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.heard: list[tuple[str, bool, str]] = []
        self.found: Callable[[], Login] = lambda: Login(url=url, header=("x-api-key", KEY))
        self.over = False
        self.path = folder / "out"
        self.api = ClaudeApi(self.path, lambda: self.found(), lambda: self.over, lambda *what: self.heard.append(what))

    async def ask(self, head: str, body: bytes = b"") -> bytes:
        reader, writer = await asyncio.open_unix_connection(str(self.path))
        writer.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        return answer

    def question(self, key: str | None = None, path: str = "/v1/messages?beta=true", more: str = "") -> str:
        given = f"x-api-key: {self.api.key if key is None else key}\ncontent-length: {len(QUESTION)}{more}"
        return f"POST {ADDRESS}{path} HTTP/1.1\nhost: anthropic.invalid\n{given}"


@contextlib.asynccontextmanager
async def way(folder: Path, url: str) -> AsyncIterator[Way]:
    made = Way(folder, url)
    async with made.api:
        yield made


def test_a_question_reaches_the_model_with_the_credential_in_place_of_the_pass(tmp_path: Path) -> None:
    async def scene(model: Anthropic) -> None:
        async with way(tmp_path, f"{model.url}/prefix") as out:
            more = "\ncookie: a=b\nproxy-authorization: Basic x\nanthropic-beta: one,two"
            answer = await out.ask(out.question(more=more), QUESTION)
            assert answer.startswith(b"HTTP/1.1 200")
            assert b"text/event-stream" in answer
            assert b'"text": "hello"' in answer
            asked = model.heard[0]
            assert (asked.path, asked.raw) == ("/prefix/v1/messages?beta=true", QUESTION)
            assert (asked.headers["x-api-key"], asked.headers["anthropic-beta"]) == (KEY, "one,two")
            assert out.api.key.encode() not in model.everything()
            assert not {"cookie", "proxy-authorization"} & set(asked.headers)
            assert [(through, why) for _, through, why in out.heard] == [(True, "")]

    with anthropic(spoken) as model:
        asyncio.run(scene(model))


def test_a_pass_for_an_account_becomes_its_token(tmp_path: Path) -> None:
    async def scene(model: Anthropic) -> None:
        async with way(tmp_path, model.url) as out:
            out.found = lambda: Login(url=model.url, header=("authorization", "Bearer token"), account=True)
            head = out.question().replace("x-api-key: ", "authorization: Bearer ")
            assert (await out.ask(head, QUESTION)).startswith(b"HTTP/1.1 200")
            assert model.heard[0].headers["authorization"] == "Bearer token"
            assert "x-api-key" not in model.heard[0].headers

    with anthropic(spoken) as model:
        asyncio.run(scene(model))


@pytest.mark.parametrize(
    "line",
    [
        "CONNECT example.com:443 HTTP/1.1\nhost: x",
        "CONNECT api.anthropic.com:443 HTTP/1.1\nhost: x",
        "CONNECT anthropic.invalid:80 HTTP/1.1\nhost: x",
        "GET http://example.com/ HTTP/1.1\nhost: x",
        "POST http://example.com/v1/messages HTTP/1.1\nhost: x\ncontent-length: 0",
        "POST http://anthropic.invalid.example.com/v1/messages HTTP/1.1\nhost: x\ncontent-length: 0",
        "POST http://anthropic.invalid@example.com/v1/messages HTTP/1.1\nhost: x\ncontent-length: 0",
        "GET http://anthropic.invalid/v1/files HTTP/1.1\nhost: x",
        "POST http://anthropic.invalid/v1/files HTTP/1.1\nhost: x\ncontent-length: 0",
        "POST http://anthropic.invalid/v1/messages/../files HTTP/1.1\nhost: x\ncontent-length: 0",
        "POST http://anthropic.invalid/v1/messages/batches HTTP/1.1\nhost: x\ncontent-length: 0",
        "DELETE /v1/messages HTTP/1.1\nhost: x",
    ],
)
def test_everything_but_a_question_is_refused_and_heard_of(tmp_path: Path, line: str) -> None:
    async def scene(model: Anthropic) -> None:
        async with way(tmp_path, model.url) as out:
            answer = await out.ask(f"{line}\nx-api-key: {out.api.key}")
            assert answer.startswith(b"HTTP/1.1 403")
            assert [through for _, through, _ in out.heard] == [False]
            assert model.heard == []

    with anthropic(spoken) as model:
        asyncio.run(scene(model))


@pytest.mark.parametrize("key", ["", "guess", KEY])
def test_who_does_not_know_the_pass_of_the_run_is_refused(tmp_path: Path, key: str) -> None:
    async def scene(model: Anthropic) -> None:
        async with way(tmp_path, model.url) as out:
            assert (await out.ask(out.question(key), QUESTION)).startswith(b"HTTP/1.1 401")
            assert [through for _, through, _ in out.heard] == [False]
            assert model.heard == []

    with anthropic(spoken) as model:
        asyncio.run(scene(model))


def test_once_the_work_is_finished_nothing_more_is_asked(tmp_path: Path) -> None:
    async def scene(model: Anthropic) -> None:
        async with way(tmp_path, model.url) as out:
            out.over = True
            answer = await out.ask(out.question(), QUESTION)
            assert answer.startswith(b"HTTP/1.1 403")
            assert b"x-should-retry: false" in answer.lower()
            assert model.heard == []

    with anthropic(spoken) as model:
        asyncio.run(scene(model))


def test_a_login_that_expires_meanwhile_is_said_to_the_program(tmp_path: Path) -> None:
    def expired() -> Login:
        raise NoLogin("the login has expired")

    async def scene(model: Anthropic) -> None:
        async with way(tmp_path, model.url) as out:
            out.found = expired
            answer = await out.ask(out.question(), QUESTION)
            assert (answer[:12], b"the login has expired" in answer) == (b"HTTP/1.1 401", True)
            assert model.heard == []

    with anthropic(spoken) as model:
        asyncio.run(scene(model))


@pytest.mark.parametrize("status", [429, 529, 401])
def test_what_the_model_answers_is_passed_on_as_it_is(tmp_path: Path, status: int) -> None:
    decide: Decide = lambda request, turn: status  # noqa: E731

    async def scene(model: Anthropic) -> None:
        async with way(tmp_path, model.url) as out:
            assert (await out.ask(out.question(), QUESTION)).startswith(b"HTTP/1.1 %d" % status)

    with anthropic(decide) as model:
        asyncio.run(scene(model))


def test_an_address_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{free.getsockname()[1]}"

    async def scene() -> None:
        async with way(tmp_path, gone) as out:
            answer = await out.ask(out.question(), QUESTION)
            assert (answer[:12], b"cannot be reached" in answer) == (b"HTTP/1.1 502", True)
            assert "cannot be reached" in out.heard[0][2]

    asyncio.run(scene())


@contextlib.contextmanager
def cut_off() -> Iterator[str]:
    """A server whose answers break off."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                peer, _ = server.accept()
                with peer:
                    peer.recv(65536)
                    peer.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_an_answer_that_breaks_off_is_seen_to_break_off(tmp_path: Path) -> None:
    async def scene(url: str) -> None:
        async with way(tmp_path, url) as out:
            answer = await out.ask(out.question(), QUESTION)
            assert b"5\r\nhello\r\n" in answer
            assert not answer.endswith(b"0\r\n\r\n")

    with cut_off() as url:
        asyncio.run(scene(url))


@pytest.mark.parametrize(
    "raw", [b"\x00\x01 nonsense\r\n\r\n", b"POST / HTTP/1.1\r\n" + b"a: b\r\n" * 20_000 + b"\r\n", b"", b"GET"]
)
def test_what_is_no_request_ends_the_connection_and_nothing_else(tmp_path: Path, raw: bytes) -> None:
    async def scene(model: Anthropic) -> None:
        async with way(tmp_path, model.url) as out:
            reader, writer = await asyncio.open_unix_connection(str(out.path))
            with contextlib.suppress(OSError):
                writer.write(raw)
                writer.write_eof()
                assert await asyncio.wait_for(reader.read(), 5) == b""
            writer.close()
            assert (await out.ask(out.question(), QUESTION)).startswith(b"HTTP/1.1 200")

    with anthropic(spoken) as model:
        asyncio.run(scene(model))


def test_the_proxy_of_the_user_is_gone_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(proxy: Anthropic) -> None:
        async with way(tmp_path, "http://gateway.invalid") as out:
            assert (await out.ask(out.question(), QUESTION)).startswith(b"HTTP/1.1 200")
            assert proxy.heard[0].path == "http://gateway.invalid/v1/messages?beta=true"

    with anthropic(spoken) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        asyncio.run(scene(proxy))


@pytest.mark.parametrize(
    ("name", "value"),
    [("ALL_PROXY", "carrier-pigeon://127.0.0.1:1"), ("NODE_EXTRA_CA_CERTS", "/nonexistent/ca.pem")],
)
def test_a_proxy_or_certificate_that_cannot_be_used_is_not_gone_around(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    async def scene() -> None:
        async with way(tmp_path, "http://127.0.0.1:1"):
            pass

    with pytest.raises(NoWay, match="cannot be used"):
        asyncio.run(scene())
