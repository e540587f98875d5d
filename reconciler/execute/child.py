"""A child process that is talked with while it runs: its lines as they come, its last complaints, and a sure end.

Knows nothing of sandboxes or of what the lines mean. Whatever happens, the process group is dead afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path

from reconciler.execute.process import signal_group

MOST = 64 * 2**20
"""bytes that are read in all; a program that says more says nothing that anybody reads"""
_GRACE = 0.8
_REST = 0.5
"""seconds for what stands in the pipes of a dead process; one that escaped its group cannot hold us up"""
_COMPLAINTS = 4000
_CHUNK = 65536


class TooMuch(Exception):
    """The program said more than anybody will read."""


class Child:
    """A process in a session of its own. `complaints`: the end of what it wrote to standard error."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.complaints = b""

    async def lines(self) -> AsyncGenerator[bytes, None]:
        """Each line of standard output without its end, until there are no more. Raises TooMuch."""
        assert self.process.stdout is not None
        begun: list[bytes] = []
        total = 0
        while chunk := await self.process.stdout.read(_CHUNK):
            total += len(chunk)
            if total > MOST:
                raise TooMuch(f"said more than {MOST >> 20} MiB")
            *whole, rest = chunk.split(b"\n")
            for line in whole:
                yield b"".join((*begun, line))
                begun.clear()
            begun.append(rest)
        if any(begun):
            yield b"".join(begun)

    async def ended(self) -> int:
        """Its exit status, negative for the signal that ended it."""
        return await self.process.wait()

    async def listen(self) -> None:
        """Keep the end of its complaints."""
        assert self.process.stderr is not None
        while chunk := await self.process.stderr.read(_CHUNK):
            self.complaints = (self.complaints + chunk)[-_COMPLAINTS:]

    async def drain(self) -> None:
        """Read what it said and nobody wants any more, so that its pipe can be closed."""
        assert self.process.stdout is not None
        while await self.process.stdout.read(_CHUNK):
            pass

    async def tell(self, said: bytes) -> None:
        """All of it, and that there is no more."""
        stdin = self.process.stdin
        assert stdin is not None
        # a program that does not want to hear all of it says so by its exit status
        with contextlib.suppress(OSError):
            stdin.write(said)
            await stdin.drain()
        stdin.close()


@contextlib.asynccontextmanager
async def started(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], said: bytes = b""
) -> AsyncGenerator[Child, None]:
    """Run `argv` and tell it `said` on standard input. Raises OSError where it cannot be started.

    On leaving: SIGTERM to the group, a moment of patience, SIGKILL.
    """
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=cwd,
        env=dict(env),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    child = Child(process)
    pipes: list[asyncio.Future[None]] = [asyncio.ensure_future(child.tell(said)), asyncio.ensure_future(child.listen())]
    try:
        yield child
    finally:
        await _end(child, pipes)


async def _end(child: Child, pipes: list[asyncio.Future[None]]) -> None:
    """Also where we are being cancelled a second time, nothing is left behind."""
    process = child.process
    ended = asyncio.ensure_future(process.wait())
    try:
        if process.returncode is None:
            signal_group(process.pid, signal.SIGTERM)
            await asyncio.wait({ended}, timeout=_GRACE)
    finally:
        # also what the program left behind in its group
        signal_group(process.pid, signal.SIGKILL)
        pipes.append(asyncio.ensure_future(child.drain()))
        await asyncio.shield(ended)
        await asyncio.wait(pipes, timeout=_REST)
        for pipe in pipes:
            pipe.cancel()
        await asyncio.gather(*pipes, return_exceptions=True)
