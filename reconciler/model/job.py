"""What the controller sends to a worker: a brief that needs no other source than the product and HiveMind."""

from __future__ import annotations

from typing import Literal

from reconciler.model.execution import Execution, GateReport, Report, Value
from reconciler.model.spec import BlueprintSpec, CallLimits, Criterion, Finding, Paths, PolicySpec, QualityGateSpec


class AgentBrief(Value, frozen=True, kw_only=True):
    name: str
    role: str
    prompt: str
    paths: Paths = Paths()
    writes: Literal["product", "company", "nothing"] = "product"
    tools: tuple[str, ...] | None = None
    """those it may use; None: what its way of writing needs"""


class SkillBrief(Value, frozen=True, kw_only=True):
    name: str
    text: str
    sha256: str
    source: str = ""
    """where it was found: `companies/codecraft`, `~/.claude/skills`, ..."""
    description: str = ""
    """its front matter's; the text is given at once where this is empty, else on demand"""


class McpBrief(Value, frozen=True, kw_only=True):
    """A server of the Model Context Protocol that the agent may use: allowed, base and company merged."""

    name: str
    command: tuple[str, ...]
    env: dict[str, str]
    tools: tuple[str, ...] | None
    """globs of allowed tools; None: all"""
    network: bool
    sha256: str
    """of its configuration"""
    egress: tuple[str, ...] = ()


class SessionBrief(Value, frozen=True, kw_only=True):
    """What another execution of the same work reported."""

    task: str
    attempt: int
    stage: str
    outcome: str
    report: Report
    evidence: str
    """its folder in the factory repository"""


class PreparedQA(Value, frozen=True, kw_only=True):
    """What is known about work that is to be judged, before its judge begins."""

    stage: str
    attempt: int
    commit: str | None
    points: tuple[int, int] | None
    """of the quality gate: how many held, of how many"""
    gates: tuple[GateReport, ...]
    files: tuple[str, ...]
    """changed paths, quoted where they are not plain, each with `added`, `changed` or `removed` before it"""
    tails: dict[str, str]
    """gate -> the last lines of its log"""


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
    limits: CallLimits = CallLimits()
    command: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()
    egress: tuple[str, ...] = ()
    outside: bool = False
    """a person of this machine lets the command run with their own rights, outside of the sandbox"""


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
    tools: tuple[str, ...] | None = None
    """what the company allows to all, also where a role is nobody's; None: no limit"""
    skills: tuple[SkillBrief, ...]
    blueprint: BlueprintSpec
    blueprint_folder: str
    """the blueprint's folder in the factory repository, for its templates and scripts"""
    product: ProductBrief | None
    model: ModelBrief
    paths: Paths
    read_only: bool
    policy: PolicySpec
    branch: str
    """of the product, that the work is put on"""
    quality: QualityGateSpec | None = None
    sessions: tuple[SessionBrief, ...] = ()
    """what agents did on this work before, oldest first"""
    prepared: PreparedQA | None = None
    """of a stage that judges: what the gates said of the work before it"""
    mcp: tuple[McpBrief, ...] = ()
    company_folder: str = ""
    """of the company in the factory repository; its `state/` lies below"""
    budget_usd: float | None = None
    """what may still be spent on this execution; None: no limit"""
    depth: int = 0
    """of a proposed task: how many proposals lead to it"""
    pairing: str = ""
    """of risky work: what builder and verifier are told about each other"""

    @property
    def notes_folder(self) -> str:
        """Where the company's agents leave notes, in the factory repository."""
        return f"{self.company_folder or f'companies/{self.execution.company}'}/state"


class ClassifyBrief(Value, frozen=True, kw_only=True):
    """Ask a model what sort of task this is. The lists are all that it may answer with."""

    execution: Execution
    factory_commit: str
    title: str
    description: str
    domains: tuple[str, ...]
    types: tuple[str, ...]
    max_tokens: int
    model: ModelBrief


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


class ClassifyJob(Job, frozen=True, kw_only=True, tag="classify"):
    brief: ClassifyBrief


class MergeJob(Job, frozen=True, kw_only=True, tag="merge"):
    brief: MergeBrief
