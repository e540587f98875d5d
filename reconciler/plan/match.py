"""Finds whole words and phrases in text. Used by routing rules and by the Policy's safety rails; knows neither.

Letters and digits make words, everything else parts them: `data` is not in `database`, `test` not in `latest`, while
`Next.js`, `CI/CD` and `C++` are looked for as they are written. Case and accents are ignored; a space in a phrase also
stands for hyphens, underscores, quotes or several spaces, so that `full stack` finds `Full-Stack`. A `*` ends a word of
which only the stem is given. What a language calls a phrase counts as that phrase.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Mapping

from reconciler.model.spec import LanguageSpec, Match

_WORD = re.compile(r"[^\W_]+")
_STEM = "*"
_SHORTEST = 2
"""letters of a stem at least"""
_LETTERS = {
    "đ": "d", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "ı": "i",
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "ђ": "d", "е": "e", "ж": "z", "з": "z", "и": "i",
    "ј": "j", "к": "k", "л": "l", "љ": "lj", "м": "m", "н": "n", "њ": "nj", "о": "o", "п": "p", "р": "r",
    "с": "s", "т": "t", "ћ": "c", "у": "u", "ф": "f", "х": "h", "ц": "c", "ч": "c", "џ": "dz", "ш": "s",
}  # fmt: skip
"""letters that are no other letter with an accent, and the Cyrillic ones of languages that are written in both"""
_PLAIN = str.maketrans(_LETTERS)
_FILLERS = "\u115f\u1160\u2800\u3164\uffa0"
"""letters and signs that show nothing"""
_BETWEEN = r"[\s_\-`*'\"]{1,200}"
"""what may stand where a phrase has a space: Markdown and quotes too"""


def fold(text: str) -> str:
    """The text as it is compared: without case, accents and what does not show, every dash a hyphen.

    In Latin letters where the language has both.
    """
    folded = text.casefold()
    if folded.isascii():
        return folded
    parts = unicodedata.normalize("NFKD", folded.translate(_PLAIN))
    return "".join(char if char.isascii() else _shown(char) for char in parts)


def _shown(char: str) -> str:
    category = unicodedata.category(char)
    if category in ("Mn", "Me", "Cf") or char in _FILLERS:
        return ""
    return {"Pd": "-", "Zs": " "}.get(category, char)


@functools.lru_cache(maxsize=8192)
def _compile(phrase: str) -> re.Pattern[str]:
    words = _BETWEEN.join(_piece(piece) for piece in phrase.split())
    return re.compile(rf"(?<![^\W_]){words}(?![^\W_])")


def _piece(piece: str) -> str:
    stem = piece.removesuffix(_STEM)
    return re.escape(stem) + r"[^\W_]*" if stem and stem != piece else re.escape(piece)


class Vocabulary:
    """All phrases that some set of matches knows, compiled once each, when a text may hold them."""

    def __init__(self, matches: Iterable[Match], languages: Mapping[str, LanguageSpec]) -> None:
        self._by_word: dict[str, list[tuple[str, str]]] = {}
        self._by_stem: dict[str, list[tuple[str, str]]] = {}
        self._longest = 0
        """letters of the longest stem: a longer word is not looked at any further"""
        self._wordless: list[tuple[str, str]] = []
        for phrase in sorted({phrase for match in matches for phrase in _phrases(match)}):
            self._learn(phrase, phrase)
            for language in languages.values():
                for other in language.terms.get(phrase, ()):
                    self._learn(phrase, other)

    def _learn(self, phrase: str, spelt: str) -> None:
        folded = fold(spelt)
        if not folded.strip():
            return
        words = _WORD.findall(folded)
        if not words:
            self._wordless.append((phrase, folded))
        elif folded.split()[0] == words[0] + _STEM and len(words[0]) >= _SHORTEST:
            self._by_stem.setdefault(words[0], []).append((phrase, folded))
            self._longest = max(self._longest, len(words[0]))
        else:
            # Only texts that hold a phrase's first word need its pattern made and tried: this saves most of the time.
            self._by_word.setdefault(words[0], []).append((phrase, folded))

    def found(self, text: str) -> frozenset[str]:
        """The phrases that `text` contains, as the matches spell them."""
        folded = fold(text)
        tried = list(self._wordless)
        for word in set(_WORD.findall(folded)):
            tried += self._by_word.get(word, ())
            for end in range(_SHORTEST, min(len(word), self._longest) + 1):
                tried += self._by_stem.get(word[:end], ())
        return frozenset(phrase for phrase, spelt in tried if _compile(spelt).search(folded))


def _phrases(match: Match) -> Iterable[str]:
    yield from match.any
    yield from match.none
    for group in match.all:
        yield from group


def holds(match: Match, found: frozenset[str]) -> bool:
    """Does the match hold for a text in which `found` was found? A match without words holds everywhere."""
    if match.any and found.isdisjoint(match.any):
        return False
    if any(found.isdisjoint(group) for group in match.all):
        return False
    return found.isdisjoint(match.none)


def specificity(match: Match, found: frozenset[str]) -> tuple[int, int]:
    """How much a match that holds asked for: the conditions met, then the words of the longest phrase found."""
    conditions = len(match.all) + (1 if match.any else 0)
    longest = max((len(phrase.split()) for phrase in _phrases(match) if phrase in found), default=0)
    return conditions, longest
