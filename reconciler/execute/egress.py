"""The only way out of a sandbox without network: a proxy on a unix socket that opens tunnels to listed places alone.

It sees names and ports, never what is said. Everything else is refused, and said to whoever listens.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection
from pathlib import Path

from reconciler.execute.socket_server import SocketServer

Heard = Callable[[str, bool, str], None]
"""called with `host:port`, whether it was let through, and why not"""

_HEAD = 16_384
_PATIENCE = 10.0
_CHUNK = 65536
_SHOWN = 200


class Egress(SocketServer):
    """`async with Egress(socket, allowed, heard)`. `allowed`: `host:port`, lower case."""

    def __init__(self, path: Path, allowed: Collection[str], heard: Heard) -> None:
        super().__init__(path, _HEAD)
        self._allowed = frozenset(allowed)
        self._heard = heard

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, place = await _asked(reader)
        if method != "CONNECT" or place not in self._allowed:
            why = "only listed places may be reached" if method == "CONNECT" else "only tunnels are opened"
            self._heard(place[:_SHOWN], False, why)
            await _say(writer, "403 Forbidden")
            return
        host, _, port = place.rpartition(":")
        try:
            async with asyncio.timeout(_PATIENCE):
                far_reader, far_writer = await asyncio.open_connection(host, int(port))
        except (OSError, TimeoutError) as error:
            self._heard(place, True, f"it cannot be reached: {error}")
            await _say(writer, "502 Bad Gateway")
            return
        self._heard(place, True, "")
        try:
            await _say(writer, "200 Connection established")
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        finally:
            far_writer.close()


async def _asked(reader: asyncio.StreamReader) -> tuple[str, str]:
    """Method and target of a request; empty where it is none."""
    try:
        async with asyncio.timeout(_PATIENCE):
            head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
        return "", ""
    words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    return (words[0], words[1].lower()) if len(words) == 3 else ("", "")


async def _say(writer: asyncio.StreamWriter, status: str) -> None:
    writer.write(f"HTTP/1.1 {status}\r\n\r\n".encode())
    await writer.drain()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
