"""Checks of a quality gate that look at how an agent worked, not at what it wrote. Where none did, they hold."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.execute.gates.subject import Subject

_AGENTS = ("model", "fallback")


def knowledge(subject: Subject) -> Iterator[str]:
    """Every agent that worked on the product asked HiveMind what is known."""
    if not subject.asked:
        yield from (f"phase {phase.name}: HiveMind was not asked" for phase in subject.phases if phase.by in _AGENTS)


def decisions(subject: Subject) -> Iterator[str]:
    """Every agent said what it decided: the next one reads it."""
    told = any(said.strip() for said in (*subject.decided, *subject.answers.values()))
    if not told:
        yield from (f"phase {phase.name}: says nothing of decisions" for phase in subject.phases if phase.by in _AGENTS)
