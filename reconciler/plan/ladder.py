"""The ladder of a task: which rung it stands on, decided from nothing but its recorded attempts and the Policy.

Rungs are the links of the tiers' chains, in ascending order; above the last one is a person. A rung is left only for
a recorded reason, and only by one step an attempt. What hosts answer is not looked at here (see `candidates`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from reconciler.model.execution import Attempt, Evidence
from reconciler.model.spec import Link
from reconciler.model.vocabulary import Reason, Verdict

FAILURES = (Verdict.FAILED, Verdict.ERROR)
PASSING = (Reason.HOST_UNREACHABLE, Reason.MODEL_MISSING)
"""Ends that say nothing about the work: they use up no attempt and lead to no other rung."""
SAME_TIER = (Reason.FORMAT_ERRORS, Reason.CAPABILITY_MISSING)
"""Reasons for which another model of the same tier is asked first."""
TIMES = {1: "", 2: " twice"}


class Level(msgspec.Struct, frozen=True):
    """One tier of a task's ladder. The first may be a chain outside the tiers: then `tier` is that of the task."""

    tier: int
    chain: tuple[Link, ...]


class Rung(msgspec.Struct, frozen=True, order=True):
    """A link of a level's chain, both from 0. A level past the last one is a person."""

    level: int = 0
    link: int = 0


class Climb(msgspec.Struct, frozen=True):
    """Where a task stands. `why`: one sentence a step, in order."""

    rung: Rung
    why: tuple[str, ...] = ()


Usable = Callable[[Link], bool]
"""whether some host of the link offers what the work needs, be it reachable or not"""


def climb(levels: Sequence[Level], attempts: Sequence[Attempt], rules: Mapping[str, int], usable: Usable) -> Climb:
    """The rung of the next attempt. `attempts`: those of one generation, oldest first. `rules`: Policy.escalation."""
    rung = Rung()
    why: list[str] = []
    reason, times = "", 0
    for attempt in attempts:
        item = attempt.evidence
        if item.reason in PASSING or rung.level >= len(levels):
            continue
        at = max(rung, _place(levels, item) or rung)
        if at.level > rung.level:  # it ran there because nothing below offered what it needs
            why.append(item.escalation or f"tier {levels[rung.level].tier} -> {levels[at.level].tier}")
            rung, times = Rung(at.level), 0
        if item.outcome not in FAILURES:
            times = 0
            continue
        reason, times = str(item.reason), times + 1 if item.reason == reason else 1
        if times < rules.get(reason, times + 1):
            continue
        rung = _step(levels, at, item.reason, usable)
        why.append(f"{_told(levels, at, rung)}: {reason}{TIMES.get(times, f' {times} times')}")
        times = 0
    return Climb(rung, tuple(why))


def _step(levels: Sequence[Level], at: Rung, reason: Reason, usable: Usable) -> Rung:
    if reason in SAME_TIER:
        chain = levels[at.level].chain
        for link in range(at.link + 1, len(chain)):
            if not chain[link].hosts:
                break
            if usable(chain[link]):
                return Rung(at.level, link)
    return Rung(at.level + 1)


def _place(levels: Sequence[Level], item: Evidence) -> Rung | None:
    """The rung that an attempt was made on; None where it asked no model, or the Fleet has changed since."""
    for level, rungs in enumerate(levels):
        if item.tier != rungs.tier or item.backend is None:
            continue
        for at, link in enumerate(rungs.chain):
            if (link.backend, link.model) == (item.backend, item.model) and item.host in link.hosts:
                return Rung(level, at)
        return Rung(level)
    return None


def _told(levels: Sequence[Level], before: Rung, after: Rung) -> str:
    tier = levels[before.level].tier
    if after.level >= len(levels):
        return f"tier {tier} -> a person"
    if after.level > before.level:
        return f"tier {tier} -> {levels[after.level].tier}"
    chain = levels[before.level].chain
    return f"tier {tier}, {name(chain[before.link])} -> {name(chain[after.link])}"


def name(link: Link) -> str:
    """A link in words."""
    return f"{link.backend}/{link.model}" if link.model else link.backend
