"""The same for Rust: what a program is only while it is tested, other than tests and what they take in."""

from __future__ import annotations

import bisect
import re
from collections import Counter
from collections.abc import Iterator

Found = tuple[int, str, bool]
_ATTRIBUTE = re.compile(r"#\s{0,9}!?\s{0,9}\[\s{0,9}(cfg|cfg_attr)\s{0,9}\(([^\]]{0,400})\]")
_NEXT = re.compile(r"(?:\s+|//[^\n]*|#\s*\[[^\]]{0,400}\])*+([^\n;{]{0,200})")
_OF_TESTS = re.compile(
    r"(?:pub\b(?:\([^)]{0,40}\))?\s*)?(?:mod\s+\w|extern\s+crate\b"
    r"|use\s+(?:::)?(?:std|core|alloc|super::\*|proptest|quickcheck|rstest|mockall|tempfile|pretty_assertions)\b)"
)
"""what honest programs have for their tests alone"""
_FUNCTION = re.compile(r"(?:pub\b(?:\([^)]{0,40}\))?\s*)?(?:(?:const|async|unsafe)\s+)*fn\s+(\w+)")
_LINTS = re.compile(
    r"\s{0,9}(?:not\(\s{0,9}test\s{0,9}\)|test)\s{0,9},\s{0,9}(?:no_std|no_main|allow|expect|warn|deny|forbid|derive)\b"
)


def twins(text: str, mine: set[int]) -> Iterator[Found]:
    """(line, what, doubtful) of what is one thing in a test and another, or nothing, elsewhere."""
    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    functions: Counter[str] = Counter(re.findall(r"\bfn\s+(\w+)", text))
    for found in _ATTRIBUTE.finditer(text):
        if not re.search(r"\btest\b", found[2]):
            continue
        item = _NEXT.match(text, found.end())
        last = item.start(1) if item else found.end()
        lines = range(bisect.bisect(starts, found.start()), bisect.bisect(starts, last) + 1)
        if mine.isdisjoint(lines) or _is_honest(found, item[1] if item else "", functions):
            continue
        yield lines[0], "is another program while it is tested", True


def _is_honest(attribute: re.Match[str], item: str, functions: Counter[str]) -> bool:
    if attribute[1] == "cfg_attr":
        return _LINTS.match(attribute[2]) is not None
    if re.search(r"\bnot\s*\(", attribute[2]):
        return False
    if function := _FUNCTION.match(item):  # a helper of tests; a twin has another of its name
        return functions[function[1]] == 1
    return _OF_TESTS.match(item) is not None
