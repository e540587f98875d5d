"""The specs of the manifest kinds as light, frozen values: what the planner, the controller and the worker read.

`kinds/` holds the same shapes as pydantic models, which validate and write the JSON Schemas; a test keeps both equal.
These decode a validated document in microseconds and cost no import time. Durations are strings such as `30s`, `6h`.
"""

from __future__ import annotations

from reconciler.model.spec.base import (
    Spec,
)
from reconciler.model.spec.machinery import (
    CallLimits,
    Classify,
    FleetSpec,
    Host,
    HostModel,
    LanguageSpec,
    Link,
    Match,
    RoutingDefaults,
    RoutingRule,
    RoutingSpec,
    Tier,
)
from reconciler.model.spec.rules import (
    GateRules,
    HumanRule,
    Limits,
    McpRule,
    Outside,
    Pair,
    PolicySpec,
    Retry,
    RiskRule,
)
from reconciler.model.spec.work import (
    Budget,
    Criterion,
    DayBudget,
    Finding,
    Fix,
    GoalSpec,
    GoalTask,
    Origin,
    Paths,
    PipelineSpec,
    Product,
    Stage,
    TaskSpec,
)
from reconciler.model.spec.workforce import (
    ALWAYS,
    AgentPhase,
    AgentSpec,
    BlueprintPhase,
    BlueprintSpec,
    Check,
    CheckName,
    CompanySpec,
    PhaseGate,
    Point,
    QualityGateSpec,
    RunPhase,
)

__all__ = [
    "ALWAYS",
    "SPECS",
    "AgentPhase",
    "AgentSpec",
    "BlueprintPhase",
    "BlueprintSpec",
    "Budget",
    "CallLimits",
    "Check",
    "CheckName",
    "Classify",
    "CompanySpec",
    "Criterion",
    "DayBudget",
    "Finding",
    "Fix",
    "FleetSpec",
    "GateRules",
    "GoalSpec",
    "GoalTask",
    "Host",
    "HostModel",
    "HumanRule",
    "LanguageSpec",
    "Limits",
    "Link",
    "Match",
    "McpRule",
    "Origin",
    "Outside",
    "Pair",
    "Paths",
    "PhaseGate",
    "PipelineSpec",
    "Point",
    "PolicySpec",
    "Product",
    "QualityGateSpec",
    "Retry",
    "RiskRule",
    "RoutingDefaults",
    "RoutingRule",
    "RoutingSpec",
    "RunPhase",
    "Spec",
    "Stage",
    "TaskSpec",
    "Tier",
    "kind_named",
]

SPECS: dict[str, type[Spec]] = {
    "Goal": GoalSpec,
    "Task": TaskSpec,
    "Pipeline": PipelineSpec,
    "Company": CompanySpec,
    "Agent": AgentSpec,
    "Blueprint": BlueprintSpec,
    "Fleet": FleetSpec,
    "Routing": RoutingSpec,
    "Policy": PolicySpec,
    "QualityGate": QualityGateSpec,
    "Language": LanguageSpec,
}


def kind_named(text: str) -> str | None:
    """The kind that a person means, in any case; None where there is no such kind."""
    return next((kind for kind in SPECS if kind.lower() == text.lower()), None)
