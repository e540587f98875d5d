"""Gates that read what was written: answers too short, unfinished text, strings that look like secrets."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator

from reconciler.execute.gates.subject import Subject
from reconciler.execute.redact import in_force
from reconciler.model.execution import GateReport
from reconciler.model.vocabulary import GateResult

SECRETS = "secrets"
PLACEHOLDERS = (
    r"(?i)\blorem ipsum\b",
    r"(?i)<\s*(?:your|insert|add)\b[^<>]{2,60}\bhere\s*>",
    r"(?i)\[\s*(?:your|insert|add)\b[^\[\]]{2,60}(?:\bhere)?\s*\](?!\()",
    r"(?i)(?:\.\.\.|…)\s*\(?(?:the )?(?:rest of|remaining) (?:the |your )?(?:code|file|implementation|content)",
    r"(?i)^\s*+(?:#|//|/\*|<!--|--)\s*+(?:todo|fixme)\b(?:[:\s]|-(?!->))*+(?:implement|write|add|fill|complete|finish)?"
    r"\s*+(?:this|me|the rest|here|code|body|implementation|content|later)?[\s.]*+(?:\*/|-->)?\s*+$",
    r"(?i)^\s*+(?:#|//)\s*+(?:your|existing|previous) (?:code|implementation) (?:goes )?here\b",
)
_ASSIGNED = re.compile(
    r"""(?i)(?:password|passwd|secret|token|api[_-]?key|private[_-]?key)["']?\s*+[:=]\s*+["']([^"'\s]{12,}+)["']"""
)
_HARMLESS = re.compile(
    r"(?i)change|example|dummy|placeholder|sample|test|your|xxx|\*\*\*|<|\$\{|\{\{|process\.env|secret|passw"
)
_MAX_FAULTS = 50
_LOOKED_AT = 1_000
"""characters of a line that unfinished text is looked for in: patterns of the Policy may be clumsy"""


def answer_length(subject: Subject) -> list[GateReport]:
    """Every phase that was asked for prose gave enough of it."""
    lengths = {phase: len(answer) for phase, answer in subject.answers.items() if phase in subject.texts}
    if not lengths:
        return []
    minimum = subject.policy.gates.minimum_answer
    faults = [
        f"phase {phase}: {length} characters, fewer than {minimum}"
        for phase, length in lengths.items()
        if length < minimum
    ]
    return [
        subject.judge(
            "answer-length", faults, f"{len(lengths)} answers, the shortest of {min(lengths.values())} characters"
        )
    ]


def placeholder(subject: Subject) -> list[GateReport]:
    """Nothing that was added is left for somebody to fill in. A reviewer's quotes do not count."""
    if subject.added is None:
        return [_too_much("placeholder")]
    patterns = [re.compile(pattern) for pattern in (*PLACEHOLDERS, *subject.policy.gates.placeholders)]
    faults = [
        f"{place}: {line.strip()[:120]}"
        for place, line in (_added(subject) if subject.product else _lines(subject))
        if any(pattern.search(line[:_LOOKED_AT]) for pattern in patterns)
    ]
    return [subject.judge("placeholder", faults[:_MAX_FAULTS], "no unfinished text")]


def secrets(subject: Subject) -> list[GateReport]:
    """Nothing that was added or answered looks like a secret. The value is never printed."""
    if subject.added is None:
        return [_too_much(SECRETS)]
    faults: list[str] = []
    told: set[str] = set()
    named = ((change.path, change.path) for change in subject.changes if change.new)
    for place, written in (*named, *_lines(subject)):
        line = written.replace("\0", "")  # as UTF-16 has them between the letters
        kind = in_force().found(line)
        assigned = None if kind else _ASSIGNED.search(line)
        if assigned and _random(assigned[1]):
            kind = "password or key written out"
        if kind:
            faults.append(f"{place}: {kind}")
            told.add(place.rpartition(":")[0])
    faults += [
        f"{place}: {kind}"
        for place, text in _wholes(subject)
        if place not in told and (kind := in_force().found_over_lines(text))
    ]
    return [subject.judge(SECRETS, faults[:_MAX_FAULTS], "nothing looks like a secret")]


def _wholes(subject: Subject) -> Iterator[tuple[str, str]]:
    """(place, text): all that was added to a file, and each answer."""
    files: dict[str, list[str]] = {}
    for path, line in subject.added or ():
        files.setdefault(path, []).append(line.replace("\0", ""))
    yield from ((path, "\n".join(lines)) for path, lines in files.items())
    yield from ((f"answer of phase {phase}", answer) for phase, answer in subject.answers.items())


def _random(value: str) -> bool:
    return not _HARMLESS.search(value) and bool(re.search(r"\d", value)) and bool(re.search(r"[A-Za-z]", value))


def _lines(subject: Subject) -> Iterator[tuple[str, str]]:
    """(place, line) of everything that was added to the product or answered."""
    yield from _added(subject)
    for phase, answer in subject.answers.items():
        for number, line in enumerate(answer.splitlines(), start=1):
            yield f"answer of phase {phase}:{number}", line


def _added(subject: Subject) -> Iterator[tuple[str, str]]:
    files: dict[str, dict[str, list[int]]] = {}
    reached: dict[str, int] = {}
    for path, line in subject.added or ():
        # a diff names added lines in order, so each is looked for behind the one before
        if path not in files:
            files[path] = _numbers(subject.content(path))
        numbers, after = files[path].get(line, []), reached.get(path, 0)
        place = bisect.bisect_right(numbers, after)
        reached[path] = numbers[place] if place < len(numbers) else after
        yield f"{path}:{reached[path] or 1}", line


def _numbers(content: bytes) -> dict[str, list[int]]:
    """Line -> where it is, counting from 1."""
    found: dict[str, list[int]] = {}
    for number, line in enumerate(content.decode("utf-8", "replace").split("\n"), 1):
        found.setdefault(line, []).append(number)
    return found


def _too_much(gate: str) -> GateReport:
    return GateReport(id=gate, result=GateResult.ERROR, message="too much was added to look through")
