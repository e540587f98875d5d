"""Checks of a quality gate that look at the work as a whole: tests, size, links that lead somewhere."""

from __future__ import annotations

import os
import posixpath
import re
from collections import Counter
from collections.abc import Iterator
from urllib.parse import unquote

from reconciler.execute.gates.families import LOCKS, SOURCE, is_test, suffix
from reconciler.execute.gates.subject import Subject

MOST_FILES = 60
MOST_LINES = 2_000
SMALL = 5
"""lines; a new file of fewer needs no test of its own"""
_PROSE = frozenset((".md", ".markdown"))
_FENCE = re.compile(r"^\s{0,3}(```|~~~)")
_SPAN = re.compile(r"(?<!`)(`++).+?(?<!`)\1(?!`)")
_LINK = re.compile(
    r"\]\(\s{0,9}+<?([^)\s<>]{1,400}+)>?(?:\s{1,9}+[\"'(][^)]{0,400})?\s{0,9}\)"
    r"|^\s{0,3}\[[^\]^][^\]]*\]:\s*<?([^\s<>]+)"
)
_ELSEWHERE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|//|/|#|\{|\$)", re.IGNORECASE)


def source_tested(subject: Subject) -> Iterator[str]:
    """Every program that was added comes with a test that was added or changed too."""
    if any(change.new and is_test(change.path) for change in subject.changes):
        return
    lines = Counter(path for path, line in subject.lines() if line.strip())
    for change in subject.changes:
        if change.old is None and suffix(change.path) in SOURCE and lines[change.path] >= SMALL:
            yield f"{change.path}: is new, and no test was added or changed"


def reviewable(subject: Subject) -> Iterator[str]:
    """The work is small enough that a person can read it; what programs write does not count."""
    written = {change.path for change in subject.changes if posixpath.basename(change.path) not in LOCKS}
    if len(written) > MOST_FILES:
        yield f"{len(written)} files were changed, more than {MOST_FILES}"
    lines = sum(1 for path, _ in subject.lines() if path in written)
    if lines > MOST_LINES:
        yield f"{lines} lines were added, more than {MOST_LINES}"


def links(subject: Subject) -> Iterator[str]:
    """Every relative link that was added to a document leads to a file or folder of the product."""
    added: dict[str, set[str]] = {}
    for path, line in subject.lines():
        if suffix(path) in _PROSE and "]" in line:
            added.setdefault(path, set()).add(line)
    for path, wanted in added.items():
        for line in _prose(subject.content(path).decode("utf-8", "replace")):
            if line in wanted:
                yield from (f"{path}: {target} leads nowhere" for target in _dead(subject, path, line))


def _prose(text: str) -> Iterator[str]:
    """The lines outside code blocks."""
    fence = ""
    for line in text.split("\n"):
        if found := _FENCE.match(line):
            fence = "" if fence == found[1] else fence or found[1]
        elif not fence:
            yield line


def _dead(subject: Subject, path: str, line: str) -> Iterator[str]:
    for found in _LINK.finditer(_SPAN.sub("", line[:4000])):
        target = found[1] or found[2]
        if _ELSEWHERE.match(target):
            continue
        place = posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(re.split("[#?]", target)[0])))
        if place.startswith("..") or not os.path.exists(subject.root / place):  # noqa: PTH110 - no name is too long for it
            yield target
