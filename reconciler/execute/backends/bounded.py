"""Answers of hosts over HTTP, bounded while they are read: in all, in one line, and in time. For hooks of httpx."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import cast

import httpx

MOST = 64 * 2**20
"""bytes of an answer: a hundred thousand tokens, each in an object of its own"""
LONGEST = 4 * 2**20
"""bytes of one line of a stream"""
PAGE = 4 * 2**20
"""bytes of a page that is read whole, an error's too"""
PLAIN = {"Accept-Encoding": "identity"}
"""to be sent along: what is compressed may be of any size"""


class TooMuch(httpx.HTTPError):
    """More came than anybody reads; one sentence."""


async def hold(response: httpx.Response) -> None:
    """A hook on responses that are read as streams. Raises TooMuch, and so does reading on."""
    _plain(response)
    most = PAGE if response.is_error else MOST
    response.stream = _Stream(cast("httpx.AsyncByteStream", response.stream), most)


def hold_page(seconds: float) -> dict[str, list[Callable[[httpx.Response], None]]]:
    """The hooks of a client that reads pages, each of them within so many seconds."""

    def held(response: httpx.Response) -> None:
        _plain(response)
        response.stream = _Page(cast("httpx.SyncByteStream", response.stream), time.monotonic() + seconds)

    return {"response": [held]}


def _plain(response: httpx.Response) -> None:
    encoding = response.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise TooMuch(f"the answer came compressed ({encoding[:20]}), which was not asked for")


class _Stream(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream, most: int) -> None:
        self._inner = inner
        self._most = most

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        total = length = 0
        async for chunk in self._inner:
            total += len(chunk)
            head, end, rest = chunk.rpartition(b"\n")
            length = len(rest) if end else length + len(chunk)
            if total > self._most:
                raise TooMuch(f"said more than {self._most >> 20} MiB")
            if length > LONGEST or len(head) > LONGEST:
                raise TooMuch(f"said a line of more than {LONGEST >> 20} MiB")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Page(httpx.SyncByteStream):
    def __init__(self, inner: httpx.SyncByteStream, until: float) -> None:
        self._inner = inner
        self._until = until

    def __iter__(self) -> Iterator[bytes]:
        total = 0
        for chunk in self._inner:
            total += len(chunk)
            if total > PAGE:
                raise TooMuch(f"said more than {PAGE >> 20} MiB")
            if time.monotonic() > self._until:
                raise TooMuch("did not come to an end in time")
            yield chunk

    def close(self) -> None:
        self._inner.close()
