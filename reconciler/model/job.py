"""What the controller sends to a worker: a brief that needs no other source than the product and HiveMind."""

from __future__ import annotations

from reconciler.model.execution import Execution, Value
from reconciler.model.spec import BlueprintSpec, Criterion, Finding, Paths, PolicySpec


class AgentBrief(Value, frozen=True, kw_only=True):
    name: str
    role: str
    prompt: str
    paths: Paths = Paths()
    read_only: bool = False


class SkillBrief(Value, frozen=True, kw_only=True):
    name: str
    text: str
    sha256: str


class ProductBrief(Value, frozen=True, kw_only=True):
    """Where the work happens. `path` is absolute (or a URL); `start` is the commit that the work begins from."""

    path: str
    branch: str
    tip: str
    """the product branch's commit when the job was made; gates' definitions and base tests come from here"""
    start: str
    test: str | None = None


class ModelBrief(Value, frozen=True, kw_only=True):
    """Which model to talk to, and how."""

    backend: str
    name: str | None
    host: str
    url: str | None
    num_ctx: int
    offers: tuple[str, ...]


class Brief(Value, frozen=True, kw_only=True):
    """All that an attempt needs, resolved at the trusted factory commit."""

    execution: Execution
    factory: str
    """absolute path of the factory repository"""
    factory_commit: str
    title: str
    description: str
    goal_title: str
    goal_description: str
    labels: dict[str, str]
    type: str
    domain: str
    acceptance: tuple[Criterion, ...]
    findings: tuple[Finding, ...]
    previous: str
    """the previous stage's report, as Markdown; empty for none"""
    document: str | None
    company_title: str
    soul: str
    agents: dict[str, AgentBrief]
    """by role"""
    skills: tuple[SkillBrief, ...]
    blueprint: BlueprintSpec
    blueprint_folder: str
    """the blueprint's folder in the factory repository, for its templates and scripts"""
    product: ProductBrief | None
    model: ModelBrief
    paths: Paths
    read_only: bool
    policy: PolicySpec


class MergeBrief(Value, frozen=True, kw_only=True):
    """Merge `commit` into the product's branch at `product.tip`, and run the gates on the result."""

    execution: Execution
    factory: str
    title: str
    commit: str
    product: ProductBrief
    acceptance: tuple[Criterion, ...]
    policy: PolicySpec


class Job(Value, frozen=True, kw_only=True, tag_field="job"):
    """Base of what a queue carries. `id` is unique for all time: submitting it twice runs it once."""

    id: str


class AttemptJob(Job, frozen=True, kw_only=True, tag="attempt"):
    brief: Brief


class MergeJob(Job, frozen=True, kw_only=True, tag="merge"):
    brief: MergeBrief
