"""What a task inherits: goal, pipeline, stage, priority, product. The only place that knows the defaults."""

from __future__ import annotations

import msgspec

from reconciler.model.spec import PipelineSpec, Product, Stage
from reconciler.model.view import GoalState, TaskState, View

DEFAULT_PIPELINE = "standard"
PRIORITIES = ("H", "M", "L")
STAGES_A_PRIORITY = 100


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """A task with its defaults filled in.

    `pipeline` and `stage` are None where the manifests name one that is not there; `problem` then says so.
    `index` is the stage's place in the pipeline, from 0.
    """

    goal: GoalState | None
    pipeline_name: str
    pipeline: PipelineSpec | None
    stage_name: str
    stage: Stage | None
    index: int
    priority: int
    """1 (H), 2 (M) or 3 (L)"""
    product: Product | None
    deploy: bool
    docs: tuple[str, ...]
    follow_ups: str
    deliver: str
    suspended: bool
    problem: str = ""

    @property
    def rank(self) -> int:
        """Of its executions on a host: 1 runs first; by priority, then what is furthest along its pipeline."""
        return self.priority * STAGES_A_PRIORITY - min(self.index, STAGES_A_PRIORITY - 1)


def resolve(view: View, task: TaskState) -> Resolved:
    """Fill in what the task leaves to its goal and its pipeline."""
    spec = task.spec
    goal = view.goals.get(spec.goal) if spec.goal else None
    inherited = goal.spec if goal else None
    pipeline_name = spec.pipeline or (inherited.pipeline if inherited else DEFAULT_PIPELINE)
    pipeline = view.config.pipelines.get(pipeline_name)
    problem = "" if pipeline else f"there is no Pipeline/{pipeline_name}"
    if spec.goal and goal is None:
        problem = f"there is no Goal/{spec.goal}"
    stages = pipeline.stages if pipeline else ()
    stage_name = spec.stage or (stages[0].name if stages else "")
    index = next((at for at, stage in enumerate(stages) if stage.name == stage_name), -1)
    if index < 0 and not problem:
        problem = f"Pipeline/{pipeline_name} has no stage {stage_name}"
    priority = spec.priority or (inherited.priority if inherited else "M")
    docs = (*(inherited.docs if inherited else ()), *spec.docs)
    return Resolved(
        goal=goal,
        pipeline_name=pipeline_name,
        pipeline=pipeline,
        stage_name=stage_name,
        stage=stages[index] if index >= 0 else None,
        index=max(index, 0),
        priority=PRIORITIES.index(priority) + 1,
        product=spec.product or (inherited.product if inherited else None) or view.config.policy.product,
        deploy=spec.deploy or bool(inherited and inherited.deploy),
        docs=tuple(dict.fromkeys(docs)),
        follow_ups=inherited.follow_ups if inherited else "auto",
        deliver=inherited.deliver if inherited else "merge",
        suspended=spec.suspend or bool(inherited and inherited.suspend),
        problem=problem,
    )


def merges_here(view: View, task: TaskState) -> bool:
    """Is accepted work of this task's stage merged into the product when it passes?

    So it is at the pipeline's `mergeAfter` stage and at the goal's stages after it; not where the goal wants a branch.
    """
    resolved = resolve(view, task)
    pipeline = resolved.pipeline
    if pipeline is None or resolved.stage is None or resolved.product is None or resolved.deliver != "merge":
        return False
    names = [stage.name for stage in pipeline.stages]
    if pipeline.merge_after not in names:
        return False
    if resolved.stage_name == pipeline.merge_after:
        return True
    return resolved.stage.scope == "goal" and resolved.index > names.index(pipeline.merge_after)


def may_reject(view: View, task: TaskState) -> bool:
    """May this task's work be sent back once more, or has its pipeline's number of rejections been reached?"""
    pipeline = resolve(view, task).pipeline
    cycle = task.spec.origin.cycle if task.spec.origin else 0
    return pipeline is not None and cycle + 1 <= pipeline.max_rejections
