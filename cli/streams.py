"""Standard output and error that never end the work: what cannot be written is dropped, what cannot be shown is spelt.

A closed pipe, a full disk, a terminal of another alphabet or no output at all are no reason to stop an `apply`.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from typing import Any, TextIO

_ERRORS = "alai-spelt"
_SPELT = {"→": "->", "←": "<-", "…": "...", "·": "-", "–": "-", "—": "-", "“": '"', "”": '"', "’": "'"}
"""what we say ourselves, for terminals that lack it"""


class Steady(io.FileIO):
    """A file descriptor that takes everything; `failed` is why it passes on nothing more."""

    failed: OSError | None = None

    def write(self, data: Any, /) -> int | None:
        if self.failed is None:
            try:
                return super().write(data)
            except OSError as error:
                self.failed = error
        return memoryview(data).nbytes


def steady() -> Steady:
    """Replace both streams of this process. Returns what is below standard output."""
    missing = os.open(os.devnull, os.O_RDWR)
    while missing <= 2:  # a descriptor that nobody gave us would be taken by the next file that is opened
        missing = os.dup(missing)
    os.close(missing)
    below = Steady(1, "w", closefd=False)
    sys.stdout = _text(below, sys.stdout)
    sys.stderr = _text(Steady(2, "w", closefd=False), sys.stderr)
    return below


def told(below: Steady, code: int) -> int:
    """The exit code of work that ended with `code`, after a sentence where its output went nowhere.

    A reader that has heard enough (`| head`) is no fault.
    """
    if below.failed is None or below.failed.errno == errno.EPIPE:
        return code
    print(f"standard output: {below.failed.strerror}; what should stand there is lost", file=sys.stderr)
    return code or 1


def speaks(stream: TextIO, text: str) -> bool:
    """Whether the stream can show the text as it is."""
    try:
        text.encode(stream.encoding or "ascii")
    except UnicodeError:
        return False
    return True


def _text(below: Steady, before: TextIO | None) -> io.TextIOWrapper:
    encoding = before.encoding if before is not None else "utf-8"
    lines = below.isatty() or below.fileno() == 2
    return io.TextIOWrapper(io.BufferedWriter(below), encoding, _ERRORS, line_buffering=lines)


def _spell(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    lost = error.object[error.start : error.end]
    return "".join(_SPELT.get(char) or char.encode("ascii", "backslashreplace").decode() for char in lost), error.end


codecs.register_error(_ERRORS, _spell)
