"""The Policy: what no agent may decide, and the limits that hold for every execution."""

from __future__ import annotations

from typing import Literal

import msgspec

from reconciler.model.spec.base import Spec
from reconciler.model.spec.machinery import Match
from reconciler.model.spec.work import DayBudget, Product


class HumanRule(Match, frozen=True, kw_only=True):
    """Safety rail: a task that matches goes to a person, never to a model."""

    reason: str


class Retry(Spec, frozen=True, kw_only=True):
    attempts: int = 3
    backoff: str = "10s"
    max_backoff: str = "5m"
    split_after: int = 2
    """executions of one task that fell silent before it is split in two, where it has criteria to split"""


class Limits(Spec, frozen=True, kw_only=True):
    command: str = "600s"
    memory: str = "2GiB"
    processes: int = 512
    output_bytes: int = 1_000_000
    disk: str = "1GiB"
    transcript_bytes: int = 1_000_000
    children: int = 12
    """generated tasks that one outcome may add"""
    depth: int = 2
    """of tasks that agents propose: how deep proposals of proposals go"""
    stall: str = "15m"
    """without any event: then an execution is ended"""


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


class RiskRule(Match, frozen=True, kw_only=True):
    """All that is said must hold; words are looked for in title and description."""

    when: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict[str, tuple[str, ...]])
    """attribute (priority, domain, type, complexity, company) -> one of these values"""


class Pair(Spec, frozen=True, kw_only=True):
    """Which work an independent verifier looks at before the pipeline goes on (pipeline stages `when: risky`)."""

    risky: tuple[RiskRule, ...] = ()
    send: Literal["manual", "auto"] = "manual"
    """`manual`: the verifier's task waits until a person resumes it; `auto`: it starts once there is work to look at"""
    usd: float = 0.25
    """most that one verification may cost"""
    approval_usd: float = 1.0
    """above this a person has to approve"""


class McpRule(Spec, frozen=True, kw_only=True):
    """A server of the Model Context Protocol that companies may use, and which of its tools."""

    server: str
    tools: tuple[str, ...] | None = None
    """names or globs; None: all that it has"""
    network: bool = False
    """the internet, by our proxy"""
    egress: tuple[str, ...] = ()
    """`host:port` that it may reach besides, on this machine or in its network"""


class Outside(Spec, frozen=True, kw_only=True):
    """What may be read from outside git. Its digest is in the evidence."""

    skills: tuple[str, ...] = ()
    """folders of skills, after the company's own, in this order; `~` is the user's home"""
    environment: tuple[str, ...] = ()
    """environment variables that may name a company whose skills and tools come next after the own ones"""
    mcp: tuple[McpRule, ...] = ()


DEFAULT_ESCALATION = {
    "GateFailed": 2,
    "Quality": 2,
    "NoProgress": 1,
    "FormatErrors": 1,
    "ContextOverflow": 1,
    "CapabilityMissing": 1,
}


class PolicySpec(Spec, frozen=True, kw_only=True):
    product: Product | None = None
    """the product of tasks and goals that name none"""
    product_roots: tuple[str, ...] = ("../products",)
    """folders, relative to the factory's root, under which local products must lie"""
    sandbox: Literal["required", "preferred"] = "required"
    signatures: Literal["none", "head", "every"] = "none"
    human: tuple[HumanRule, ...] = ()
    retry: Retry = Retry()
    limits: Limits = Limits()
    gates: GateRules = GateRules()
    quality: str | None = None
    """name of the QualityGate that work on a product must pass"""
    knowledge: Literal["blocking", "advisory"] = "blocking"
    """`blocking`: an agent with tools asks HiveMind before it writes to a product"""
    escalation: dict[str, int] = msgspec.field(default_factory=lambda: dict(DEFAULT_ESCALATION))
    """reason -> attempts in a row that ended with it on one rung, after which the next one is taken"""
    pair: Pair = Pair()
    budget: DayBudget = DayBudget()
    """of the whole factory within one day (UTC)"""
    outside: Outside = Outside()
