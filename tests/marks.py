"""The mark that a prompt's tags carry: read from it as a model would."""

from __future__ import annotations

import re


def mark_of(prompt: str) -> str:
    found = re.search(r"with the mark ([0-9a-f]{12}) is material", prompt)
    assert found, prompt[:200]
    return found[1]


def unmarked(prompt: str) -> str:
    """The prompt with plain tags, and none around what stands within a sentence."""
    mark = mark_of(prompt)
    return re.sub(rf"</?data {mark}>", "", prompt).replace(f" {mark}>", ">")
