"""Fleet, Routing and Policy: which machines, which way, under which rules."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from reconciler.kinds.base import (
    COMPLEXITY,
    Absolute,
    Complexity,
    Count,
    Duration,
    HostPort,
    Identifier,
    Line,
    Money,
    Name,
    Positive,
    Shape,
    Size,
    TierNumber,
    Url,
)
from reconciler.kinds.work import DayBudget, Product
from reconciler.kinds.workforce import Capability, Heading


class HostModel(Shape):
    """A model that a host serves."""

    name: Line = Field(description="Name as the host knows it.")
    num_ctx: Positive = Field(default=8192, description="Context length, in tokens.")
    offers: list[Capability | Literal["classify"]] = Field(
        default=["text", "schema"], description="What it can do; `classify`: its labels are good enough to route by."
    )
    memory: Size | None = Field(default=None, description="Memory that it takes while it is loaded.")


class CallLimits(Shape):
    """How long one call to a model may take."""

    connect: Duration = Field(default="5s", description="Until the host answers.")
    first: Duration = Field(default="300s", description="Until the first word; a server loads the model before it.")
    silence: Duration = Field(default="120s", description="Between two words.")
    wall: Duration = Field(default="30m", description="In all.")


class Host(Shape):
    """A machine that serves models."""

    name: Identifier = Field(description="Name, unique in the fleet.")
    kind: Identifier = Field(description="What answers there, such as `ollama`.")
    url: Url | None = Field(default=None, description="Where it answers.")
    capacity: Positive = Field(default=1, description="Executions at a time.")
    memory: Size | None = Field(default=None, description="Memory for models, such as `128GiB`.")
    models: list[HostModel] = Field(default=[], description="The models that it serves.")
    limits: CallLimits = Field(default=CallLimits(), description="How long one call may take.")
    command: list[Line] = Field(
        default=[], description="Of a host that is a program on this machine: program and arguments."
    )
    mounts: list[Absolute] = Field(
        default=[], description="Of a `command` host: files and folders that its program may read, besides itself."
    )
    egress: list[HostPort] = Field(
        default=[], description="Of a `command` host: the places that it may reach; no others, and nothing by default."
    )


class Link(Shape):
    """One way to reach a model. The first reachable one of a chain is taken."""

    backend: Identifier = Field(description="How to talk to it.")
    model: Line | None = Field(default=None, description="Name of the model; none for what has no model.")
    hosts: list[Identifier] = Field(default=[], description="Names of hosts of this fleet, in order of preference.")


class Tier(Shape):
    """One rung of the ladder of models."""

    tier: TierNumber = Field(description="Its number, unique in the fleet.")
    title: Heading = Field(default="", description="What people call it.")
    chain: list[Link] = Field(default=[], description="Ways to reach a model, in order of preference.")


class FleetSpec(Shape):
    """Hosts, and the tiers of models that they serve."""

    hosts: list[Host] = Field(default=[], description="The machines.")
    tiers: list[Tier] = Field(default=[], description="The tiers.")


class Match(Shape):
    """Whole words and phrases, case and accents ignored, in title and description. `*` ends a stem: `deploy*`."""

    id: Identifier = Field(description="Identifier, unique in its list; records name it.")
    any: list[Line] = Field(default=[], description="One of these is there.")
    all: list[Annotated[list[Line], Field(min_length=1)]] = Field(default=[], description="One of each group is there.")
    none: list[Line] = Field(default=[], description="None of these is there.")


class LanguageSpec(Shape):
    """What the phrases of Routing and Policy are called in another language."""

    title: Heading = Field(default="", description="What people call it.")
    terms: dict[Line, Annotated[list[Line], Field(min_length=1)]] = Field(
        description="Phrase of a rule -> phrases that say the same. A `*` ends a word of which only the stem is given; "
        "accents and case are ignored."
    )


class RoutingRule(Match):
    """Sets any of five attributes. For each, the most specific rule that matches wins; ties: the earlier."""

    when: dict[Literal["stage", "domain", "type", "company"], Line] = Field(
        default={}, description="Attributes that must already have this value."
    )
    domain: Identifier | None = Field(default=None, description="Field of work.")
    type: Identifier | None = Field(default=None, description="Sort of work.")
    complexity: Complexity | None = Field(default=None, description="1 (trivial) to 5 (hard).")
    company: Name | None = Field(default=None, description="Name of a Company.")
    blueprint: Name | None = Field(default=None, description="Name of a Blueprint.")


class RoutingDefaults(Shape):
    """What holds where no rule says otherwise."""

    domain: Identifier = Field(description="Field of work.")
    type: Identifier = Field(description="Sort of work.")
    complexity: Complexity = Field(description="1 (trivial) to 5 (hard).")
    company: Name = Field(description="Name of a Company.")
    blueprint: Name = Field(description="Name of a Blueprint.")


class Classify(Shape):
    """Ask a model for domain, type and complexity; the rules decide where it is unsure or none answers."""

    tier: TierNumber = Field(default=1, description="Tier of the models to ask; they must offer `classify`.")
    max_tokens: Positive = Field(default=200, description="Longest answer, in tokens.")


class RoutingSpec(Shape):
    """Rules that classify a task and find who does it."""

    rules: list[RoutingRule] = Field(default=[], description="The rules.")
    default: RoutingDefaults = Field(description="What holds where no rule says otherwise.")
    classify: Classify | None = Field(default=None, description="Ask a model first. Default: the rules alone.")
    tiers: dict[Annotated[str, Field(pattern=COMPLEXITY)], TierNumber] = Field(
        default={}, description="Complexity (in quotes) -> tier. Default: the same number."
    )


class HumanRule(Match):
    """Safety rail: a task that matches goes to a person, never to a model."""

    reason: Line = Field(description="Why, in one line a person can act on.")


class Retry(Shape):
    """What happens after an attempt that failed."""

    attempts: Positive = Field(default=3, description="Attempts for one generation of a task.")
    backoff: Duration = Field(default="10s", description="Wait before the second attempt; doubles each time.")
    max_backoff: Duration = Field(default="5m", description="Longest wait.")
    split_after: Positive = Field(
        default=2, description="Executions of one task that fell silent before it is split in two."
    )


class Limits(Shape):
    """What one execution may use."""

    command: Duration = Field(default="600s", description="Longest time of one command.")
    memory: Size = Field(default="2GiB", description="Memory of one command.")
    processes: Positive = Field(default=512, description="Processes of one command.")
    output_bytes: Positive = Field(default=1_000_000, description="Output kept of one command.")
    disk: Size = Field(default="1GiB", description="Largest file that a command may write.")
    transcript_bytes: Count = Field(default=1_000_000, description="Largest transcript kept as evidence.")
    children: Count = Field(default=12, description="Generated tasks that one outcome may add.")
    depth: Count = Field(default=2, description="How deep tasks that agents propose may propose further ones.")
    stall: Duration = Field(default="15m", description="Time without any event after which an execution is ended.")


class GateRules(Shape):
    """What the built-in gates look for."""

    minimum_answer: Count = Field(default=40, description="Characters; a shorter answer of a model fails.")
    placeholders: list[Line] = Field(default=[], description="Regular expressions that unfinished text matches.")
    secrets: list[Line] = Field(default=[], description="Regular expressions of secrets, besides the built-in ones.")
    protected: list[Line] = Field(default=[], description="Globs of files whose change or deletion goes to a person.")
    protected_except: list[Identifier] = Field(default=[], description="Stages that may change protected CI files.")


class RiskRule(Match):
    """All that is said must hold."""

    when: dict[
        Literal["priority", "domain", "type", "complexity", "company"], Annotated[list[Line], Field(min_length=1)]
    ] = Field(default={}, description="Attributes that must have one of these values.")


class Pair(Shape):
    """Which work an independent verifier looks at (pipeline stages `when: risky`), and what that may cost."""

    risky: list[RiskRule] = Field(default=[], description="The work that is risky.")
    send: Literal["manual", "auto"] = Field(
        default="manual", description="`manual`: a person sends it; `auto`: at once when there is work to look at."
    )
    usd: Money = Field(default=0.25, description="Most that one verification may cost, in USD.")
    approval_usd: Money = Field(default=1.0, description="Above this, a person has to approve.")


class McpRule(Shape):
    """A server of the Model Context Protocol that companies may use."""

    server: Identifier = Field(description="Its name in `mcp.json`.")
    tools: list[Line] | None = Field(default=None, description="Names or globs of its tools; `[]`: none. Default: all.")
    network: bool = Field(
        default=False, description="Whether it may reach the internet: public addresses, by the factory's proxy."
    )
    egress: list[HostPort] = Field(
        default=[],
        description="Places as `host:port` that it may reach besides, also on this machine (`localhost:5432`).",
    )


class Outside(Shape):
    """What may be read from outside git; its digest is in the evidence."""

    skills: list[Line] = Field(default=[], description="Folders of skills, looked into after the company's own.")
    environment: list[Line] = Field(
        default=[], description="Environment variables that may name a company whose skills come next."
    )
    mcp: list[McpRule] = Field(default=[], description="MCP servers that companies may use.")


class PolicySpec(Shape):
    """Rules that hold for the whole factory."""

    product: Product | None = Field(default=None, description="The product of tasks and goals that name none.")
    product_roots: list[Line] = Field(
        default=["../products"],
        description="Folders, relative to the factory's root, under which local products must lie.",
    )
    sandbox: Literal["required", "preferred"] = Field(
        default="required", description="`required`: nothing runs without a sandbox; `preferred`: a warning."
    )
    signatures: Literal["none", "head", "every"] = Field(
        default="none",
        description="Which commits must be signed: the branch's last one, or every one since the last accepted.",
    )
    human: list[HumanRule] = Field(default=[], description="What goes to a person, never to a model.")
    retry: Retry = Field(default=Retry(), description="What happens after an attempt that failed.")
    limits: Limits = Field(default=Limits(), description="What one execution may use.")
    gates: GateRules = Field(default=GateRules(), description="What the built-in gates look for.")
    quality: Name | None = Field(default=None, description="Name of the QualityGate that work must pass.")
    knowledge: Literal["blocking", "advisory"] = Field(
        default="blocking", description="`blocking`: agents with tools ask HiveMind before they write to a product."
    )
    escalation: dict[Identifier, Positive] = Field(
        default={
            "GateFailed": 2,
            "Quality": 2,
            "NoProgress": 1,
            "FormatErrors": 1,
            "ContextOverflow": 1,
            "CapabilityMissing": 1,
        },
        description="Reason -> attempts in a row that ended with it, after which the next rung is taken.",
    )
    pair: Pair = Field(default=Pair(), description="Which work an independent verifier looks at.")
    budget: DayBudget = Field(default=DayBudget(), description="Of the whole factory within one day (UTC).")
    outside: Outside = Field(default=Outside(), description="What may be read from outside git.")
