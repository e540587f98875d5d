"""Finds whole words and phrases in text. Used by routing rules and by the Policy's safety rails; knows neither.

Letters and digits make words, everything else parts them: `data` is not in `database`, `test` not in `latest`, while
`Next.js`, `CI/CD` and `C++` are looked for as they are written. Case is ignored; a space in a phrase also stands for
a hyphen, an underscore or several spaces, so that `full stack` finds `Full-Stack`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

from reconciler.model.spec import Match

_WORD = re.compile(r"[^\W_]+")


@functools.lru_cache(maxsize=4096)
def _compile(phrase: str) -> re.Pattern[str]:
    words = r"[\s_-]{1,20}".join(re.escape(piece) for piece in phrase.split())
    return re.compile(rf"(?<![^\W_]){words}(?![^\W_])")


class Vocabulary:
    """All phrases that some set of matches knows, compiled once each, when a text may hold them."""

    def __init__(self, matches: Iterable[Match]) -> None:
        self._by_word: dict[str, list[tuple[str, str]]] = {}
        self._wordless: list[tuple[str, str]] = []
        for phrase in sorted({phrase for match in matches for phrase in _phrases(match)}):
            folded = phrase.casefold()
            words = _WORD.findall(folded)
            if not folded.strip():
                continue
            entry = (phrase, folded)
            # Only texts that hold a phrase's first word need its pattern made and tried: this saves most of the time.
            (self._by_word.setdefault(words[0], []) if words else self._wordless).append(entry)

    def found(self, text: str) -> frozenset[str]:
        """The phrases that `text` contains, as the matches spell them."""
        folded = text.casefold()
        hits = [phrase for phrase, spelt in self._wordless if _compile(spelt).search(folded)]
        for word in set(_WORD.findall(folded)):
            hits += [phrase for phrase, spelt in self._by_word.get(word, ()) if _compile(spelt).search(folded)]
        return frozenset(hits)


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
