"""The only way out of a sandbox without network: a proxy on a unix socket that opens tunnels to listed places alone.

It sees names and ports, never what is said. Everything else is refused, and said to whoever listens.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Callable, Collection
from pathlib import Path

from reconciler.execute.socket_server import SocketServer

Heard = Callable[[str, bool, str], None]
"""called with `host:port`, whether it was let through, and why not"""

_HEAD = 16_384
_PATIENCE = 10.0
_CHUNK = 65536
_SHOWN = 200
_LAST_PORT = 65_535
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""how a network without IPv4 names its addresses (RFC 6052)"""
_UNICAST = ipaddress.ip_network("2000::/3")
"""of IPv6, all that is given out to the internet; old and special ranges lie outside, and kernels route some of them"""
_NOT_GIVEN_OUT = tuple(
    # documentation twice (RFC 3849, 9637), what protocols and tests use among themselves, tunnels of IPv4
    map(ipaddress.ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
)
_PRIVATE = "it is not on the internet: list it as host:port in the Policy"


class Egress(SocketServer):
    """`async with Egress(socket, allowed, heard)`. `allowed`: `host:port`, wherever that is.

    `internet`: besides, whatever has a public address that is not this machine's.
    """

    def __init__(self, path: Path, allowed: Collection[str], heard: Heard, *, internet: bool = False) -> None:
        super().__init__(path, _HEAD)
        self._allowed = frozenset(place.lower() for place in allowed)
        self._internet = internet
        self._heard = heard

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, place = await _asked(reader)
        if method != "CONNECT" or not (self._internet or place in self._allowed):
            why = "only listed places may be reached" if method == "CONNECT" else "only tunnels are opened"
            await self._refuse(writer, place, why)
            return
        host, port = _divided(place)
        if port is None:
            await self._refuse(writer, place, "it names no port from 1 to 65535", "400 Bad Request")
            return
        try:
            async with asyncio.timeout(_PATIENCE):
                far_reader, far_writer = await self._reach(place, host, port)
        except Private as error:
            await self._refuse(writer, place, str(error))
            return
        except (OSError, TimeoutError, ValueError) as error:
            self._heard(place, True, f"it cannot be reached: {error}")
            await _say(writer, "502 Bad Gateway")
            return
        self._heard(place, True, "")
        try:
            await _say(writer, "200 Connection established")
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        finally:
            far_writer.close()

    async def _refuse(self, writer: asyncio.StreamWriter, place: str, why: str, status: str = "403 Forbidden") -> None:
        self._heard(place[:_SHOWN], False, why)
        await _say(writer, status)

    async def _reach(self, place: str, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection. Raises Private for what is not listed and not on the internet."""
        if place in self._allowed:
            return await asyncio.open_connection(host, port)
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(address[0]) for *_, address in found]
        if not all(on_the_internet(address) for address in addresses):
            raise Private(_PRIVATE)
        # the address that was judged, not the name once more: its next answer may be another
        reader, writer = await asyncio.open_connection(addresses[0], port)
        if writer.get_extra_info("peername")[0] == writer.get_extra_info("sockname")[0]:
            writer.close()
            raise Private(_PRIVATE)
        return reader, writer


class Private(Exception):
    """A place that is not on the internet, and not listed."""


def on_the_internet(address: str) -> bool:
    """Not this machine, its network, a tunnel to either, or what a cloud tells its guests (169.254.169.254)."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found not in _TRANSLATED:
            return _given_out(found)
        found = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    return found.is_global and not found.is_multicast


def _given_out(address: ipaddress.IPv6Address) -> bool:
    return address in _UNICAST and not any(address in network for network in _NOT_GIVEN_OUT)


def _divided(place: str) -> tuple[str, int | None]:
    """Host and port of `host:port`; None where that is no port that can be connected to."""
    host, _, said = place.rpartition(":")
    port = int(said) if said.isascii() and said.isdecimal() and len(said) <= len(str(_LAST_PORT)) else 0
    return host.removeprefix("[").removesuffix("]"), port if 1 <= port <= _LAST_PORT else None


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
