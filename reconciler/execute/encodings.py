"""Known secrets encoded: as Base64, as hexadecimal digits, as in a URL. For finding them, not for reading them."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote

import msgspec

_SHORTEST = 10
"""characters of an encoded value: shorter ones would be found in honest text"""
_LINE = 40
"""what is longer may be broken over lines by the program that encoded it"""


class Encodings(msgspec.Struct, frozen=True):
    """`exact` are looked for as they are; `folded` in any case (small letters here); `wrapped` also over lines."""

    exact: tuple[str, ...] = ()
    folded: tuple[str, ...] = ()
    wrapped: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: Iterable[str]) -> Encodings:
        exact: set[str] = set()
        folded: set[str] = set()
        for value in values:
            raw = value.encode("utf-8", "surrogateescape")
            exact.update(_base64(raw), _url(value))
            folded.add(raw.hex())
        kept = sorted((form for form in exact if len(form) >= _SHORTEST), key=lambda form: (-len(form), form))
        hexes = sorted((form for form in folded if len(form) >= _SHORTEST), key=lambda form: (-len(form), form))
        return cls(tuple(kept), tuple(hexes), tuple(form for form in (*kept, *hexes) if len(form) > _LINE))

    def found(self, text: str) -> bool:
        """Whether a known value is in `text`, encoded."""
        if not self.exact:
            return False
        small = text.lower()
        if any(form in text for form in self.exact) or any(form in small for form in self.folded):
            return True
        return any(self._over_lines(text))

    def out(self, text: str) -> str:
        """The text without them."""
        if not self.exact:
            return text
        for form in self.exact:
            if form in text:
                text = text.replace(form, "[redacted]")
        small = text.lower()
        for form in self.folded:
            if form in small:
                text = re.sub(form, "[redacted]", text, flags=re.IGNORECASE)
        for form in self._over_lines(text):
            spread = r"\s*".join(re.escape(character) for character in form)
            text = re.sub(spread, lambda found: "[redacted]" + "\n" * found[0].count("\n"), text, flags=re.IGNORECASE)
        return text

    def _over_lines(self, text: str) -> Iterator[str]:
        if not self.wrapped or len(text) <= _LINE:
            return
        dense = "".join(text.split())
        small = dense.lower()
        yield from (form for form in self.wrapped if form in dense or form in small)


def _base64(raw: bytes) -> Iterator[str]:
    """What of the value is the same in the Base64 of anything that holds it: at each of three places in a group."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).decode()
        begin = (0, 2, 3)[before]
        spare = (before + len(raw)) % 3
        form = encoded[begin : len(encoded) - (0, 3, 2)[spare]]
        yield form
        yield form.replace("+", "-").replace("/", "_")


def _url(value: str) -> Iterator[str]:
    """Only where that differs from the value itself."""
    for form in (quote(value, safe=""), quote(value), quote(value, safe="").lower()):
        if form != value:
            yield form
