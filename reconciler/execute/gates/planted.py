"""What was put into a file to try its judge, and words for it that nothing else has."""

from __future__ import annotations

import random

import msgspec

_WORDS = (
    "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "hazel", "inlet", "jasper",
    "kelp", "larch", "maple", "nectar", "olive", "pearl", "quartz", "raven", "sable", "thyme",
    "umber", "violet", "willow", "yarrow", "zephyr", "basil", "clover", "dune", "elm", "fern",
    "garnet", "heron", "iris", "juniper", "lilac", "moss",
)  # fmt: skip


class Planted(msgspec.Struct, frozen=True):
    """A file's new content. `tokens` are said where the tests that must fail do; `tests` were put in in all."""

    content: str
    tokens: tuple[str, ...]
    tests: int
    own: int
    """tests that the file has itself, as far as can be read from it; 0 for a program without a framework"""


class Names:
    """Words that nothing else has, the same for the same judgement and file."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def one(self, joint: str = "_") -> str:
        return joint.join(self._random.choice(_WORDS) for _ in range(4))

    def nearly(self, text: str) -> str:
        """A text that differs in one letter."""
        at = self._random.randrange(len(text))
        return text[:at] + self._random.choice("xyz".replace(text[at], "")) + text[at + 1 :]
