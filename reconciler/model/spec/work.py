"""Goals, tasks and the pipelines they pass."""

from __future__ import annotations

from typing import Literal

import msgspec

from reconciler.model.spec.base import Spec


class Product(Spec, frozen=True, kw_only=True):
    """The repository that agents change."""

    repository: str
    branch: str = "main"
    test: str | None = None
    """the command that runs the product's tests; default: `make test` where the Makefile has that target"""


class Criterion(Spec, frozen=True, kw_only=True):
    """One acceptance criterion. `check` is a shell command that runs in the sandbox at the product's root."""

    id: str
    text: str
    check: str | None = None
    person: bool = False


class Paths(Spec, frozen=True, kw_only=True):
    """Globs, relative to the product's root."""

    allow: tuple[str, ...] | None = None
    """None: everything that is not forbidden"""
    forbid: tuple[str, ...] = ()


class Budget(Spec, frozen=True, kw_only=True):
    usd: float | None = None
    wall: str | None = None
    attempts: int | None = None


class DayBudget(Spec, frozen=True, kw_only=True):
    """What may be spent within one day (UTC)."""

    usd: float | None = None
    wall: str | None = None
    attempts: int | None = None


class Fix(Spec, frozen=True, kw_only=True):
    """How a finding should be routed when it becomes a task; what is left out is classified from its title."""

    domain: str | None = None
    type: str | None = None
    complexity: int | None = None
    company: str | None = None
    blueprint: str | None = None


class Finding(Spec, frozen=True, kw_only=True):
    """What a reviewing stage found. `id` is stable: with the product it names the task that fixes it."""

    id: str
    title: str
    severity: Literal["blocker", "minor", "info"] = "minor"
    detail: str = ""
    check: str | None = None
    """passes once the finding is fixed; becomes the fixing task's acceptance check"""
    fix: Fix = Fix()


class Origin(Spec, frozen=True, kw_only=True):
    """Where a generated task came from. Written by the controller only."""

    task: str
    relation: Literal["stage", "rework", "finding", "goal", "split", "proposed"]
    attempt: int = 0
    commit: str | None = None
    """the product commit handed on: under review, or to continue from"""
    cycle: int = 0
    findings: tuple[Finding, ...] = ()
    document: str | None = None
    """for a stage that runs once per document: which one"""
    depth: int = 0
    """of proposals: how many of them lie between this task and one that a person or the pipeline made"""


class TaskSpec(Spec, frozen=True, kw_only=True):
    title: str
    description: str = ""
    goal: str | None = None
    priority: Literal["H", "M", "L"] | None = None
    pipeline: str | None = None
    stage: str | None = None
    product: Product | None = None
    domain: str | None = None
    type: str | None = None
    complexity: int | None = None
    company: str | None = None
    blueprint: str | None = None
    acceptance: tuple[Criterion, ...] = ()
    depends_on: tuple[str, ...] = ()
    deploy: bool = False
    docs: tuple[str, ...] = ()
    paths: Paths = Paths()
    budget: Budget = Budget()
    suspend: bool = False
    origin: Origin | None = msgspec.field(default=None, name="from")


class GoalTask(TaskSpec, frozen=True, kw_only=True):
    """A task written inside a goal: a TaskSpec with a name."""

    name: str


class GoalSpec(Spec, frozen=True, kw_only=True):
    title: str
    description: str = ""
    priority: Literal["H", "M", "L"] = "M"
    product: Product | None = None
    pipeline: str = "standard"
    tasks: tuple[GoalTask, ...] = ()
    deploy: bool = False
    docs: tuple[str, ...] = ()
    follow_ups: Literal["auto", "review"] = "auto"
    deliver: Literal["merge", "branch"] = "merge"
    budget: Budget = Budget()
    suspend: bool = False


class Stage(Spec, frozen=True, kw_only=True):
    """One stage of a pipeline."""

    name: str
    title: str = "{title}"
    """of a generated task; `{title}` is the first task's; also `{PRODUCT}` (in capitals), `{stage}`, `{document}`"""
    scope: Literal["task", "goal"] = "task"
    when: Literal["always", "deploy", "docs", "risky"] = "always"
    """`docs` makes one task for each document asked for; `risky`: for tasks that the Policy's `pair` says are"""
    company: str | None = None
    """default: routed"""
    blueprint: str | None = None
    read_only: bool = False
    independent: bool = False
    """prefers another model than the one whose work it looks at, then local and cheaper ones"""


class PipelineSpec(Spec, frozen=True, kw_only=True):
    title: str = ""
    stages: tuple[Stage, ...]
    merge_after: str | None = None
    """accepted work is merged into the product when this stage passes; goal stages after it merge when they pass"""
    max_rejections: int = 2
    branch: str = "alai/{task}"
    """of the product, ours alone: what a task did is committed there"""
