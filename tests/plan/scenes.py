"""Small worlds for planner tests: a pipeline of five stages, two hosts, and ways to make things happen in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from reconciler.model.execution import Attempt, Evidence, Execution, evidence_folder
from reconciler.model.objects import Object, generation
from reconciler.model.refs import Position, Ref
from reconciler.model.spec import (
    AgentPhase,
    BlueprintPhase,
    BlueprintSpec,
    CompanySpec,
    Finding,
    FleetSpec,
    GoalSpec,
    Host,
    HostModel,
    Link,
    PipelineSpec,
    PolicySpec,
    RoutingDefaults,
    RoutingRule,
    RoutingSpec,
    RunPhase,
    Stage,
    TaskSpec,
    Tier,
)
from reconciler.model.view import Config, GoalState, Live, TaskState, View
from reconciler.model.vocabulary import Reason, Verdict

NOW = 1_800_000_000.0

STANDARD = PipelineSpec(
    stages=(
        Stage(name="BUILD"),
        Stage(name="REVIEW", title="[{PRODUCT}-{stage}] Code review: {title}", company="proveo", read_only=True),
        Stage(name="SECURITY", title="[{PRODUCT}-{stage}] Audit: {title}", company="securion", read_only=True),
        Stage(name="OPS", title="[{PRODUCT}-{stage}] Deploy {title}", scope="goal", when="deploy", company="flowforge"),
        Stage(name="DOCS", title="[{PRODUCT}-{stage}] {document}", scope="goal", when="docs", company="lexicon"),
    ),
    merge_after="SECURITY",
)

LOCAL = FleetSpec(
    hosts=(
        Host(name="a", kind="ollama", capacity=1, models=(HostModel(name="m"),)),
        Host(name="b", kind="ollama", capacity=2, models=(HostModel(name="m"),)),
    ),
    tiers=(
        *(Tier(tier=n, chain=(Link(backend="x", model="m", hosts=("a", "b")),)) for n in range(1, 5)),
        Tier(tier=5, chain=(Link(backend="people"),)),
    ),
)

ROUTING = RoutingSpec(
    rules=(RoutingRule(id="ceo", any=("strategy",), complexity=5),),
    default=RoutingDefaults(domain="code", type="feature", complexity=2, company="codecraft", blueprint="plain"),
)


def config(**changes: Any) -> Config:
    """A configuration with everything in it; `changes` replaces fields."""
    names = ("codecraft", "proveo", "securion", "flowforge", "lexicon")
    values = Config(
        pipelines={"standard": STANDARD},
        companies={name: CompanySpec(title=name.title()) for name in names},
        agents={},
        blueprints={
            "plain": BlueprintSpec(phases=(BlueprintPhase(name="do", run=RunPhase(command=("true",))),)),
            "writing": BlueprintSpec(
                phases=(BlueprintPhase(name="write", needs=("text",), agent=AgentPhase(prompt="write")),)
            ),
        },
        fleet=LOCAL,
        routing=ROUTING,
        policy=PolicySpec(),
        folders={},
    )
    return msgspec.structs.replace(values, **changes)


def task(name: str, annotations: Mapping[str, str] | None = None, **spec: Any) -> TaskState:
    decoded = TaskSpec(**{"title": name, **spec})
    plain = msgspec.to_builtins(decoded)
    item = Object(
        ref=Ref("Task", name),
        position=Position(f"manifests/{name}.yaml"),
        spec=plain,
        generation=generation("Task", plain),
        annotations=annotations or {},
    )
    return TaskState(object=item, spec=decoded)


def of_object(item: Object, before: TaskState | None = None) -> TaskState:
    """The state of a task once this manifest is committed: what happened to it stays."""
    spec = msgspec.convert(item.spec, TaskSpec)
    if before is None:
        return TaskState(object=item, spec=spec)
    return msgspec.structs.replace(before, object=item, spec=spec)


def goal(name: str, annotations: Mapping[str, str] | None = None, **spec: Any) -> GoalState:
    decoded = GoalSpec(**{"title": name, **spec})
    plain = msgspec.to_builtins(decoded)
    item = Object(
        ref=Ref("Goal", name),
        position=Position(f"manifests/{name}.yaml"),
        spec=plain,
        generation=generation("Goal", plain),
        annotations=annotations or {},
    )
    return GoalState(object=item, spec=decoded)


def view(
    tasks: Iterable[TaskState] = (), goals: Iterable[GoalState] = (), settings: Config | None = None, **rest: Any
) -> View:
    return View(
        commit="c0",
        config=settings or config(),
        goals={item.name: item for item in goals},
        tasks={item.name: item for item in tasks},
        **rest,
    )


def execution(state: TaskState, **changes: Any) -> Execution:
    values = Execution(
        id=f"{state.name}.{state.last_number + 1}",
        task=state.name,
        goal=state.spec.goal,
        generation=state.object.generation,
        stage=state.spec.stage or "BUILD",
        attempt=state.last_number + 1,
        company="codecraft",
        blueprint="plain",
        tier=2,
        backend="x",
        model="m",
        host="a",
        priority=1,
        created_at=NOW,
    )
    return msgspec.structs.replace(values, **changes)


def live(state: TaskState, phase: str = "submitted", **changes: Any) -> TaskState:
    return msgspec.structs.replace(state, live=Live(execution=execution(state, **changes), state=phase))


def evidence(
    of: Execution,
    outcome: Verdict,
    *,
    ended_at: float = NOW,
    findings: tuple[Finding, ...] = (),
    reason: Reason | None = None,
    cost: float | None = None,
) -> Evidence:
    reasons = {Verdict.PASSED: Reason.PASSED, Verdict.REJECTED: Reason.FINDINGS, Verdict.FAILED: Reason.GATE_FAILED}
    return Evidence(
        execution=of.id,
        object=f"Task/{of.task}",
        goal=of.goal,
        generation=of.generation,
        stage=of.stage,
        attempt=of.attempt,
        outcome=outcome,
        reason=reason or reasons.get(outcome, Reason.AGENT_FAILED),
        message="",
        company=of.company,
        agent="builder",
        blueprint=of.blueprint,
        tier=of.tier,
        backend=of.backend,
        model=of.model,
        host=of.host,
        prompt_sha256=None,
        factory_commit="c0",
        base_commit="p0",
        product_commit=f"p-{of.task}-{of.attempt}",
        merge_commit=None,
        started_at=ended_at - 1,
        ended_at=ended_at,
        phases=(),
        gates=(),
        findings=findings,
        tokens=None,
        cost_usd=cost,
        sandbox="none",
        follow_ups=(),
        files=(),
    )


def attempted(state: TaskState, outcome: Verdict, **rest: Any) -> TaskState:
    """The task after one more recorded outcome."""
    return recorded(state, evidence(execution(state), outcome, **rest))


def recorded(state: TaskState, item: Evidence) -> TaskState:
    attempt = Attempt(
        evidence=item,
        path=evidence_folder(item.goal, state.name, item.attempt),
        digest="d",
        commit="c",
        committed_at=item.ended_at,
    )
    return msgspec.structs.replace(
        state, attempts=(*state.attempts, attempt), last_number=max(state.last_number, item.attempt), live=None
    )
