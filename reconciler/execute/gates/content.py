"""Gates that read what was written: answers too short, unfinished text, strings that look like secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from reconciler.execute.gates.subject import Subject
from reconciler.model.execution import GateReport
from reconciler.model.vocabulary import GateResult

SECRETS = "secrets"
PLACEHOLDERS = (
    r"(?i)\blorem ipsum\b",
    r"(?i)<\s*(?:your|insert|add)\b[^<>]{2,60}\bhere\s*>",
    r"(?i)\[\s*(?:your|insert|add)\b[^\[\]]{2,60}(?:\bhere)?\s*\](?!\()",
    r"(?i)(?:\.\.\.|…)\s*\(?(?:the )?(?:rest of|remaining) (?:the |your )?(?:code|file|implementation|content)",
    r"(?i)^\s*(?:#|//|/\*|<!--|--)\s*(?:todo|fixme)\b[:\s-]*(?:implement|write|add|fill|complete|finish)?\s*"
    r"(?:this|me|the rest|here|code|body|implementation|content|later)?[\s.]*(?:\*/|-->)?\s*$",
    r"(?i)^\s*(?:#|//)\s*(?:your|existing|previous) (?:code|implementation) (?:goes )?here\b",
)
_ASSIGNED = re.compile(
    r"""(?i)\b[\w.-]*(?:password|passwd|secret|token|api[_-]?key|private[_-]?key)["']?\s*[:=]\s*["']([^"'\s]{12,})["']"""
)
_HARMLESS = re.compile(
    r"(?i)change|example|dummy|placeholder|sample|test|your|xxx|\*\*\*|<|\$\{|\{\{|process\.env|secret|passw"
)
_MAX_FAULTS = 50


async def answer_length(subject: Subject) -> list[GateReport]:
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


async def placeholder(subject: Subject) -> list[GateReport]:
    """Nothing that was added is left for somebody to fill in. A reviewer's quotes do not count."""
    if subject.added is None:
        return [_too_much("placeholder")]
    patterns = [re.compile(pattern) for pattern in (*PLACEHOLDERS, *subject.policy.gates.placeholders)]
    faults = [
        f"{place}: {line.strip()[:120]}"
        for place, line in (_added(subject) if subject.product else _lines(subject))
        if any(pattern.search(line) for pattern in patterns)
    ]
    return [subject.judge("placeholder", faults[:_MAX_FAULTS], "no unfinished text")]


async def secrets(subject: Subject) -> list[GateReport]:
    """Nothing that was added or answered looks like a secret. The value is never printed."""
    if subject.added is None:
        return [_too_much(SECRETS)]
    faults: list[str] = []
    named = ((change.path, change.path) for change in subject.changes if change.new)
    for place, written in (*named, *_lines(subject)):
        line = written.replace("\0", "")  # as UTF-16 has them between the letters
        kind = subject.redactor.found(line)
        assigned = None if kind else _ASSIGNED.search(line)
        if assigned and _random(assigned[1]):
            kind = "password or key written out"
        if kind:
            faults.append(f"{place}: {kind}")
    return [subject.judge(SECRETS, faults[:_MAX_FAULTS], "nothing looks like a secret")]


def _random(value: str) -> bool:
    return not _HARMLESS.search(value) and bool(re.search(r"\d", value)) and bool(re.search(r"[A-Za-z]", value))


def _lines(subject: Subject) -> Iterator[tuple[str, str]]:
    """(place, line) of everything that was added to the product or answered."""
    yield from _added(subject)
    for phase, answer in subject.answers.items():
        for number, line in enumerate(answer.splitlines(), start=1):
            yield f"answer of phase {phase}:{number}", line


def _added(subject: Subject) -> Iterator[tuple[str, str]]:
    files: dict[str, list[str]] = {}
    reached: dict[str, int] = {}
    for path, line in subject.added or ():
        # a diff names added lines in order, so each is looked for behind the one before
        content = files.get(path)
        if content is None:
            content = files[path] = _content(subject.root / path)
        try:
            reached[path] = content.index(line, reached.get(path, 0)) + 1
        except ValueError:
            reached.setdefault(path, 0)
        yield f"{path}:{reached[path] or 1}", line


def _content(path: Path) -> list[str]:
    if path.is_symlink() or not path.is_file():
        return []
    return path.read_text(encoding="utf-8", errors="replace").split("\n")


def _too_much(gate: str) -> GateReport:
    return GateReport(id=gate, result=GateResult.ERROR, message="too much was added to look through")
