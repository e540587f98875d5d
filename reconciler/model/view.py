"""What the planner sees: desired and actual side by side, already cut down to what could move."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from reconciler.model.execution import Attempt, Classification, Execution
from reconciler.model.objects import Object
from reconciler.model.refs import Ref
from reconciler.model.spec import (
    AgentSpec,
    BlueprintSpec,
    CompanySpec,
    FleetSpec,
    GoalSpec,
    LanguageSpec,
    PipelineSpec,
    PolicySpec,
    QualityGateSpec,
    RoutingSpec,
    TaskSpec,
)
from reconciler.model.vocabulary import Action, Phase, Reason


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """The objects that are few and concern all tasks. `folders`: where each one's manifest lies."""

    pipelines: Mapping[str, PipelineSpec]
    companies: Mapping[str, CompanySpec]
    agents: Mapping[str, AgentSpec]
    blueprints: Mapping[str, BlueprintSpec]
    fleet: FleetSpec
    routing: RoutingSpec | None
    policy: PolicySpec
    folders: Mapping[Ref, str]
    quality: Mapping[str, QualityGateSpec] = {}
    languages: Mapping[str, LanguageSpec] = {}


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """An execution in flight. `state`: submitted (queued or running), merging, judged, product-dirty,
    product-locked or cancelling.
    """

    execution: Execution
    state: str


class TaskState(msgspec.Struct, frozen=True, kw_only=True):
    """One task with everything that happened to it."""

    object: Object
    spec: TaskSpec
    attempts: tuple[Attempt, ...] = ()
    """those that count, oldest first"""
    altered: tuple[str, ...] = ()
    """evidence folders that no longer match their outcome commit"""
    last_number: int = 0
    """the highest attempt number ever used, reverted ones included"""
    live: Live | None = None
    classification: Classification | None = None
    """what a model said of it, at whatever generation"""

    @property
    def name(self) -> str:
        return self.object.ref.name


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """What recorded executions took; unknown costs are not in it."""

    usd: float = 0.0
    seconds: float = 0.0
    attempts: int = 0
    unknown: int = 0
    """executions whose cost is unknown"""


class GoalState(msgspec.Struct, frozen=True, kw_only=True):
    object: Object
    spec: GoalSpec
    spent_usd: float = 0.0
    """known cost of all recorded attempts of its tasks"""
    attempts: int = 0
    wall_seconds: float = 0.0
    unknown_costs: int = 0
    """recorded attempts whose cost is unknown"""

    @property
    def name(self) -> str:
        return self.object.ref.name


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Every task that is not settled, and all those they refer to (parents, children, dependencies).

    Planning a view equals planning the whole: a property test holds it.
    """

    commit: str
    config: Config
    goals: Mapping[str, GoalState]
    tasks: Mapping[str, TaskState]
    orphans: tuple[Live, ...] = ()
    """executions whose task is gone from git"""
    goals_with_tasks: frozenset[str] = frozenset()
    """names of goals that have at least one task, settled or not"""
    spent: Mapping[tuple[int, str], Spent] = {}
    """(day, company) -> what executions that ended on that day (days since 1970, UTC) took; the latest two days"""


class World(msgspec.Struct, frozen=True, kw_only=True):
    """What was observed outside git and SQLite. Empty where nobody looked: then all is taken to be well."""

    unreachable: Mapping[str, str] = {}
    """host -> one sentence"""
    missing_models: frozenset[tuple[str, str]] = frozenset()
    """(host, model)"""
    backends: Mapping[str, frozenset[str]] = {}
    """backend -> what it offers (`text`, `schema`, `tools`); a backend not named here cannot be used on this machine"""
    unasked: Mapping[str, str] = {}
    """task -> why no model is asked to classify it"""
    products: Mapping[str, str] = {}
    """product repository -> why it cannot be used, one sentence"""
    unprepared: Mapping[str, str] = {}
    """task -> why its agents cannot be given what they need, such as a skill that is nowhere, in one sentence"""
    probed: Mapping[tuple[str, str], frozenset[str]] = {}
    """(host, model) -> what it was found to offer when it was tried (`fleet --probe`); narrows what the Fleet says"""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a plan."""

    address: str
    action: Action
    reason: Reason
    message: str
    before: dict[str, object] | None = None
    after: dict[str, object] | None = None
    needs_person: bool = False
    """among the held: `apply` ends with 4"""
    due_at: float | None = None
    """Unix seconds when it is worth looking again, where that is known"""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The difference between what is asked for and what has happened, in a stable order."""

    commit: str
    changes: tuple[Change, ...] = ()
    held: tuple[Change, ...] = ()
    drift: tuple[Change, ...] = ()
    dispatch: tuple[Execution, ...] = ()
    """one for each change with action DISPATCH, in the same order"""
    create: tuple[Object, ...] = ()
    """one for each change with action CREATE"""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Where one task stands. `settled`: nothing will happen to it by itself any more and no person is needed."""

    phase: Phase
    reason: Reason
    message: str
    settled: bool
    due_at: float | None = None
