"""A small model of our own: llama.cpp's server in a child process (`llama_server`), shared by all executions of a host.

Good for proving the machinery with real inference and for filling a slot of text; not for building software.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import msgspec

from reconciler.execute.backends import weights
from reconciler.execute.backends.port import DEFAULT_LIMITS, Answer, BackendError, ChatRequest, Limits, OnToken, Probe
from reconciler.execute.backends.streaming import one_line, paced, with_schema, without_thoughts
from reconciler.model.job import ModelBrief
from reconciler.model.vocabulary import Reason

PACKAGE = "xllamacpp"
INSTALL_COMMAND = f"{sys.executable} -m pip install 'alai-reconcile[embedded]'"
LOAD_SECONDS = 120.0
SEED = 1


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta = msgspec.field(default_factory=_Delta)
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: dict[str, Any] | None = None


class _Server:
    """A child process and where it listens. Started by the first question, and again where it died."""

    def __init__(self, path: Path, num_ctx: int) -> None:
        self._arguments = [str(path), str(num_ctx)]
        self._lock = asyncio.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._address = ""

    async def address(self) -> str:
        async with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._address = await self._start()
            return self._address

    async def _start(self) -> str:
        command = [sys.executable, "-P", "-m", "reconciler.execute.backends.llama_server", *self._arguments]
        root = str(Path(__file__).resolve().parents[3])
        process = self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))},
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(LOAD_SECONDS):
                line = await asyncio.to_thread(process.stdout.readline)
        except TimeoutError:
            self.stop()
            message = f"the embedded model did not load within {LOAD_SECONDS:.0f} s"
            raise BackendError(Reason.TIMEOUT, message) from None
        except asyncio.CancelledError:
            self.stop()
            raise
        if not line:
            self.stop()
            raise BackendError(Reason.BACKEND_ERROR, f"the embedded model's server did not start: {' '.join(command)}")
        return line.decode().strip()

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()


_servers: dict[tuple[str, Path, int], _Server] = {}


def stop_servers() -> None:
    """End all servers of this process. They end with it in any case."""
    while _servers:
        _servers.popitem()[1].stop()


atexit.register(stop_servers)


class Embedded:
    """The weights that `model.name` says (None: the default), held by one server per host."""

    def __init__(self, model: ModelBrief, limits: Limits = DEFAULT_LIMITS) -> None:
        self._model = model
        self._limits = limits

    async def chat(self, request: ChatRequest, on_token: OnToken) -> Answer:
        import httpx

        server = self._server()
        text: list[str] = []
        ended: str | None = None
        usage = _Usage()
        chunks = paced(self._chunks(await server.address(), request), self._limits, "the embedded model")
        try:
            async for chunk in chunks:
                usage = chunk.usage or usage
                for choice in chunk.choices:
                    ended = choice.finish_reason or ended
                    if choice.delta.content:
                        text.append(choice.delta.content)
                        on_token(choice.delta.content)
        except (httpx.HTTPError, msgspec.MsgspecError) as error:
            why = one_line(str(error)) or type(error).__name__
            raise BackendError(Reason.BACKEND_ERROR, f"the embedded model's server failed: {why}") from error
        finally:
            await chunks.aclose()
        if ended is None:
            raise BackendError(Reason.BACKEND_ERROR, "the embedded model broke off in the middle of its answer")
        return Answer(
            text=without_thoughts("".join(text)),
            tokens_in=usage.prompt_tokens,
            tokens_out=usage.completion_tokens,
            cost_usd=0.0,
            ended="length" if ended == "length" else "stop",
        )

    def _server(self) -> _Server:
        if importlib.util.find_spec(PACKAGE) is None:
            raise BackendError(Reason.CAPABILITY_MISSING, f"the embedded model needs {PACKAGE}: run: {INSTALL_COMMAND}")
        try:
            path = weights.installed(self._model.name)
        except weights.WeightsError as error:
            raise BackendError(Reason.MODEL_MISSING, str(error)) from error
        if path is None:
            name = self._model.name or weights.names()[0]
            message = f"the weights of {name} are not in {weights.folder()}: run: {weights.FETCH_COMMAND}"
            raise BackendError(Reason.MODEL_MISSING, message)
        key = (self._model.host, path, self._model.num_ctx)
        return _servers.setdefault(key, _Server(path, self._model.num_ctx))

    async def _chunks(self, address: str, request: ChatRequest) -> AsyncGenerator[_Chunk, None]:
        """The server's events. Raises httpx.HTTPError, msgspec.MsgspecError, BackendError."""
        import httpx

        timeout = httpx.Timeout(None, connect=self._limits.connect)
        async with (
            httpx.AsyncClient(base_url=address, timeout=timeout, trust_env=False) as client,
            client.stream("POST", "/v1/chat/completions", json=_body(request)) as response,
        ):
            if response.is_error:
                message = f"the embedded model's server refused: {_words(await response.aread())}"
                raise BackendError(Reason.BACKEND_ERROR, message)
            async for line in response.aiter_lines():
                data = line.removeprefix("data: ")
                if data == line or data == "[DONE]":
                    continue
                chunk = msgspec.json.decode(data, type=_Chunk)
                if chunk.error is not None:
                    message = one_line(str(chunk.error.get("message", chunk.error)))
                    raise BackendError(Reason.BACKEND_ERROR, f"the embedded model failed: {message}")
                yield chunk


def _body(request: ChatRequest) -> dict[str, Any]:
    body: dict[str, Any] = {
        "messages": with_schema(request),
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "seed": SEED,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.schema is not None:
        form = {"name": "answer", "schema": request.schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    return body


def _words(answer: bytes) -> str:
    """What an error response says, be it JSON or not."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return one_line(str(json.loads(answer)["error"]["message"]))
    return one_line(answer.decode("utf-8", "replace"))


def probe() -> Probe:
    """Is the package here, and which weights?"""
    if importlib.util.find_spec(PACKAGE) is None:
        return Probe(reachable=False, message=f"{PACKAGE} is not installed: run: {INSTALL_COMMAND}")
    here = frozenset(name for name in weights.names() if weights.installed(name) is not None)
    return Probe(reachable=True, message="" if here else f"no weights yet: run: {weights.FETCH_COMMAND}", models=here)
