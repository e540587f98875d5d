"""The specs of the manifest kinds as light, frozen values: what the planner, the controller and the worker read.

`kinds/` holds the same shapes as pydantic models, which validate and write the JSON Schemas; a test keeps both equal.
These decode a validated document in microseconds and cost no import time. Durations are strings such as `30s`, `6h`.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class Spec(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Base of all specs: camelCase in YAML, snake_case here, defaults left out when encoded."""


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

    allow: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()


class Budget(Spec, frozen=True, kw_only=True):
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
    relation: Literal["stage", "rework", "finding", "goal"]
    attempt: int = 0
    commit: str | None = None
    """the product commit handed on: under review, or to continue from"""
    cycle: int = 0
    findings: tuple[Finding, ...] = ()
    document: str | None = None
    """for a stage that runs once per document: which one"""


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
    when: Literal["always", "deploy", "docs"] = "always"
    """`docs` makes one task for each document asked for"""
    company: str | None = None
    """default: routed"""
    blueprint: str | None = None
    read_only: bool = False


class PipelineSpec(Spec, frozen=True, kw_only=True):
    title: str = ""
    stages: tuple[Stage, ...]
    merge_after: str | None = None
    """accepted work is merged into the product when this stage passes; goal stages after it merge when they pass"""
    max_rejections: int = 2


class CompanySpec(Spec, frozen=True, kw_only=True):
    title: str
    type: str = ""
    domain: str = ""
    stages: tuple[str, ...] = ()
    soul: str = "CLAUDE.md"
    """path of the soul, relative to the manifest's folder"""
    agents: dict[str, str] = {}
    """role -> name of an Agent"""
    skills: tuple[str, ...] = ()
    """names of folders with a SKILL.md under the company's `skills/`"""
    tools: tuple[str, ...] = ()
    tier_overrides: dict[str, int | str] = msgspec.field(default_factory=dict[str, int | str], name="tier_overrides")
    """task type -> tier, or `backend:model` outside the tiers"""
    merged_into: str | None = None
    """an archived company: work routed to it goes to that one"""
    note: str = ""


class AgentSpec(Spec, frozen=True, kw_only=True):
    title: str = ""
    company: str | None = None
    role: str = "builder"
    prompt: str = ""
    tools: tuple[str, ...] = ()
    paths: Paths = Paths()
    read_only: bool = False


class AgentPhase(Spec, frozen=True, kw_only=True):
    """A phase that a model does."""

    prompt: str
    """Jinja template; defined are task, goal, company, product, findings, document, and answers by phase"""
    output: Literal["text", "files", "verdict"] = "text"
    """`files`: JSON `{files: [{path, content}], summary}`; `verdict`: JSON `{summary, findings}`; both need `schema`"""
    file: str | None = None
    """with `text`: the answer is written to this path of the product"""
    accept: str | None = None
    """with `text`: a regular expression; its first match in the answer, as one line, is kept; none: it is no use"""
    max_tokens: int = 1024
    fallback: str | None = None
    """used, and said so in the evidence, where the answer is empty, too short or not usable; none: the phase fails"""


class RunPhase(Spec, frozen=True, kw_only=True):
    """A phase that a command, a template or the blueprint's own checks do. Exactly one of the three."""

    command: tuple[str, ...] = ()
    """argv, run in the sandbox at the product's root; `$BLUEPRINT` is the blueprint's folder, read-only"""
    template: str | None = None
    """folder beside the blueprint; its files are rendered (Jinja, names without `.j2`) into the product"""
    checks: bool = False
    """run the blueprint's checks; each that fails becomes a finding"""
    timeout: str = "120s"


class BlueprintPhase(Spec, frozen=True, kw_only=True):
    name: str
    role: str = "builder"
    needs: tuple[Literal["text", "tools", "schema"], ...] = ()
    run: RunPhase | None = None
    agent: AgentPhase | None = None


class Check(Spec, frozen=True, kw_only=True):
    """Something a blueprint can prove or find. `check` exits 0 when all is well."""

    id: str
    title: str
    check: str
    severity: Literal["blocker", "minor", "info"] = "minor"
    detail: str = ""
    fix: Fix = Fix()


class BlueprintSpec(Spec, frozen=True, kw_only=True):
    title: str = ""
    description: str = ""
    company: str | None = None
    extends: str | None = None
    phases: tuple[BlueprintPhase, ...] = ()
    checks: tuple[Check, ...] = ()
    """what a reviewing blueprint looks for (phase `run: {checks: true}`)"""
    gates: tuple[Criterion, ...] = ()
    """checks that the result of this blueprint must pass, besides the task's own acceptance"""
    skills: tuple[str, ...] = ()


class HostModel(Spec, frozen=True, kw_only=True):
    name: str
    num_ctx: int = 8192
    offers: tuple[Literal["text", "tools", "schema"], ...] = ("text", "schema")


class Host(Spec, frozen=True, kw_only=True):
    name: str
    kind: str
    url: str | None = None
    capacity: int = 1
    memory: str | None = None
    models: tuple[HostModel, ...] = ()


class Link(Spec, frozen=True, kw_only=True):
    """One way to reach a model: the first reachable one of a tier's chain is taken."""

    backend: str
    model: str | None = None
    hosts: tuple[str, ...] = ()


class Tier(Spec, frozen=True, kw_only=True):
    tier: int
    title: str = ""
    chain: tuple[Link, ...] = ()


class FleetSpec(Spec, frozen=True, kw_only=True):
    hosts: tuple[Host, ...] = ()
    tiers: tuple[Tier, ...] = ()


class Match(Spec, frozen=True, kw_only=True):
    """Whole words and phrases, case ignored, looked for in title and description."""

    id: str
    any: tuple[str, ...] = ()
    """one of these"""
    all: tuple[tuple[str, ...], ...] = ()
    """one of each group"""
    none: tuple[str, ...] = ()


class RoutingRule(Match, frozen=True, kw_only=True):
    """Sets any of five attributes. For each attribute the most specific matching rule wins; of equals the earlier."""

    when: dict[str, str] = {}
    """attributes that must already have this value: stage, domain, type, company"""
    domain: str | None = None
    type: str | None = None
    complexity: int | None = None
    company: str | None = None
    blueprint: str | None = None


class RoutingDefaults(Spec, frozen=True, kw_only=True):
    domain: str
    type: str
    complexity: int
    company: str
    blueprint: str


class RoutingSpec(Spec, frozen=True, kw_only=True):
    rules: tuple[RoutingRule, ...] = ()
    default: RoutingDefaults
    tiers: dict[str, int] = {}
    """complexity as text -> tier; default: the same number"""


class HumanRule(Match, frozen=True, kw_only=True):
    """Safety rail: a task that matches goes to a person, never to a model."""

    reason: str


class Retry(Spec, frozen=True, kw_only=True):
    attempts: int = 3
    backoff: str = "10s"
    max_backoff: str = "5m"


class Limits(Spec, frozen=True, kw_only=True):
    command: str = "600s"
    memory: str = "2GiB"
    processes: int = 512
    output_bytes: int = 1_000_000
    disk: str = "1GiB"
    transcript_bytes: int = 1_000_000
    children: int = 12
    """generated tasks that one outcome may add"""


class GateRules(Spec, frozen=True, kw_only=True):
    minimum_answer: int = 40
    """characters; a shorter answer of an agent phase fails"""
    placeholders: tuple[str, ...] = ()
    """regular expressions that unfinished text matches; looked for in what was added"""
    secrets: tuple[str, ...] = ()
    """regular expressions of secret-shaped strings, besides the built-in ones"""
    protected: tuple[str, ...] = ()
    """globs of files whose change or deletion goes to a person: tests, gates, CI"""
    protected_except: tuple[str, ...] = ()
    """stages that may change protected CI files"""


class PolicySpec(Spec, frozen=True, kw_only=True):
    branch: str = "main"
    product: Product | None = None
    """the product of tasks and goals that name none"""
    product_roots: tuple[str, ...] = ("../products",)
    """folders, relative to the factory's root, under which local products must lie"""
    sandbox: Literal["required", "preferred"] = "required"
    signatures: Literal["none", "required"] = "none"
    human: tuple[HumanRule, ...] = ()
    retry: Retry = Retry()
    limits: Limits = Limits()
    gates: GateRules = GateRules()


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
}
