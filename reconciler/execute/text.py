"""Text that comes from outside, made fit to be shown: cleaned, secrets taken out, and only then cut or delimited.

Whatever shortens text stands here, so nothing can be cut before it was redacted: half a secret has no shape any more.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

from reconciler.execute import invisible
from reconciler.execute.invisible import visible
from reconciler.execute.redact import redacted

__all__ = ["both_ends", "clean", "cut", "delimited", "line", "marking", "new_mark", "quoted", "slug", "tail", "visible"]

_WORD = re.compile(r"[\w.@/:+-]{0,80}")


def clean(text: str) -> str:
    """Without characters that do not show, and without secrets."""
    return redacted(visible(text))


def quoted(name: str) -> str:
    """The name of a file as one word (see `invisible.quoted`), without secrets: what is escaped is not known as one."""
    return invisible.quoted(redacted(name))


def line(text: str, limit: int = 200) -> str:
    """One line, at most `limit` characters."""
    flat = " ".join(redacted(invisible.flat(redacted(text))).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, saying how much is missing."""
    text = clean(text)
    if len(text) <= limit:
        return text
    return text[: max(limit - 40, 0)] + f"\n[... {len(text) - max(limit - 40, 0)} characters left out ...]"


def both_ends(text: str, limit: int, more: str = "") -> str:
    """Head and tail in at most `limit` characters, saying between them how much is missing, and how to see `more`."""
    text = clean(text)
    if len(text) <= limit:
        return text
    mark = "\n[... {} characters left out" + more + " ...]\n"
    room = max(limit - len(mark.format(len(text))), 0)
    head = room * 2 // 3
    return text[:head] + mark.format(len(text) - room) + text[len(text) - (room - head) :]


def tail(text: str, lines: int = 5, limit: int = 600) -> str:
    """The last lines that say anything, in at most `limit` characters."""
    said = [line for line in clean(text).splitlines() if line.strip()]
    return "\n".join(said[-lines:])[-limit:]


def new_mark() -> str:
    """A word that no text of strangers can know: one for each prompt."""
    return secrets.token_hex(6)


def delimited(name: str, text: str, mark: str) -> str:
    """Text as data between two tags that carry the prompt's mark: without it nothing in the text can close them."""
    return f"<{name} {mark}>\n{clean(text).strip()}\n</{name} {mark}>"


def marking(mark: str) -> Callable[[object], object]:
    """How a value is put into a prompt's sentences: between tags with the mark, unless it is a single word."""

    def marked(value: object) -> object:
        if not isinstance(value, str) or _WORD.fullmatch(value):
            return value
        shown = clean(value).strip()
        return delimited("data", shown, mark) if "\n" in shown else f"<data {mark}>{shown}</data {mark}>"

    return marked


def slug(text: str, limit: int = 40) -> str:
    """A name of a-z, 0-9 and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:limit].strip("-")
