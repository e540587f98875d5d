"""Writes the manifests of generated tasks. Whether one is due is decided elsewhere (see `stages`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from reconciler.model.execution import Evidence
from reconciler.model.objects import Object, generation
from reconciler.model.refs import Position, Ref
from reconciler.model.spec import Budget, Criterion, Finding, Fix, Origin, Stage, TaskSpec
from reconciler.model.view import TaskState, World
from reconciler.model.vocabulary import Reason
from reconciler.plan import split
from reconciler.plan.lawful import lawful
from reconciler.plan.lineage import GoalStage, Lineage
from reconciler.plan.names import name_of, product_name, stage_name
from reconciler.plan.pair import RISKY
from reconciler.plan.pair import budget as verification_budget
from reconciler.plan.resolve import Resolved
from reconciler.plan.routing import ATTRIBUTES, Router

_PLACEHOLDER = re.compile(r"\{(?:title|PRODUCT|stage|document)\}")
DOES_NOT_FIT = (Reason.MERGE_CONFLICT, Reason.GATE_FAILED)
"""accepted work that the product's branch has no place for: going on from it would meet the same end, so the rework
begins at the branch as it is by then"""
PRIORITY = "M"
"""of everything that is generated: what people asked for first goes first"""


def stage_task(lineage: Lineage, task: TaskState, evidence: Evidence, stage: Stage) -> Object:
    """The next stage's task of one that passed; it looks at, or goes on from, the commit that was handed on."""
    spec = _inherited(
        lineage,
        task,
        title=_title(lineage, task, stage, None),
        description=lineage.original(task).spec.description,
        stage=stage.name,
        paths=task.spec.paths,
        origin=_origin(task, evidence, "stage"),
    )
    if stage.when == RISKY:
        pair = lineage.view.config.policy.pair
        spec = msgspec.structs.replace(
            spec,
            budget=Budget(usd=verification_budget(pair, lineage.base(task).spec)),
            suspend=spec.suspend or pair.send == "manual",
        )
    return _object(lineage, task, stage_name(task.name, stage.name), spec)


def rework_task(lineage: Lineage, task: TaskState, evidence: Evidence) -> Object:
    """The task that mends what was rejected: routed like the work it mends, with all that was found."""
    base, original = lineage.base(task), lineage.original(task)
    resolved = lineage.resolved(task)
    checks = tuple(finding.check for finding in evidence.findings)
    spec = _inherited(
        lineage,
        task,
        title=f"Rework after {resolved.stage_name}: {original.spec.title}",
        description=original.spec.description,
        stage=_first_stage(resolved),
        acceptance=(
            *(item for item in original.spec.acceptance if item.check not in checks),
            *_criteria(evidence.findings),
        ),
        paths=original.spec.paths,
        deploy=base.spec.deploy,
        docs=base.spec.docs,
        origin=msgspec.structs.replace(
            _origin(task, evidence, "rework"),
            commit=None if evidence.reason in DOES_NOT_FIT else evidence.product_commit,
            cycle=_cycle(task) + 1,
            findings=evidence.findings,
        ),
    )
    chosen = _attributes_of_rework(lineage, base, evidence.findings)
    return _object(lineage, task, name_of(task.name, "rework"), msgspec.structs.replace(spec, **chosen))


def split_tasks(lineage: Lineage, task: TaskState, evidence: Evidence) -> list[Object]:
    """The two tasks that take the place of one whose executions fell silent: half of its criteria each."""
    base, resolved = lineage.base(task), lineage.resolved(task)
    whole = msgspec.structs.replace(
        _inherited(lineage, task, title=task.spec.title, description=task.spec.description),
        **_attributes_of_rework(lineage, base, ()),
        stage=resolved.stage_name,
        priority=task.spec.priority or PRIORITY,
        paths=task.spec.paths,
        budget=split.half(task, evidence),
    )
    first, second = split.halves(task.spec.acceptance)
    one, two = name_of(task.name, "part1"), name_of(task.name, "part2")
    origin, findings = task.spec.origin, task.spec.origin.findings if task.spec.origin else ()
    parts = [
        msgspec.structs.replace(
            split.narrowed(whole, 1, first),
            depends_on=task.spec.depends_on,
            origin=msgspec.structs.replace(
                _origin(task, evidence, "split"), commit=origin.commit if origin else None, findings=findings
            ),
        ),
        msgspec.structs.replace(
            split.narrowed(whole, 2, second),
            depends_on=(one,),
            deploy=base.spec.deploy,
            docs=base.spec.docs,
            origin=msgspec.structs.replace(_origin(task, evidence, "rework"), commit=None, findings=findings),
        ),
    ]
    return [_object(lineage, task, name, spec) for name, spec in zip((one, two), parts, strict=True)]


def finding_tasks(
    lineage: Lineage, task: TaskState, evidence: Evidence, exists: Callable[[str], bool], room: int
) -> list[Object]:
    """One task for each lesser finding that has none yet; where `room` is too small, the last one takes the rest.

    A fix starts from the merged work, so it waits until the work that it concerns has gone all its way.
    """
    base = lineage.base(task)
    resolved = lineage.resolved(task)
    product = product_name(resolved.product, task.spec.goal or base.name)
    named: dict[str, Finding] = {}
    for finding in evidence.findings:
        name = name_of(product, finding.id)
        if finding.severity == "minor" and not exists(name):
            named.setdefault(name, finding)
    groups = [(name, (finding,)) for name, finding in named.items()]
    if len(groups) > max(room, 1):
        kept = groups[: max(room, 1) - 1]
        rest = tuple(finding for _, findings in groups[len(kept) :] for finding in findings)
        groups = [*kept, (name_of(task.name, "findings", str(evidence.attempt)), rest)]
    return [_finding_task(lineage, task, evidence, name, findings, base) for name, findings in groups]


def proposed_tasks(
    lineage: Lineage,
    task: TaskState,
    evidence: Evidence,
    exists: Callable[[str], bool],
    room: int,
) -> list[Object]:
    """The tasks that an agent proposed, as far as `room` and the Policy's depth go; a name that exists makes none.

    A task whose dependency does not come to be does not come to be either.
    """
    depth = _depth(task) + 1
    if depth > lineage.view.config.policy.limits.depth:
        return []
    kept = {item.name: item for item in evidence.proposals if not exists(item.name) and name_of(item.name) == item.name}
    kept = dict(list(kept.items())[: max(room, 0)])
    while lost := [
        name for name, item in kept.items() if any(need not in kept and not exists(need) for need in item.depends_on)
    ]:
        for name in lost:
            del kept[name]
    origin = msgspec.structs.replace(_origin(task, evidence, "proposed"), commit=None, cycle=0, depth=depth)
    stage = _first_stage(lineage.resolved(task))
    return [
        _object(
            lineage,
            task,
            name,
            _inherited(
                lineage,
                task,
                title=item.title,
                description=item.description,
                stage=stage,
                acceptance=tuple(
                    Criterion(id=f"criterion-{number}", text=sentence)
                    for number, sentence in enumerate(item.acceptance, 1)
                ),
                depends_on=item.depends_on,
                paths=task.spec.paths,
                origin=origin,
            ),
        )
        for name, item in kept.items()
    ]


def goal_stage_task(lineage: Lineage, asked: GoalStage, like: TaskState) -> Object:
    """The task of a stage that runs once for a goal (or for a lone task), or once for one of its documents.

    `like` is one of the tasks it follows, for what the goal leaves open.
    """
    spec = _inherited(
        lineage,
        like,
        title=_title(lineage, like, asked.stage, asked.document, asked.owner),
        stage=asked.stage.name,
        origin=Origin(task=asked.owner.name, relation="goal", document=asked.document),
    )
    goal = lineage.resolved(like).goal
    if goal is not None:
        product = None if goal.spec.product else spec.product
        spec = msgspec.structs.replace(spec, pipeline=None, product=product)
    labels = goal.object.labels if goal else like.object.labels
    return _object(lineage, like, asked.name, spec, labels=dict(labels))


def _finding_task(
    lineage: Lineage, task: TaskState, evidence: Evidence, name: str, findings: Sequence[Finding], base: TaskState
) -> Object:
    resolved = lineage.resolved(task)
    merged = resolved.deliver == "merge" and resolved.pipeline is not None and resolved.pipeline.merge_after is not None
    origin = msgspec.structs.replace(
        _origin(task, evidence, "finding"),
        commit=None if merged else evidence.product_commit,
        cycle=_cycle(task),
        findings=tuple(findings),
    )
    spec = _inherited(
        lineage,
        task,
        title=findings[0].title if len(findings) == 1 else f"{len(findings)} findings: {findings[0].title}, and others",
        description="\n\n".join(finding.detail for finding in findings if finding.detail),
        stage=_first_stage(resolved),
        acceptance=_criteria(findings),
        depends_on=(base.name,),
        origin=origin,
    )
    fix = msgspec.structs.asdict(findings[0].fix) if len(findings) == 1 else {}
    return _object(lineage, task, name, msgspec.structs.replace(spec, **fix))


def _inherited(lineage: Lineage, task: TaskState, **rest: Any) -> TaskSpec:
    spec = task.spec
    return TaskSpec(
        goal=spec.goal,
        priority=PRIORITY,
        pipeline=spec.pipeline,
        product=spec.product,
        suspend=lineage.resolved(task).follow_ups == "review",
        **rest,
    )


def _origin(task: TaskState, evidence: Evidence, relation: str) -> Origin:
    values = {
        "task": task.name,
        "relation": relation,
        "attempt": evidence.attempt,
        "commit": evidence.product_commit,
        "cycle": _cycle(task),
        "depth": _depth(task),
    }
    return msgspec.convert(values, Origin)


def _depth(task: TaskState) -> int:
    return task.spec.origin.depth if task.spec.origin else 0


def _cycle(task: TaskState) -> int:
    return task.spec.origin.cycle if task.spec.origin else 0


def _first_stage(resolved: Resolved) -> str | None:
    return resolved.pipeline.stages[0].name if resolved.pipeline else None


def _criteria(findings: Sequence[Finding]) -> tuple[Criterion, ...]:
    return tuple(
        Criterion(id=finding.id, text=finding.title, check=finding.check) for finding in findings if finding.check
    )


def _attributes_of_rework(lineage: Lineage, base: TaskState, findings: Sequence[Finding]) -> dict[str, str | int]:
    """What a blocker's fix asks for, else what the work's spec said, else how the work was routed."""
    resolved = lineage.resolved(base)
    route = Router(lineage.view.config, World()).route_task(base, resolved.stage_name, resolved.pipeline_name)
    fixes = [finding.fix for finding in findings if finding.severity == "blocker"]
    chosen: dict[str, str | int] = {}
    for name in ATTRIBUTES:
        value = next((found for fix in fixes if (found := _of(fix, name))), None) or _of(base.spec, name)
        value = value or getattr(route, name)
        if value:
            chosen[name] = value
    return chosen


def _of(item: Fix | TaskSpec, name: str) -> str | int | None:
    return getattr(item, name)


def _title(lineage: Lineage, task: TaskState, stage: Stage, document: str | None, owner: Ref | None = None) -> str:
    resolved = lineage.resolved(task)
    title = lineage.base(task).spec.title
    if owner is not None and owner.kind == "Goal" and resolved.goal is not None:
        title = resolved.goal.spec.title
    fallback = task.spec.goal or lineage.original(task).name
    words = {
        "{title}": title,
        "{PRODUCT}": product_name(resolved.product, fallback).upper(),
        "{stage}": stage.name,
        "{document}": document or "",
    }
    # In one pass: a title that itself contains a placeholder must stay as it is.
    return _PLACEHOLDER.sub(lambda found: words[found[0]], stage.title).strip()


def _object(
    lineage: Lineage, parent: TaskState, name: str, spec: TaskSpec, *, labels: dict[str, str] | None = None
) -> Object:
    """The manifest. One of an earlier attempt is replaced where it lies in our file; elsewhere it is a person's."""
    path = f"manifests/generated/{spec.goal or '_'}/{name}.yaml"
    there = lineage.view.tasks.get(name)
    if there is not None and there.object.position.path != path:
        name = name_of(name, str(spec.origin.attempt if spec.origin else 0))
        path = f"manifests/generated/{spec.goal or '_'}/{name}.yaml"
    plain: dict[str, Any] = lawful(msgspec.to_builtins(spec))
    return Object(
        ref=Ref("Task", name),
        position=Position(path),
        spec=plain,
        generation=generation("Task", plain),
        labels=dict(parent.object.labels) if labels is None else labels,
    )
