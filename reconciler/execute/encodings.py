"""Known secrets as programs write them: encoded, with escapes, broken over lines. For finding them, not for reading.

A text is looked at through views. Each view undoes one way of writing (`\\x2f`, `%2F`, `&#x2F;`, `=2F`) or leaves out
what stands between the parts of a value; a value is looked for in what is seen, and taken out where that stands.
"""

from __future__ import annotations

import base64
import re
from array import array
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import msgspec

_SHORTEST = 10
"""characters of an encoded value: shorter ones would be found in honest text"""
_LONG = 20
"""characters of what is also looked for broken over lines, or with something between its parts"""
_SMALL = str.maketrans("ABCDEF", "abcdef")
_HIDDEN = "\0\u00ad\u200b-\u200f\u2060\ufeff"
_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'", "sol": "/", "plus": "+", "equals": "="}


def _unescaped(found: re.Match[str]) -> str:
    digits = found["digits"] or found["octal"]
    if digits is None:
        return _LETTERS.get(found["letter"], found["letter"])
    return _character(int(digits, 16 if found["digits"] else 8), found[0])


def _byte(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else ""


def _entity(found: re.Match[str]) -> str:
    said = found[1]
    if said[0] != "#":
        return _NAMED[said]
    return _character(int(said[2:], 16) if said[1] in "xX" else int(said[1:]), found[0])


def _character(number: int, written: str) -> str:
    return chr(number) if number < 0x110000 else written[:1]


class View(NamedTuple):
    """`sign`: a text without it looks the same. `seen` gives one character for what `part` finds, or none."""

    sign: str
    part: re.Pattern[str]
    seen: Callable[[re.Match[str]], str] | str

    def of(self, text: str) -> str:
        return self.part.sub(self.seen, text)

    def places(self, text: str) -> array[int]:
        """Where each character that is seen begins in the text."""
        found = array("q")
        at = 0
        for part in self.part.finditer(text):
            found.extend(range(at, part.start()))
            if self._shown(part):
                found.append(part.start())
            at = part.end()
        found.extend(range(at, len(text)))
        return found

    def end(self, text: str, place: int) -> int:
        """Where the character that is seen and begins at `place` ends in the text."""
        part = self.part.match(text, place)
        return part.end() if part and self._shown(part) else place + 1

    def _shown(self, part: re.Match[str]) -> str:
        return self.seen if isinstance(self.seen, str) else self.seen(part)


_CODE = r"(?P<digits>(?<=x)[0-9A-Fa-f]{2}|(?<=u)[0-9A-Fa-f]{4}|(?<=U)[0-9A-Fa-f]{8})"
_WRITTEN = (
    View("\\", re.compile(rf"\\(?:[xuU]{_CODE}|(?P<octal>[0-3][0-7]{{2}})|(?P<letter>[^\dxuU]))"), _unescaped),
    View("%", re.compile(r"%([0-9A-Fa-f]{2})"), _byte),
    View("&", re.compile(rf"&(#[0-9]{{1,7}}|#[xX][0-9A-Fa-f]{{1,6}}|{'|'.join(_NAMED)});"), _entity),
    View("=", re.compile(r"=(?:([0-9A-Fa-f]{2})|\r?\n)"), _byte),
)
"""escapes of JSON and programming languages, of addresses, of HTML, of mail (quoted-printable)"""
_BROKEN = View("", re.compile(rf"(?:\\[nrt]|[\s>|#*\"',\\{_HIDDEN}])++"), "")
_DIGITS = View("", re.compile(rf"(?:\\[nrtx]|(?<![0-9A-Fa-f])0[xX]|[\s>|#*\"',\\:;._{_HIDDEN}-])++"), "")
_VIEWS = (*_WRITTEN, _BROKEN, _DIGITS)


class Encodings(msgspec.Struct, frozen=True):
    """What is looked for: `plain` as it is (encoded), `escaped` with escapes in it, `broken` over lines, `digits`."""

    plain: tuple[str, ...] = ()
    escaped: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    digits: tuple[str, ...] = ()
    """hexadecimal, in small letters"""

    @classmethod
    def of(cls, values: Iterable[str]) -> Encodings:
        values = tuple(values)
        raws = [value.encode("utf-8", "surrogateescape") for value in values]
        plain = {form for raw in raws for form in _base64(raw) if len(form) >= _SHORTEST}
        # escapes name bytes as well as characters
        escaped = {*values, *plain, *(raw.decode("latin-1") for raw in raws)}
        broken = {_BROKEN.of(form) for form in (*values, *plain)}
        digits = {raw.hex() for raw in raws}
        return cls(
            _sorted(plain),
            _sorted(escaped),
            _sorted(form for form in broken if len(form) >= _LONG),
            _sorted(form for form in digits if len(form) >= _SHORTEST),
        )

    def found(self, text: str) -> bool:
        """Whether a known value is in `text`, encoded."""
        return any(form in text for form in self.plain) or any(
            form in seen for _, seen, forms in self._looks(text) for form in forms
        )

    def out(self, text: str) -> str:
        """The text without them. Ends of lines within them stay."""
        for form in self.plain:
            if form in text:
                text = text.replace(form, "[redacted]")
        # what was taken out by one view is not there for the next, so each is made of what is left
        for number in range(len(_VIEWS)):
            for view, seen, forms in self._looks(text, number):
                if found := [form for form in forms if form in seen]:
                    text = _without(text, view, seen, found)
        return text

    def _looks(self, text: str, only: int | None = None) -> Iterator[tuple[View, str, tuple[str, ...]]]:
        """Each view that may show more than the text itself, what it shows, and what to look for in that."""
        for view in _VIEWS if only is None else _VIEWS[only : only + 1]:
            forms = self.digits if view is _DIGITS else self.broken if view is _BROKEN else self.escaped
            if forms and len(text) >= len(forms[-1]) and view.sign in text:
                seen = view.of(text)
                yield view, seen.translate(_SMALL) if view is _DIGITS else seen, forms


def _without(text: str, view: View, seen: str, forms: Iterable[str]) -> str:
    places = view.places(text)
    parts: list[str] = []
    at = 0
    for begin, end in _merged(span for form in forms for span in _occurrences(form, seen)):
        start, stop = places[begin], view.end(text, places[end - 1])
        parts += [text[at:start], "[redacted]", "\n" * text.count("\n", start, stop)]
        at = stop
    return "".join([*parts, text[at:]])


def _occurrences(form: str, text: str) -> Iterator[tuple[int, int]]:
    at = text.find(form)
    while at >= 0:
        yield at, at + len(form)
        at = text.find(form, at + len(form))


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if merged and begin < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


def _sorted(forms: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(forms, key=lambda form: (-len(form), form)))


def _base64(raw: bytes) -> Iterator[str]:
    """What of the value is the same in the Base64 of anything that holds it: at each of three places in a group."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).decode()
        begin = (0, 2, 3)[before]
        spare = (before + len(raw)) % 3
        form = encoded[begin : len(encoded) - (0, 3, 2)[spare]]
        yield form
        yield form.replace("+", "-").replace("/", "_")
