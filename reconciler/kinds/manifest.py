"""The ten kinds as whole documents: apiVersion, kind, metadata, spec."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from reconciler.kinds.base import Key, Name, Shape
from reconciler.kinds.machinery import FleetSpec, LanguageSpec, PolicySpec, RoutingSpec
from reconciler.kinds.work import GoalSpec, PipelineSpec, TaskSpec
from reconciler.kinds.workforce import AgentSpec, BlueprintSpec, CompanySpec, QualityGateSpec


class Metadata(Shape):
    """What identifies an object."""

    name: Name = Field(description="Name, unique among objects of this kind.")
    labels: dict[Key, Annotated[str, Field(max_length=200)]] = Field({}, description="For people to select by.")
    annotations: dict[Key, Annotated[str, Field(max_length=5_000)]] = Field({}, description="Notes, also the tool's.")


class Manifest(Shape):
    """Base of all kinds. Each adds `kind` and `spec`."""

    api_version: Literal["alai.dev/v1"] = Field(description="Always `alai.dev/v1`.")
    metadata: Metadata = Field(description="Name, labels and annotations.")


class Goal(Manifest):
    """What a person wants: a goal, with its first tasks."""

    kind: Literal["Goal"] = Field(description="Always `Goal`.")
    spec: GoalSpec = Field(description="What is wanted.")


class Task(Manifest):
    """One piece of work at one stage."""

    kind: Literal["Task"] = Field(description="Always `Task`.")
    spec: TaskSpec = Field(description="What is to be done.")


class Pipeline(Manifest):
    """The stages that work passes."""

    kind: Literal["Pipeline"] = Field(description="Always `Pipeline`.")
    spec: PipelineSpec = Field(description="The stages.")


class Company(Manifest):
    """Who does the work."""

    kind: Literal["Company"] = Field(description="Always `Company`.")
    spec: CompanySpec = Field(description="What the company is.")


class Agent(Manifest):
    """One agent of a company."""

    kind: Literal["Agent"] = Field(description="Always `Agent`.")
    spec: AgentSpec = Field(description="What the agent does.")


class Blueprint(Manifest):
    """How a sort of work is done."""

    kind: Literal["Blueprint"] = Field(description="Always `Blueprint`.")
    spec: BlueprintSpec = Field(description="Phases, checks and gates.")


class Fleet(Manifest):
    """The machines that serve models."""

    kind: Literal["Fleet"] = Field(description="Always `Fleet`.")
    spec: FleetSpec = Field(description="Hosts and tiers.")


class Routing(Manifest):
    """Rules that classify a task and find who does it."""

    kind: Literal["Routing"] = Field(description="Always `Routing`.")
    spec: RoutingSpec = Field(description="Rules and defaults.")


class Policy(Manifest):
    """Rules that hold for the whole factory."""

    kind: Literal["Policy"] = Field(description="Always `Policy`.")
    spec: PolicySpec = Field(description="The rules.")


class QualityGate(Manifest):
    """Points that work is judged by."""

    kind: Literal["QualityGate"] = Field(description="Always `QualityGate`.")
    spec: QualityGateSpec = Field(description="The points.")


class Language(Manifest):
    """The words of a language."""

    kind: Literal["Language"] = Field(description="Always `Language`.")
    spec: LanguageSpec = Field(description="The words.")


KINDS: dict[str, type[Manifest]] = {
    "Goal": Goal,
    "Task": Task,
    "Pipeline": Pipeline,
    "Company": Company,
    "Agent": Agent,
    "Blueprint": Blueprint,
    "Fleet": Fleet,
    "Routing": Routing,
    "Policy": Policy,
    "QualityGate": QualityGate,
    "Language": Language,
}

Anything = Annotated[
    Goal | Task | Pipeline | Company | Agent | Blueprint | Fleet | Routing | Policy | QualityGate | Language,
    Field(discriminator="kind"),
]
"""Any of them, told apart by `kind`."""
