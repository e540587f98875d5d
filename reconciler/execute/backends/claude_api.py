"""The only way out of the `claude` program: it asks here by plain HTTP, and we pass on what asks a model something.

Behind a unix socket, outside of the sandbox. The program knows a pass that is good for one run, and only here; the
user's credential is put in its place on the way. So no file, variable or process inside ever holds it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import os
import secrets
import ssl
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import h11
import httpx

from reconciler.execute.backends.claude_login import Login, NoLogin
from reconciler.execute.egress import Heard
from reconciler.execute.socket_server import SocketServer

ADDRESS = "http://anthropic.invalid"
"""What the program takes for the API. A name that can never be resolved: it leads here, or nowhere"""
PASSED_ON = frozenset({"/v1/messages", "/v1/messages/count_tokens"})

_HEAD = 65_536
_BODY = 64 * 2**20
_CHUNK = 65_536
_PATIENCE = 30.0
"""seconds for a request to arrive whole"""
_TIMEOUT = httpx.Timeout(connect=10.0, read=None, write=60.0, pool=None)
"""a model may think for long; how long is for the caller's own patience"""
_OWN = frozenset({"host", "content-length", "x-api-key", "authorization", "cookie"})
_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate", "te", "trailer",
     "transfer-encoding", "upgrade", "expect", "set-cookie"}
)  # fmt: skip
_NO_RETRY = ("x-should-retry", "false")


class NoWay(Exception):
    """The user's proxy or certificates cannot be used, and going around them is not ours to choose."""


class ClaudeApi(SocketServer):
    """`async with ClaudeApi(socket, login, over, heard)`. Raises NoWay on entering.

    `login` is asked for each request, since a login that is kept in a file is renewed there; `over` says whether the
    work is done, after which nothing is asked that would have to be paid.
    """

    def __init__(self, path: Path, login: Callable[[], Login], over: Callable[[], bool], heard: Heard) -> None:
        super().__init__(path, _HEAD)
        self.path = path
        self.key = f"run-{secrets.token_urlsafe(24)}"
        """what the program is given for a key"""
        self._login = login
        self._over = over
        self._heard = heard

    async def __aenter__(self) -> Self:
        try:
            self._client = httpx.AsyncClient(verify=_trusted(), timeout=_TIMEOUT, follow_redirects=False)
        except (ImportError, ValueError, OSError) as error:
            told = f"the proxy or certificates that the environment names cannot be used: {error}"
            raise NoWay(told) from error
        return await super().__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await super().__aexit__(kind, error, trace)
        await self._client.aclose()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request of one connection."""
        with contextlib.suppress(h11.ProtocolError, TimeoutError, EOFError):
            talk = _Talk(reader, writer)
            async with asyncio.timeout(_PATIENCE):
                asked, body = await talk.asked()
            await self._answer(talk, asked, body)

    async def _answer(self, talk: _Talk, asked: h11.Request, body: bytes) -> None:
        method, target = asked.method.decode("latin-1"), asked.target.decode("latin-1")
        refused = _refusal(method, target)
        if refused:
            self._heard(_named(target), False, refused)
            return await talk.say(403, "permission_error", refused)
        if method == "HEAD":
            return await talk.say(200, "", "")
        if not self._knows(asked):
            self._heard(_named(target), False, "a caller did not know the pass of this run")
            return await talk.say(401, "authentication_error", "this is not the pass of this run")
        if self._over():
            return await talk.say(403, "permission_error", "the work is finished; nothing more is asked")
        try:
            found = self._login()
        except NoLogin as trouble:
            return await talk.say(401, "authentication_error", str(trouble))
        return await self._pass_on(talk, asked, target, body, found)

    def _knows(self, asked: h11.Request) -> bool:
        given = {name: value for name, value in asked.headers if name in (b"x-api-key", b"authorization")}
        key = given.get(b"x-api-key") or given.get(b"authorization", b"").removeprefix(b"Bearer ")
        return hmac.compare_digest(key, self.key.encode())

    async def _pass_on(self, talk: _Talk, asked: h11.Request, target: str, body: bytes, found: Login) -> None:
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in asked.headers
            if name.decode("latin-1") not in _OWN | _HOP
        ]
        parts = urlsplit(target)
        url = found.url + parts.path + (f"?{parts.query}" if parts.query else "")
        try:
            async with self._client.stream("POST", url, headers=[*headers, found.header], content=body) as far:
                self._heard(found.place, True, "")
                await talk.begin(far)
                async for chunk in far.aiter_raw():
                    await talk.more(chunk)
                await talk.end()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = f"it cannot be reached: {error or type(error).__name__}"
            self._heard(found.place, True, why)
            if not talk.begun:
                await talk.say(502, "api_error", f"{found.place}: {why}")


class _Talk:
    """One request and its answer, in HTTP/1.1. An answer that breaks off stays without its end, so that it shows."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._state = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD)
        self.begun = False

    async def asked(self) -> tuple[h11.Request, bytes]:
        """Raises h11.RemoteProtocolError or EOFError where it is no request, or one that is too long."""
        asked: h11.Request | None = None
        body = bytearray()
        while True:
            event = self._state.next_event()
            if event is h11.NEED_DATA:
                if self._state.they_are_waiting_for_100_continue:
                    await self._send(h11.InformationalResponse(status_code=100, headers=[]))
                self._state.receive_data(await self._reader.read(_CHUNK))
            elif isinstance(event, h11.Request):
                asked = event
                if asked.method == b"CONNECT":
                    return asked, b""
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > _BODY:
                    raise EOFError
            elif asked is not None and isinstance(event, h11.EndOfMessage):
                return asked, bytes(body)
            else:
                raise EOFError

    async def say(self, status: int, kind: str, message: str) -> None:
        """An answer of our own, in the API's form; without `kind`, an empty one."""
        body = json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode() if kind else b""
        own = [("content-type", "application/json"), ("content-length", str(len(body))), ("connection", "close")]
        if status in (401, 403):
            own.append(_NO_RETRY)
        await self._send(h11.Response(status_code=status, headers=own))
        if kind and self._state.our_state is h11.SEND_BODY:
            await self._send(h11.Data(data=body))
        await self.end()

    async def begin(self, far: httpx.Response) -> None:
        headers = [(name, value) for name, value in far.headers.raw if name.decode("latin-1").lower() not in _HOP]
        self.begun = True
        await self._send(h11.Response(status_code=far.status_code, headers=[*headers, (b"connection", b"close")]))

    async def more(self, chunk: bytes) -> None:
        await self._send(h11.Data(data=chunk))

    async def end(self) -> None:
        await self._send(h11.EndOfMessage())

    async def _send(self, event: h11.Event) -> None:
        self._writer.write(self._state.send(event) or b"")
        await self._writer.drain()


def _refusal(method: str, target: str) -> str:
    """Why this is not passed on; nothing where it is, and where asking is harmless."""
    if method == "CONNECT" or not target.startswith((f"{ADDRESS}/", "/")):
        return "only the model's API may be reached"
    path = urlsplit(target).path
    if (method == "POST" and path in PASSED_ON) or (method == "HEAD" and path == "/"):
        return ""
    return f"only questions to a model are passed on, not {method} {path[:100]}"


def _named(target: str) -> str:
    """Where somebody wanted to go, for people."""
    return target[:200] if not target.startswith((f"{ADDRESS}/", "/")) else f"API{urlsplit(target).path[:200]}"


def _trusted() -> ssl.SSLContext:
    """Certificates: those that come with httpx, the machine's own, and those that the user adds for Claude Code."""
    context = httpx.create_ssl_context()
    context.load_default_certs()
    if extra := os.environ.get("NODE_EXTRA_CA_CERTS"):
        context.load_verify_locations(extra)
    return context
