"""A child process that is talked with while it runs: its lines as they come, its last complaints, and a sure end.

Knows nothing of sandboxes or of what the lines mean. Whatever happens, the process group is dead afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import signal
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path

from reconciler.execute.fence import Fence, fenced
from reconciler.execute.process import Bounds, signal_group, watch

MOST = 64 * 2**20
"""bytes that are read in all; a program that says more says nothing that anybody reads"""
LONGEST = 16 * 2**20
"""bytes of one line"""
_GRACE = 0.8
_REST = 0.5
"""seconds for what stands in the pipes of a dead process; one that escaped its group cannot hold us up"""
_COMPLAINTS = 4000
_CHUNK = 65536
FREE = Bounds(wall=math.inf)
_TICK, _LOOK = 0.25, 1.0
"""seconds between looks at what it uses: it may run for hours"""


class TooMuch(Exception):
    """The program said more than anybody will read."""


class Child:
    """A process in a session of its own. `complaints`: the end of what it wrote to standard error.

    `stopped`: why it was ended for what it used, in words; empty where it was not.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.complaints = b""
        self.stopped = ""
        self.watched: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def lines(self, most: float = MOST, longest: float = LONGEST) -> AsyncGenerator[bytes, None]:
        """Each line of standard output without its end, until there are no more.

        Raises TooMuch at `most` bytes in all, or at a line of more than `longest`.
        """
        assert self.process.stdout is not None
        begun: list[bytes] = []
        total = length = 0
        while chunk := await self.process.stdout.read(_CHUNK):
            total += len(chunk)
            if total > most:
                raise TooMuch(f"said more than {int(most) >> 20} MiB")
            *whole, rest = chunk.split(b"\n")
            for line in whole:
                yield b"".join((*begun, line))
                begun.clear()
            begun.append(rest)
            length = len(rest) if whole else length + len(rest)
            if length > longest:
                raise TooMuch(f"said a line of more than {int(longest) >> 20} MiB")
        if any(begun):
            yield b"".join(begun)

    async def ended(self) -> int:
        """Its exit status, negative for the signal that ended it; `stopped` is known by then."""
        status = await self.process.wait()
        await asyncio.wait({self.watched})
        return status

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

    async def say(self, line: bytes) -> None:
        """One more line. Raises OSError where nobody hears it any more."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")
        await self.process.stdin.drain()

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
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], bounds: Bounds = FREE, said: bytes | None = b""
) -> AsyncGenerator[Child, None]:
    """Run `argv` and tell it `said` on standard input; None: it is talked with. Raises OSError where it cannot start.

    On leaving: SIGTERM to the group, a moment of patience, SIGKILL.
    """
    with fenced(argv, bounds.processes, bounds.memory) as fence:
        async with _started(fence, cwd, env, bounds, said) as child:
            yield child


@contextlib.asynccontextmanager
async def _started(
    fence: Fence, cwd: Path, env: Mapping[str, str], bounds: Bounds, said: bytes | None
) -> AsyncGenerator[Child, None]:
    process = await asyncio.create_subprocess_exec(
        *fence.argv,
        cwd=cwd,
        env=dict(env),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    child = Child(process)
    pipes: list[asyncio.Future[None]] = [asyncio.ensure_future(child.listen())]
    if said is not None:
        pipes.append(asyncio.ensure_future(child.tell(said)))
    child.watched = asyncio.ensure_future(_watch(child, bounds, fence))
    try:
        yield child
    finally:
        child.watched.cancel()
        await asyncio.gather(child.watched, return_exceptions=True)
        await _end(child, pipes)


async def _watch(child: Child, bounds: Bounds, fence: Fence) -> None:
    ended = asyncio.ensure_future(child.process.wait())
    child.stopped = await watch(child.process.pid, ended, bounds, fence, tick=_TICK, look=_LOOK)
    if child.stopped:
        signal_group(child.process.pid, signal.SIGKILL)


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
