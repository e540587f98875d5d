"""Pair verification: which work is risky, the thread that builder and verifier share, and what they are told of it.

Whether a verifier has looked at a line of work is asked of its lineage (see `lineage`), which model it gets of the
Fleet's chains (see `candidates`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from reconciler.model.execution import Evidence
from reconciler.model.spec import FleetSpec, LanguageSpec, Link, Pair, RiskRule, TaskSpec
from reconciler.plan.candidates import Candidate
from reconciler.plan.match import Vocabulary, holds

RISKY = "risky"
"""`when` of the stage that only risky work passes"""
PAID = frozenset({"claude-cli", "command"})
"""backends that somebody sends a bill for, or may; all others are one's own hardware"""


class Risks:
    """The Policy's rules for risky work, their phrases compiled once."""

    def __init__(self, pair: Pair, languages: Mapping[str, LanguageSpec]) -> None:
        self._rules = pair.risky
        self._vocabulary = Vocabulary(pair.risky, languages)

    def rule(self, spec: TaskSpec, attributes: Callable[[], Mapping[str, str]]) -> RiskRule | None:
        """The first rule that says this task is risky. `attributes` are asked for only where words do not decide."""
        if not self._rules:
            return None
        found = self._vocabulary.found(f"{spec.title}\n{spec.description}")
        for rule in self._rules:
            if holds(rule, found) and (not rule.when or _attributes_hold(rule, attributes())):
                return rule
        return None


def _attributes_hold(rule: RiskRule, known: Mapping[str, str]) -> bool:
    return all(known.get(name) in values for name, values in rule.when.items())


def thread_id(task: str, generation: str) -> str:
    """The thread of one piece of work: `pair-` and 12 hex digits, the same on every machine."""
    digest = hashlib.sha256(f"{task}\0{generation}".encode()).hexdigest()
    return f"pair-{digest[:12]}"


def independent_chain(fleet: FleetSpec, worked: Evidence | None) -> tuple[Link, ...]:
    """Every way to a model that the Fleet has, best verifier first: another model, then own hardware, then lower tier.

    `worked` is the record of the work to be looked at; the model in it comes last. People are not in the chain.
    """
    ranked: list[tuple[bool, bool, int, int, Link]] = []
    for tier in fleet.tiers:
        for at, link in enumerate(tier.chain):
            if link.hosts:
                ranked.append((_did_it(link, worked), link.backend in PAID, tier.tier, at, link))
    ranked.sort(key=lambda item: item[:4])
    return tuple(dict.fromkeys(item[-1] for item in ranked))


def tier_of(fleet: FleetSpec, place: Candidate) -> int | None:
    """The lowest tier that leads to this model, or to this host where no model is asked; None where none does."""
    found = [
        tier.tier
        for tier in fleet.tiers
        for link in tier.chain
        if link.backend == place.backend and place.model in (None, link.model) and place.host in link.hosts
    ]
    return min(found, default=None)


def _did_it(link: Link, worked: Evidence | None) -> bool:
    if worked is None:
        return False
    if link.model is None:
        return worked.model is None and worked.backend == link.backend
    return link.model == worked.model


def budget(pair: Pair, work: TaskSpec) -> float:
    """Most USD that the verification of this work may cost."""
    return pair.usd if work.budget.usd is None else min(pair.usd, work.budget.usd)


def told_builder(thread: str, stage: str) -> str:
    """What the builder of risky work is told."""
    return (
        f"This work is risky, so an independent verifier looks at it at stage {stage}, in thread {thread}, before "
        "anything else happens to it. Record what you decided and why, what you checked and how, and what you left "
        "open: the verifier reads it first. Do not look for the verifier or wait for it."
    )


def told_verifier(thread: str, work: str, spec: TaskSpec) -> str:
    """What its verifier is told."""
    criteria = "".join(f"\n- {item.id}: {item.text}" for item in spec.acceptance)
    return (
        f"You verify the work of Task/{work} on your own, in thread {thread}. Its builder's report is what the builder "
        "claims, not evidence. Look at the change itself, and check that it does what the task asks, that nothing else "
        "broke, and that the edge cases hold. Report each thing that is wrong as a finding, a blocker where the work "
        "must go back; you can only hold work up, never wave it through: later stages judge it again."
        + (f"\nThe task's criteria:{criteria}" if criteria else "")
    )
