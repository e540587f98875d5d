"""Checks of a quality gate that read the lines which were added: leftovers of merging, of debugging, of giving up."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.execute.gates.families import SOURCE, is_test, suffix
from reconciler.execute.gates.subject import Subject

_CONFLICT = re.compile(r"^(?:<{7}|>{7}|\|{7})(?: \S|$)")
_LEFT_BY_MERGING = (".orig", ".rej")
_SKIPPED = re.compile(
    r"""@(?:pytest\.mark|unittest)\.(?:skip|xfail)\b|\bpytest\.(?:skip|xfail)\(|\bself\.skipTest\(|=\s*pytest\.mark\.skip\b"""
    r"""|\b(?:it|test|describe|context)\.(?:skip|only|todo)\b|\b[xf](?:it|describe|context)\(\s*["'`]"""
    r"""|\bt\.Skip(?:Now|f)?\(|^\s*@(?:Disabled|Ignore)\b|#\[ignore\b"""
)
_DEBUGGING = re.compile(
    r"""^\s*breakpoint\(\)|\bi?pdb\.set_trace\(|^\s*(?:import|from)\s+i?pdb\b|^\s*debugger;?\s*$|\bbinding\.(?:pry|irb)\b"""
    r"""|\bdbg!\(|\bconsole\.debug\(|\bvar_dump\(|(?i:\b(?:print|console\.log|println!?|puts)\s*\(?\s*f?["'`](?:debug|xxx)\b)"""
)


def conflict_markers(subject: Subject) -> Iterator[str]:
    """No line that was added is a mark that a merge left, and no file is one that it leaves behind."""
    for change in subject.changes:
        if change.old is None and change.path.endswith(_LEFT_BY_MERGING):
            yield f"{change.path}: is what a merge or a patch leaves behind"
    for path, line in subject.lines():
        if _CONFLICT.search(line):
            yield f"{path}: {line[:20]}"


def skipped_tests(subject: Subject) -> Iterator[str]:
    """No test that was added is skipped, and none keeps the others from running."""
    return _found(subject, _SKIPPED, tests=True)


def debug_leftovers(subject: Subject) -> Iterator[str]:
    """No line that was added to a program is there for whoever wrote it only."""
    return _found(subject, _DEBUGGING)


def _found(subject: Subject, pattern: re.Pattern[str], *, tests: bool = False) -> Iterator[str]:
    for path, line in subject.lines():
        if suffix(path) in SOURCE and (not tests or is_test(path)) and pattern.search(line[:1000]):
            yield f"{path}: {line.strip()[:120]}"
