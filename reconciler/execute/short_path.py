"""Unix sockets below folders with long names: a socket's own path may have about a hundred bytes, wherever it lies."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from pathlib import Path

_LONGEST = 100
_OPEN = Path("/proc/self/fd")


@contextlib.contextmanager
def reachable(path: str) -> Generator[str]:
    """A path for `bind` or `connect` that is short enough, good within the block. Where there is no /proc: `path`."""
    if len(os.fsencode(path)) <= _LONGEST or not _OPEN.is_dir():
        yield path
        return
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)  # noqa: PTH120
    try:
        yield f"{_OPEN}/{folder}/{os.path.basename(path)}"  # noqa: PTH119
    finally:
        os.close(folder)
