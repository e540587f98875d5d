"""Which tasks a model is asked about first, with which words it may answer, and what of its answer counts.

Whoever has a classification of this generation, sure or not, is not asked again.
"""

from __future__ import annotations

from reconciler.model.execution import Classification, Execution, execution_id
from reconciler.model.objects import ADMITTED
from reconciler.model.spec import RoutingSpec, Stage
from reconciler.model.view import Config, TaskState, World
from reconciler.plan.candidates import Candidate, Candidates, Chains, Needed
from reconciler.plan.resolve import Resolved

NEEDED = Needed(frozenset(("text", "schema", "classify")))
CLASSIFIED = ("domain", "type", "complexity")
"""what a model is asked for; company and blueprint follow from rules"""


def counting(task: TaskState) -> Classification | None:
    """The classification that routes this task: of its generation, and sure."""
    found = task.classification
    return found if found and found.sure and found.generation == task.object.generation else None


def asked(found: Classification) -> str:
    """Which model classified, in words: `ollama-tool/qwen3:8b@forge`."""
    return f"{found.backend}/{found.model}@{found.host}" if found.model else f"{found.backend}@{found.host}"


def sensitive(task: TaskState) -> Classification | None:
    """What a model said that keeps this task from models until a person lets it go on: it can hold, never admit."""
    found, generation = task.classification, task.object.generation
    if found is None or found.generation != generation or found.sensitive not in ("yes", "unsure"):
        return None
    return found if task.object.annotations.get(ADMITTED) != generation else None


def asks(config: Config, task: TaskState, resolved: Resolved) -> bool:
    """Is a model asked about this task, where one can be reached?

    Not where its spec says it all, where its stage names the company, or where it was routed before already.
    """
    if config.routing is None or config.routing.classify is None:
        return False
    if all(getattr(task.spec, name) is not None for name in CLASSIFIED):
        return False
    if resolved.stage is None or resolved.stage.company is not None:
        return False
    generation = task.object.generation
    if task.classification is not None and task.classification.generation == generation:
        return False
    return all(attempt.evidence.generation != generation for attempt in task.attempts)


def askable(config: Config, chains: Chains) -> Candidates:
    """The models that may be asked. None usable: the rules decide at once."""
    chosen = config.routing.classify if config.routing else None
    chain = chains.tier(chosen.tier) if chosen else None
    return chains.candidates(chain, NEEDED) if chain else Candidates()


def classifier(config: Config, stage: Stage, world: World) -> str | None:
    """The model that would be asked first about a task of this stage whose spec says nothing; None where none is."""
    found = askable(config, Chains(config.fleet, world)).usable if stage.company is None else ()
    return f"{found[0].backend}/{found[0].model}@{found[0].host}" if found else None


def vocabulary(routing: RoutingSpec) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The domains and the types that the Routing gives to tasks: all that a model may answer with."""
    domains = [rule.domain for rule in routing.rules if rule.domain] + [routing.default.domain]
    types = [rule.type for rule in routing.rules if rule.type] + [routing.default.type]
    return tuple(dict.fromkeys(domains)), tuple(dict.fromkeys(types))


def classify_execution(task: TaskState, resolved: Resolved, tier: int, place: Candidate, now: float) -> Execution:
    """The intent to ask: attempt 0, which no attempt at the work ever has."""
    return Execution(
        id=execution_id(task.name, task.object.generation, resolved.stage_name, 0),
        task=task.name,
        goal=task.spec.goal,
        generation=task.object.generation,
        stage=resolved.stage_name,
        attempt=0,
        company="",
        blueprint="",
        tier=tier,
        backend=place.backend,
        model=place.model,
        host=place.host,
        priority=resolved.rank,
        created_at=now,
        purpose="classify",
    )
