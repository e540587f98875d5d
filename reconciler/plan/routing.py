"""Classifies and routes a task: domain, type, complexity, company, blueprint, tier; and says which rule chose each.

No names here: companies, stages, tiers and models are what the Routing, the Fleet and the companies say they are.
Which host has a free slot is not decided here (see `placement`): a route lists all that would do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from reconciler.model.execution import Attempt, Classification, Evidence
from reconciler.model.spec import CompanySpec, Link, RoutingRule, Stage, TaskSpec
from reconciler.model.view import Config, TaskState, World
from reconciler.model.vocabulary import Reason
from reconciler.plan.attempts import deciding
from reconciler.plan.blueprint import UnknownBlueprint, lesser_needs, needs, own_blueprint, resolve_blueprint
from reconciler.plan.candidates import Candidate, Candidates, Chains, Needed
from reconciler.plan.classify import CLASSIFIED, asked, counting
from reconciler.plan.ladder import Level, climb
from reconciler.plan.match import Vocabulary, holds, specificity
from reconciler.plan.pair import independent_chain

ATTRIBUTES = ("domain", "type", "complexity", "company", "blueprint")
"""In the order in which they are decided: a rule's `when` sees those before it, and the stage."""
SPEC_RULE = "spec"
DEFAULT_RULE = "default"


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Where a task would go. `rules` gives for each attribute the id of the rule, or the model, that chose it.

    `backend`, `model` and `host` are those of the first candidate; `unroutable` is set where there is none, and
    `message` then says why in one sentence. `waits` tells an obstacle that passes by itself from one for a person.
    """

    stage: str
    domain: str = ""
    type: str = ""
    complexity: int = 0
    company: str = ""
    blueprint: str = ""
    tier: int = 0
    backend: str | None = None
    model: str | None = None
    host: str | None = None
    rules: dict[str, str] = {}
    candidates: tuple[Candidate, ...] = ()
    needs: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    tools: tuple[str, ...] | None = None
    agents: dict[str, str] = {}
    """role -> name of an Agent"""
    unroutable: Reason | None = None
    message: str = ""
    waits: bool = False
    escalation: str = ""
    """why this is not the rung of the ladder that the task began on; empty where it is"""


class _Unroutable(Exception):
    pass


class Router:
    """Routes many tasks over one configuration: phrases are compiled and chains resolved once."""

    def __init__(self, config: Config, world: World) -> None:
        self._config = config
        rules = config.routing.rules if config.routing else ()
        self._vocabulary = Vocabulary(rules, config.languages)
        self._rules = {name: [rule for rule in rules if getattr(rule, name) is not None] for name in ATTRIBUTES}
        self._wordless = {
            name: [rule for rule in found if not rule.any and not rule.all] for name, found in self._rules.items()
        }
        self.chains = Chains(config.fleet, world)
        self._needs: dict[str, Needed] = {}

    def route_task(
        self, task: TaskState, stage: str, pipeline: str | None = None, worked: Evidence | None = None
    ) -> Route:
        """Route a task that is there, with all that has happened to it. `worked`: whose work it looks at."""
        return self.route(task.spec, stage, pipeline, deciding(task), counting(task), worked)

    def route(
        self,
        task: TaskSpec,
        stage: str,
        pipeline: str | None = None,
        attempts: Sequence[Attempt] = (),
        classified: Classification | None = None,
        worked: Evidence | None = None,
    ) -> Route:
        """Never raises for what manifests say: a route that leads nowhere carries its reason.

        `attempts` are those that decide, oldest first; `classified` what a model was sure of.
        """
        chosen: dict[str, str | int] = {}
        rules: dict[str, str] = {}
        try:
            self._attributes(task, stage, pipeline, chosen, rules, classified)
            company = self._company(chosen, rules)
            self._blueprint(chosen, rules)
            needed = self._needed(str(chosen["blueprint"]))
            at = self._stage(stage, pipeline)
            if at is not None and at.independent:
                tier, chain = self._independent(worked, rules)
            else:
                tier, chain = self._tier(task, company, chosen, rules)
        except _Unroutable as problem:
            return _route(stage, chosen, rules, unroutable=Reason.NO_ROUTE, message=str(problem))
        tier, found, why = self._climbed(Level(tier, chain), needed, attempts)
        return self._finished(stage, chosen, rules, company, tier, needed, found, why)

    def _attributes(
        self,
        task: TaskSpec,
        stage: str,
        pipeline: str | None,
        chosen: dict[str, str | int],
        rules: dict[str, str],
        classified: Classification | None,
    ) -> None:
        found = self._vocabulary.found(f"{task.title}\n{task.description}")
        known: dict[str, str] = {"stage": stage}
        at = self._stage(stage, pipeline)
        fixed = {"company": at.company, "blueprint": at.blueprint} if at else {}
        for name in ATTRIBUTES:
            explicit = getattr(task, name)
            said = getattr(classified, name) if classified and name in CLASSIFIED else None
            decided = explicit is not None or fixed.get(name) is not None or said is not None
            rule = None if decided else self._best(name, found, known)
            if explicit is not None:
                value, by = explicit, SPEC_RULE
            elif (given := fixed.get(name)) is not None:
                value, by = given, f"pipeline/{stage}"
            elif classified is not None and said is not None:
                value, by = said, f"classified by {asked(classified)}"
            elif rule is not None:
                value, by = getattr(rule, name), rule.id
            elif self._config.routing is not None:
                value, by = getattr(self._config.routing.default, name), DEFAULT_RULE
            else:
                raise _Unroutable(f"there is no Routing manifest to choose the {name} of this task")
            chosen[name], rules[name] = value, by
            known[name] = str(value)

    def _stage(self, stage: str, pipeline: str | None) -> Stage | None:
        spec = self._config.pipelines.get(pipeline) if pipeline else None
        return next((item for item in spec.stages if item.name == stage), None) if spec else None

    def _best(self, name: str, found: frozenset[str], known: Mapping[str, str]) -> RoutingRule | None:
        best: RoutingRule | None = None
        score = (-1, -1)
        for rule in self._rules[name] if found else self._wordless[name]:
            if not holds(rule, found) or any(known.get(key) != value for key, value in rule.when.items()):
                continue
            conditions, words = specificity(rule, found)
            if (conditions + len(rule.when), words) > score:
                best, score = rule, (conditions + len(rule.when), words)
        return best

    def _company(self, chosen: dict[str, str | int], rules: dict[str, str]) -> CompanySpec:
        """The living company; work for one that was merged goes where it was merged into."""
        seen: list[str] = []
        name = str(chosen["company"])
        while True:
            company = self._config.companies.get(name)
            if company is None:
                raise _Unroutable(f"there is no Company/{name}")
            seen.append(name)
            if company.merged_into is None:
                break
            name = company.merged_into
            if name in seen:
                raise _Unroutable(f"companies are merged in a circle: {' -> '.join([*seen, name])}")
        for alias in seen[:-1]:
            rules["company"] += f" via {alias}"
        chosen["company"] = name
        return company

    def _blueprint(self, chosen: dict[str, str | int], rules: dict[str, str]) -> None:
        """The company's own blueprint of that name goes before the one for every company."""
        own = own_blueprint(self._config.blueprints, str(chosen["company"]), str(chosen["blueprint"]))
        if own != chosen["blueprint"]:
            rules["blueprint"] += f" via {chosen['company']}"
            chosen["blueprint"] = own

    def _needed(self, blueprint: str) -> Needed:
        if blueprint not in self._needs:
            try:
                resolved = resolve_blueprint(self._config.blueprints, blueprint)
                self._needs[blueprint] = Needed(needs(resolved), lesser_needs(resolved))
            except UnknownBlueprint as problem:
                raise _Unroutable(str(problem)) from None
        return self._needs[blueprint]

    def _tier(
        self, task: TaskSpec, company: CompanySpec, chosen: dict[str, str | int], rules: dict[str, str]
    ) -> tuple[int, tuple[Link, ...]]:
        """What the task's spec says goes before the company's override, and that before the complexity's tier."""
        complexity = int(chosen["complexity"])
        mapped = self._config.routing.tiers.get(str(complexity)) if self._config.routing else None
        tier = complexity if mapped is None else mapped
        by = f"routing/tiers/{complexity}" if mapped is not None else "complexity"
        override = company.tier_overrides.get(str(chosen["type"])) if task.complexity is None else None
        if override is not None:
            rule = f"company/{chosen['company']}/tier_overrides/{chosen['type']}"
            named = self.chains.named(str(override)) if isinstance(override, str) else ()
            if isinstance(override, int):
                tier, by = override, rule
            elif named:
                rules["tier"] = rule
                return tier, named
            else:
                by = f"{by} ({rule}: no host of the Fleet has {override})"
        rules["tier"] = by
        chain = self.chains.tier(tier)
        if chain is None:
            raise _Unroutable(f"the Fleet has no tier {tier}")
        return tier, chain

    def _independent(self, worked: Evidence | None, rules: dict[str, str]) -> tuple[int, tuple[Link, ...]]:
        """All tiers' chains as one; it stands above them, so that what follows its last link is a person."""
        rules["tier"] = "pipeline: independent"
        tiers = [tier.tier for tier in self._config.fleet.tiers]
        return max(tiers, default=0), independent_chain(self._config.fleet, worked)

    def _climbed(
        self, start: Level, needed: Needed, attempts: Sequence[Attempt]
    ) -> tuple[int, Candidates, tuple[str, ...]]:
        """The tier that the task has come to, what can do it there, and why it has come there.

        Work that asks no model stays where it is. Where nothing of a tier offers what is needed, the next one is
        looked at, once.
        """
        if not needed.full:
            return start.tier, self.chains.candidates(start.chain, needed), ()
        levels = [start, *(Level(tier, chain) for tier, chain in self.chains.above(start.tier))]
        rules = self._config.policy.escalation
        climbed = climb(levels, attempts, rules, lambda link: self.chains.capable(link, needed))
        at, why = climbed.rung, climbed.why
        if at.level >= len(levels):
            told = f"a person is above the last tier: {'; '.join(why)}"
            return levels[-1].tier, Candidates(reason=Reason.HUMAN_TIER, message=told), why
        found = self.chains.candidates(levels[at.level].chain, needed, at.link)
        tier = levels[at.level].tier
        if found.reason is Reason.CAPABILITY_MISSING and at.level + 1 < len(levels):
            above = levels[at.level + 1]
            higher = self.chains.candidates(above.chain, needed)
            if higher.usable or higher.waits:
                why = (*why, f"tier {tier} -> {above.tier}: {Reason.CAPABILITY_MISSING}: {found.message}")
                return above.tier, higher, why
        if found.reason is Reason.HUMAN_TIER and why:
            found = msgspec.structs.replace(found, message=f"{found.message}, after {'; '.join(why)}")
        return tier, found, why

    def _finished(
        self,
        stage: str,
        chosen: dict[str, str | int],
        rules: dict[str, str],
        company: CompanySpec,
        tier: int,
        needed: Needed,
        found: Candidates,
        why: tuple[str, ...],
    ) -> Route:
        blueprint = self._config.blueprints[str(chosen["blueprint"])]
        first = found.usable[0] if found.usable else None
        return _route(
            stage,
            chosen,
            rules,
            tier=tier,
            backend=first.backend if first else None,
            model=first.model if first else None,
            host=first.host if first else None,
            candidates=found.usable,
            needs=tuple(sorted(needed.full)),
            skills=tuple(dict.fromkeys((*company.skills, *blueprint.skills))),
            tools=company.tools,
            agents=company.agents,
            unroutable=found.reason,
            message=found.message,
            waits=found.waits,
            escalation="; ".join(why),
        )


def _route(stage: str, chosen: Mapping[str, str | int], rules: dict[str, str], **rest: object) -> Route:
    return msgspec.convert({"stage": stage, "rules": rules, **chosen, **rest}, Route)


_latest: list[tuple[Config, World, Router]] = []
"""The router used last: callers route one task after the other over the same configuration."""


def _router(config: Config, world: World) -> Router:
    if not _latest or _latest[0][0] is not config or _latest[0][1] != world:
        _latest[:] = [(config, world, Router(config, world))]
    return _latest[0][2]


def route(task: TaskSpec, stage: str, config: Config, world: World, pipeline: str | None = None) -> Route:
    """Route a task to which nothing has happened. `pipeline`: whose stage may fix company and blueprint."""
    return _router(config, world).route(task, stage, pipeline)


def route_task(task: TaskState, stage: str, config: Config, world: World, pipeline: str | None = None) -> Route:
    """Route a task with all that has happened to it."""
    return _router(config, world).route_task(task, stage, pipeline)
