"""A unix socket that answers whoever connects, for as long as it is entered. What it answers is for subclasses."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from reconciler.execute.short_path import reachable


class SocketServer(ABC):
    """`async with SocketServer(path, limit)`: `limit` is that of what `answer` may read in one piece, in bytes."""

    def __init__(self, path: Path, limit: int) -> None:
        self._path = path
        self._limit = limit
        self._open: set[asyncio.Task[None]] = set()

    @abstractmethod
    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end. OSError and ValueError end it as well: then nobody is there to be told."""

    async def __aenter__(self) -> Self:
        with reachable(str(self._path)) as path:
            self._server = await asyncio.start_unix_server(self._accept, path, limit=self._limit)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await self.answer(reader, writer)
        except (OSError, ValueError, asyncio.CancelledError):
            pass  # the caller went away or sent a line without end, or we are being left
        finally:
            self._open.discard(task)
            writer.close()
