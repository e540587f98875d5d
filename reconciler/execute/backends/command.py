"""Any program on this machine that answers on standard output what it is asked on standard input.

It runs with the user's own environment, since the Fleet that names it is theirs, but in an empty folder: it is asked
for words, it has no business with files.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import signal
import tempfile
from collections.abc import AsyncGenerator

from reconciler.execute.backends.port import Answer, BackendError, ChatRequest, OnToken
from reconciler.execute.backends.streaming import checked, divided, limits_of, one_line, paced, told_schema
from reconciler.model.job import ModelBrief
from reconciler.model.vocabulary import Reason

LONGEST = 4_000_000
"""bytes of an answer; what comes after them ends the program"""
_COMPLAINT = 4000


class Command:
    """`model.command`, run anew for each question. What it used and what that cost is not known."""

    def __init__(self, model: ModelBrief) -> None:
        self._model = model
        self._limits = limits_of(model.limits)

    async def chat(self, request: ChatRequest, on_token: OnToken) -> Answer:
        host = self._model.host
        checked(request, tools=False, who=f"host {host}")
        if not self._model.command:
            raise BackendError(Reason.CAPABILITY_MISSING, f"host {host} names no command: give it one in the Fleet")
        said: list[str] = []
        pieces = paced(self._pieces(_prompt(request)), self._limits, f"{self._model.command[0]} of host {host}")
        try:
            async for piece in pieces:
                said.append(piece)
                on_token(piece)
        finally:
            await pieces.aclose()
        text, thinking = divided("".join(said))
        return Answer(text=text, tokens_in=None, tokens_out=None, cost_usd=None, ended="stop", thinking=thinking)

    async def _pieces(self, prompt: str) -> AsyncGenerator[str, None]:
        """Standard output as it comes. Whatever happens, the program's process group is dead at the end."""
        with tempfile.TemporaryDirectory(prefix="alai-command-", ignore_cleanup_errors=True) as folder:
            child = await self._start(folder)
            assert child.stdin is not None
            assert child.stdout is not None
            complaint = bytearray()
            helpers = [
                asyncio.create_task(_feed(child.stdin, prompt)),
                asyncio.create_task(_listen(child.stderr, complaint)),
            ]
            decoder = codecs.getincrementaldecoder("utf-8")("replace")
            length = 0
            try:
                while chunk := await child.stdout.read(65536):
                    length += len(chunk)
                    if length > LONGEST:
                        raise BackendError(Reason.BACKEND_ERROR, f"{self._who} said more than {LONGEST} bytes")
                    yield decoder.decode(chunk)
                yield decoder.decode(b"", final=True)
                code = await child.wait()
                await asyncio.wait(helpers, timeout=1)
            finally:
                await _end(child, helpers)
        if code != 0:
            words = one_line(complaint.decode("utf-8", "replace")) or "it said nothing about it"
            raise BackendError(Reason.BACKEND_ERROR, f"{self._who} ended with exit status {code}: {words}")

    @property
    def _who(self) -> str:
        return f"{self._model.command[0]} of host {self._model.host}"

    async def _start(self, folder: str) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                *self._model.command,
                cwd=folder,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise BackendError(Reason.HOST_UNREACHABLE, f"{self._who} cannot be started: {why}") from error


async def _feed(pipe: asyncio.StreamWriter, prompt: str) -> None:
    """A program need not read all that it is told."""
    with contextlib.suppress(OSError):
        pipe.write(prompt.encode())
        await pipe.drain()
        pipe.close()
        await pipe.wait_closed()


async def _listen(pipe: asyncio.StreamReader | None, kept: bytearray) -> None:
    """Keep the end of what comes."""
    assert pipe is not None
    while chunk := await pipe.read(65536):
        kept += chunk
        del kept[:-_COMPLAINT]


async def _end(child: asyncio.subprocess.Process, helpers: list[asyncio.Task[None]]) -> None:
    """Kill the group (also what the program left behind in it) and reap the program, even while being cancelled."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    for helper in helpers:
        helper.cancel()
    await asyncio.shield(asyncio.gather(child.wait(), *helpers, return_exceptions=True))


def _prompt(request: ChatRequest) -> str:
    """The conversation as one text; who speaks is said only where it is more than one question."""
    asked = [message for message in request.messages if message.text]
    plain = [message.role for message in asked] in (["user"], ["system", "user"])
    parts = [message.text if plain else f"[{message.role}]\n{message.text}" for message in asked]
    return "\n\n".join(parts) + told_schema(request) + "\n"
