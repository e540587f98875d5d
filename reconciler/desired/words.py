"""Helpers for messages: text from a file is bounded and escaped before it is echoed."""

from __future__ import annotations

from collections.abc import Iterable


def safe(text: str, limit: int = 120) -> str:
    """`text` with what a terminal would obey (control, bidi and unpaired characters) escaped, and cut to `limit`."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return cut if cut.isprintable() else "".join(map(_escaped, cut))


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that looks most like `word`, or none that looks like it at all. Case is ignored."""
    import difflib  # for mistakes only

    folded = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word[:100].lower(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def suggestion(word: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?` or nothing."""
    found = nearest(word, known)
    return f'; did you mean "{safe(found)}"?' if found else ""
