"""Company, Agent and Blueprint: who does the work, and how."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from reconciler.kinds.base import (
    OVERRIDE,
    Count,
    Duration,
    Identifier,
    Line,
    Name,
    Positive,
    Relative,
    Shape,
    Text,
    TierNumber,
)
from reconciler.kinds.work import Criterion, DayBudget, Fix, Paths, Severity
from reconciler.model.spec import CheckName

Capability = Literal["text", "tools", "schema"]
Heading = Annotated[str, Field(max_length=300)]


class CompanySpec(Shape):
    """A company: a soul, its agents, and what it is good at."""

    title: Line = Field(description="Name as people write it.")
    type: Heading = Field(default="", description="What sort of company it is.")
    domain: Heading = Field(default="", description="Field of work.")
    stages: list[Identifier] = Field(default=[], description="Pipeline stages that it takes.")
    soul: Relative = Field(default="CLAUDE.md", description="Path of the soul, relative to this manifest's folder.")
    agents: dict[Identifier, Name] = Field(default={}, description="Role -> name of an Agent.")
    skills: list[Name] = Field(default=[], description="Folders with a `SKILL.md` under the company's `skills/`.")
    tools: list[Line] | None = Field(
        default=None, description="Tools that its agents may use; `[]`: none. Default: no limit."
    )
    tier_overrides: dict[Identifier, TierNumber | Annotated[str, Field(pattern=OVERRIDE, max_length=200)]] = Field(
        default={}, alias="tier_overrides", description="Task type -> tier, or `backend:model` outside the tiers."
    )
    budget: DayBudget = Field(default=DayBudget(), description="Of its executions that end within one day (UTC).")
    merged_into: Name | None = Field(default=None, description="Archived: work routed here goes to that Company.")
    note: Text = Field(default="", description="Anything worth knowing about it.")


class AgentSpec(Shape):
    """One agent of a company."""

    title: Heading = Field(default="", description="What people call it.")
    company: Name | None = Field(default=None, description="Name of its Company.")
    role: Identifier = Field(
        default="builder", description="What it does in a blueprint, such as `lead` or `reviewer`."
    )
    prompt: Text = Field(default="", description="Its instructions.")
    tools: list[Line] | None = Field(
        default=None, description="Tools that it may use; `[]`: none. Default: what its `writes` needs."
    )
    paths: Paths = Field(default=Paths(), description="What it may and must not touch.")
    writes: Literal["product", "company", "nothing"] = Field(
        default="product",
        description="Where it may write: the product, its company's `state/` folder in this repository, or nowhere.",
    )


class AgentPhase(Shape):
    """A phase that a model does."""

    prompt: Text = Field(
        description="Jinja template; `task`, `company`, `product`, `findings`, `answers` and `document` are defined."
    )
    output: Literal["text", "files", "verdict"] = Field(
        default="text", description="What the model hands in; `files` and `verdict` are JSON and need `schema`."
    )
    file: Relative | None = Field(
        default=None, description="With `text`: the answer is written to this path of the product."
    )
    accept: Annotated[str, Field(min_length=1, max_length=2_000)] | None = Field(
        default=None,
        description="With `text`: a regular expression. Its first match in the answer, as one line, is what is kept; "
        "where nothing matches, the answer is no use.",
    )
    max_tokens: Positive = Field(default=1024, description="Longest answer, in tokens.")
    fallback: Text | None = Field(
        default=None, description="Used, and said so in the evidence, where the answer is no use."
    )
    max_steps: Positive = Field(default=40, description="Of a phase that needs tools: answers of the model, at most.")
    otherwise: Literal["files"] | None = Field(
        default=None,
        description="Of a phase that needs tools: a model without them hands in whole files as JSON; needs `schema`.",
    )


class PhaseGate(Shape):
    """What must be so after a phase. Exactly one of `fileExists`, `changed` and `command`."""

    id: Identifier = Field(description="Identifier, unique in the phase.")
    file_exists: Line | None = Field(default=None, description="Glob, below the product's root, that matches a file.")
    changed: Line | None = Field(default=None, description="Glob that matches a file which was changed or added.")
    command: Text | None = Field(default=None, description="Shell command that exits 0; what it writes is thrown away.")


class RunPhase(Shape):
    """A phase that a command, a template or the blueprint's own checks do. Exactly one of the three."""

    command: list[Annotated[str, Field(min_length=1, max_length=20_000)]] = Field(
        default=[], description="Program and arguments, run in the sandbox at the product's root."
    )
    template: Relative | None = Field(
        default=None, description="Folder beside the blueprint, rendered into the product."
    )
    checks: bool = Field(default=False, description="Run the blueprint's checks; each that fails becomes a finding.")
    timeout: Duration = Field(default="120s", description="Longest time that it may take.")


class BlueprintPhase(Shape):
    """One phase. Exactly one of `run` and `agent`."""

    name: Identifier = Field(description="Name, unique in the blueprint.")
    role: Identifier = Field(default="builder", description="Role of the agent that this phase belongs to.")
    needs: list[Capability] = Field(default=[], description="What the model must offer.")
    run: RunPhase | None = Field(default=None, description="Done by a command, a template or the blueprint's checks.")
    agent: AgentPhase | None = Field(default=None, description="Done by a model.")
    gates: list[PhaseGate] = Field(default=[], description="What must be so before the next phase begins.")
    retries: Count = Field(default=1, description="How often it is done again, told what its gates said.")


class Check(Shape):
    """Something that a blueprint can prove or find."""

    id: Identifier = Field(description="Stable identifier, unique in the blueprint.")
    title: Line = Field(description="What is wrong when the check fails, in one line.")
    check: Text = Field(description="Shell command that exits 0 when all is well.")
    severity: Severity = Field(default="minor", description="A `blocker` rejects the work under review.")
    detail: Text = Field(default="", description="What to do about it.")
    fix: Fix = Field(default=Fix(), description="How the fixing task is routed.")


class BlueprintSpec(Shape):
    """How a sort of work is done: phases in order, and what its result must pass."""

    title: Heading = Field(default="", description="What people call it.")
    description: Text = Field(default="", description="When to use it.")
    company: Name | None = Field(default=None, description="Name of the Company that it belongs to. Default: any.")
    extends: Name | None = Field(default=None, description="Name of the Blueprint that it adds to.")
    phases: list[BlueprintPhase] = Field(default=[], description="The phases, in order.")
    checks: list[Check] = Field(default=[], description="What a reviewing blueprint looks for.")
    gates: list[Criterion] = Field(
        default=[], description="What its result must pass, besides the task's own acceptance."
    )
    skills: list[Name] = Field(default=[], description="Skills that its agents are given.")


class Point(Shape):
    """One point of a quality gate. Exactly one of `check` and `command`."""

    id: Identifier = Field(description="Identifier, unique in the gate.")
    proves: Line = Field(description="What it proves, in one sentence.")
    severity: Literal["must", "should"] = Field(default="should", description="A `must` is never outweighed by others.")
    check: CheckName | None = Field(default=None, description="Name of a built-in check.")
    command: Text | None = Field(default=None, description="Shell command that exits 0 when all is well.")


class QualityGateSpec(Shape):
    """Points that work is judged by; it passes with enough of them, and every one that is a `must`."""

    title: Heading = Field(default="", description="What people call it.")
    threshold: Positive = Field(description="Points that must hold.")
    points: list[Point] = Field(description="The points.")
