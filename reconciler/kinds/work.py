"""Goal, Task and Pipeline: what is wanted, and the stages that it passes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from reconciler.kinds.base import (
    WORK_BRANCH,
    Branch,
    Complexity,
    Count,
    Duration,
    Identifier,
    Line,
    Money,
    Name,
    ObjectId,
    Positive,
    Relative,
    Shape,
    Text,
)

Priority = Literal["H", "M", "L"]
Severity = Literal["blocker", "minor", "info"]


class Product(Shape):
    """The repository that agents change."""

    repository: Line = Field(description="Path relative to the factory's root, or an https or ssh address.")
    branch: Branch = Field(default="main", description="The branch that accepted work is merged into.")
    test: Line | None = Field(
        default=None,
        description="Command that runs the product's tests. Default: `make test` where the Makefile has it.",
    )


class Criterion(Shape):
    """One acceptance criterion."""

    id: Identifier = Field(description="Short identifier, unique in its list; names the gate and its log.")
    text: Text = Field(description="What must be true of the result, in words.")
    check: Text | None = Field(
        default=None, description="Shell command, run in the sandbox at the product's root; exit 0 means fulfilled."
    )
    person: bool = Field(default=False, description="A person must confirm this one.")


class Paths(Shape):
    """Globs relative to the product's root."""

    allow: list[Relative] | None = Field(
        default=None, description="What may be changed; `[]`: nothing. Default: everything that is not forbidden."
    )
    forbid: list[Relative] = Field(default=[], description="What must not be changed, even where `allow` matches.")


class Budget(Shape):
    """Limits; a limit that is left out does not apply."""

    usd: Money | None = Field(default=None, description="Known model cost in US dollars.")
    wall: Duration | None = Field(default=None, description="Sum of the executions' times, such as `6h`.")
    attempts: Positive | None = Field(default=None, description="Executions, of all stages together.")


class DayBudget(Shape):
    """What may be spent within one day (UTC); a limit that is left out does not apply."""

    usd: Money | None = Field(default=None, description="Known model cost in US dollars.")
    wall: Duration | None = Field(default=None, description="Sum of the executions' times, such as `6h`.")
    attempts: Positive | None = Field(default=None, description="Executions.")


class Fix(Shape):
    """How a finding is routed when it becomes a task. What is left out is classified from its title."""

    domain: Identifier | None = Field(default=None, description="Field of work, such as `backend`.")
    type: Identifier | None = Field(default=None, description="Sort of work, such as `feature` or `bugfix`.")
    complexity: Complexity | None = Field(default=None, description="1 (trivial) to 5 (hard).")
    company: Name | None = Field(default=None, description="Name of the Company that does it.")
    blueprint: Name | None = Field(default=None, description="Name of the Blueprint that it follows.")


class Finding(Shape):
    """What a reviewing stage found."""

    id: Identifier = Field(description="Stable identifier: with the product it names the task that fixes it.")
    title: Line = Field(description="What is wrong, in one line.")
    severity: Severity = Field(default="minor", description="A `blocker` rejects the work under review.")
    detail: Text = Field(default="", description="What was seen, and where.")
    check: Text | None = Field(default=None, description="Shell command that passes once the finding is fixed.")
    fix: Fix = Field(default=Fix(), description="How the fixing task is routed.")


class Origin(Shape):
    """Where a generated task came from. Written by the controller."""

    task: Name = Field(description="Name of the task that this one follows from.")
    relation: Literal["stage", "rework", "finding", "goal", "split", "proposed"] = Field(description="How it follows.")
    attempt: Count = Field(default=0, description="The attempt whose outcome caused it.")
    commit: ObjectId | None = Field(default=None, description="Product commit under review, or to continue from.")
    cycle: Count = Field(default=0, description="How often the work was rejected so far.")
    findings: list[Finding] = Field(default=[], description="What this task must put right.")
    document: Identifier | None = Field(
        default=None, description="The document, for a stage that runs once per document."
    )
    depth: Count = Field(default=0, description="Of a proposed task: how many proposals lead to it.")


class TaskSpec(Shape):
    """One piece of work at one stage."""

    title: Line = Field(description="What is to be done, in one line. The only required key.")
    description: Text = Field(default="", description="What a colleague would need to know to do it.")
    goal: Name | None = Field(default=None, description="Name of the Goal that this task serves.")
    priority: Priority | None = Field(default=None, description="H, M or L. Default: the goal's, else M.")
    pipeline: Name | None = Field(default=None, description="Name of the Pipeline. Default: the goal's.")
    stage: Identifier | None = Field(default=None, description="Stage of the pipeline. Default: its first.")
    product: Product | None = Field(default=None, description="The repository to change. Default: the goal's.")
    domain: Identifier | None = Field(default=None, description="Field of work. Default: classified from the title.")
    type: Identifier | None = Field(default=None, description="Sort of work. Default: classified from the title.")
    complexity: Complexity | None = Field(default=None, description="1 (trivial) to 5 (hard). Default: classified.")
    company: Name | None = Field(default=None, description="Name of the Company that does it. Default: routed.")
    blueprint: Name | None = Field(default=None, description="Name of the Blueprint that it follows. Default: routed.")
    acceptance: list[Criterion] = Field(default=[], description="When the work counts as done.")
    depends_on: list[Name] = Field(
        default=[], description="Full names of Tasks that must be finished and merged first."
    )
    deploy: bool = Field(default=False, description="Ask for the stages that run `when: deploy`.")
    docs: list[Identifier] = Field(default=[], description="Documents asked for, one task each.")
    paths: Paths = Field(default=Paths(), description="What the work may and must not touch.")
    budget: Budget = Field(default=Budget(), description="Limits of money, time and attempts.")
    suspend: bool = Field(default=False, description="Hold this task until it is resumed.")
    origin: Origin | None = Field(
        default=None, alias="from", description="Written by the controller on generated tasks."
    )


class GoalTask(TaskSpec):
    """A task written inside its goal. It becomes Task/<goal>-<name>."""

    name: Name = Field(description="Short name, unique in the goal; the task is called `<goal>-<name>`.")


class GoalSpec(Shape):
    """What a person wants."""

    title: Line = Field(description="What is wanted, in one line. The only required key.")
    description: Text = Field(default="", description="What the people and models who work on it should know.")
    priority: Priority = Field(default="M", description="H, M or L.")
    product: Product | None = Field(default=None, description="The repository that the goal's tasks change.")
    pipeline: Name = Field(default="standard", description="Name of the Pipeline that the goal's tasks pass.")
    tasks: list[GoalTask] = Field(default=[], description="First tasks of the goal.")
    deploy: bool = Field(default=False, description="Ask for the stages that run `when: deploy`.")
    docs: list[Identifier] = Field(default=[], description="Documents asked for, one task each.")
    follow_ups: Literal["auto", "review"] = Field(default="auto", description="Who admits generated tasks.")
    deliver: Literal["merge", "branch"] = Field(
        default="merge", description="What becomes of accepted work in the product."
    )
    budget: Budget = Field(default=Budget(), description="Limits for all tasks of the goal together.")
    suspend: bool = Field(default=False, description="Hold all tasks of the goal until it is resumed.")


class Stage(Shape):
    """One stage of a pipeline."""

    name: Identifier = Field(description="Name, such as `BUILD`; unique in the pipeline.")
    title: Line = Field(
        default="{title}",
        description="Title of a generated task; it may use `{title}`, `{PRODUCT}`, `{stage}`, `{document}`.",
    )
    scope: Literal["task", "goal"] = Field(
        default="task", description="`task`: follows each task; `goal`: once for a goal."
    )
    when: Literal["always", "deploy", "docs", "risky"] = Field(
        default="always",
        description="`deploy`: where asked for; `docs`: one task for each document asked for; `risky`: for work that "
        "the Policy's `pair` says is.",
    )
    company: Name | None = Field(default=None, description="Name of the Company. Default: routed.")
    blueprint: Name | None = Field(default=None, description="Name of the Blueprint. Default: routed.")
    read_only: bool = Field(default=False, description="This stage must not change the product.")
    independent: bool = Field(
        default=False, description="Prefers another model than the one whose work it looks at, and a cheap one."
    )


class PipelineSpec(Shape):
    """The stages that work passes, in order."""

    title: Annotated[str, Field(max_length=300)] = Field(default="", description="What the pipeline is for.")
    stages: Annotated[list[Stage], Field(min_length=1)] = Field(description="The stages, in order.")
    merge_after: Identifier | None = Field(
        default=None, description="Accepted work is merged into the product when this stage passes."
    )
    max_rejections: Count = Field(default=2, description="Rejections before the work goes to a person.")
    branch: Annotated[str, Field(pattern=WORK_BRANCH, max_length=100)] = Field(
        default="alai/{task}", description="Branch of the product, the factory's alone, that a task's work is put on."
    )
