"""Reads one git configuration file as text: what it says by itself. Nothing is included, looked up or started.

The syntax is that of `git help config`, "Syntax".
"""

from __future__ import annotations

import re
from pathlib import Path

from reconciler.git import plain
from reconciler.git.errors import GitError

MOST = 1_000_000
"""bytes of such a file"""
_BLANK = re.compile(r"(?:[ \t\r\n]+|[#;][^\n]*)*")
_SECTION = re.compile(r'\[[ \t]*([A-Za-z0-9.-]+)(?:[ \t]+"((?:[^"\\\n]|\\.)*)")?[ \t]*\]')
_NAME = re.compile(r"([A-Za-z][A-Za-z0-9-]*)[ \t]*(=?)[ \t]*")
_QUOTED = r'"(?:\\\r?\n|\\.|[^"\\\n])*"'
_VALUE = re.compile(rf'(?:\\\r?\n|\\.|{_QUOTED}|[^"\\\n#;])*+(?=$|[\n#;])')
_PIECE = re.compile(r'\\\r?\n|\\.|"|[ \t]+|[^\\" \t]+')
_LETTERS = {"n": "\n", "t": "\t", "b": "\b"}


def read(file: Path) -> dict[str, str]:
    """`section.subsection.name` -> value; of several values the last; a name without one is `true`.

    Section and name are in lower case. Empty where there is no such file. Raises GitError where git would not read it.
    """
    try:
        raw = plain.read(file, MOST + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise GitError(f"{file} cannot be read: {error.strerror}") from error
    if len(raw) > MOST:
        raise GitError(f"{file} is larger than {MOST} bytes: that is no configuration")
    return _parsed(file, raw.decode("utf-8", "surrogateescape").removeprefix("\ufeff"))


def _parsed(file: Path, text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    section, at = "", 0
    while (at := _end(_BLANK, text, at)) < len(text):
        if header := _SECTION.match(text, at):
            name, sub = header.groups()
            section = name.lower() + ("" if sub is None else "." + re.sub(r"\\(.)", r"\1", sub))
            at = header.end()
            continue
        key = _NAME.match(text, at) if section else None
        value = _VALUE.match(text, key.end()) if key else None
        if key is None or value is None or (not key[2] and value[0].strip()):
            raise GitError(f"{file} is no git configuration: line {text.count(chr(10), 0, at) + 1} cannot be read")
        found[f"{section}.{key[1].lower()}"] = _plain(value[0]) if key[2] else "true"
        at = value.end()
    return found


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _plain(written: str) -> str:
    """A value as it is meant: without quotes, with escapes filled in, without the blanks at its end."""
    said: list[str] = []
    quoted, solid = False, 0
    for match in _PIECE.finditer(written.replace("\r\n", "\n")):
        piece = match.group()
        if piece == '"':
            quoted = not quoted
            continue
        blank = piece.isspace() and piece[0] != "\\"
        if piece.startswith("\\"):
            piece = "" if piece[1] == "\n" else str(_LETTERS.get(piece[1], piece[1]))
        said.append(piece)
        if quoted or not blank:
            solid = len(said)
    return "".join(said[:solid]).rstrip("\r")
