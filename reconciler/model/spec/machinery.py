"""The Fleet, and the rules that find a way through it."""

from __future__ import annotations

from typing import Literal

import msgspec

from reconciler.model.spec.base import Spec

MODEL_BACKENDS = (
    *("ollama-tool", "ollama-simple", "llama-tool", "llama-server"),
    *("embedded", "claude-cli", "command"),
)
"""the ways to reach a model"""
BACKENDS = (*MODEL_BACKENDS, "human-queue")
"""all that a link of the Fleet may name: a person is one too"""

HOST_KINDS = {
    "ollama": ("ollama-tool", "ollama-simple"),
    "llama-server": ("llama-tool", "llama-server"),
    "claude-cli": ("claude-cli",),
    "embedded": ("embedded",),
    "command": ("command",),
}
"""what answers at a host -> the backends that can talk to it"""
HOST_KEYS = {
    "url": ("ollama", "llama-server"),
    "command": ("claude-cli", "command"),
    "mounts": ("command",),
    "egress": ("command",),
}
"""key of a host -> the kinds that it means something to"""


class HostModel(Spec, frozen=True, kw_only=True):
    name: str
    num_ctx: int = 8192
    """always sent: a server that gets another number loads the model anew"""
    offers: tuple[Literal["text", "tools", "schema", "classify"], ...] = ("text", "schema")
    """`classify`: its labels are good enough to route tasks by"""
    memory: str | None = None
    """that it takes on its host while it is loaded"""


class CallLimits(Spec, frozen=True, kw_only=True):
    """How long one call to a model may take."""

    connect: str = "5s"
    first: str = "300s"
    """until the first word: a server loads the model before it"""
    silence: str = "120s"
    """between two words"""
    wall: str = "30m"


class Host(Spec, frozen=True, kw_only=True):
    name: str
    kind: str
    url: str | None = None
    capacity: int = 1
    memory: str | None = None
    """for models: those that run at the same time never need more together"""
    models: tuple[HostModel, ...] = ()
    limits: CallLimits = CallLimits()
    command: tuple[str, ...] = ()
    """of hosts that are a program on this machine: its argv; default: the kind's own"""
    mounts: tuple[str, ...] = ()
    """of a `command` host: absolute paths that its program may read, besides itself"""
    egress: tuple[str, ...] = ()
    """of a `command` host: `name:port` of the places that its program may reach"""


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
    """Whole words and phrases, case and accents ignored, in title and description. `*` ends a stem: `deploy*`."""

    id: str
    any: tuple[str, ...] = ()
    """one of these"""
    all: tuple[tuple[str, ...], ...] = ()
    """one of each group"""
    none: tuple[str, ...] = ()


class LanguageSpec(Spec, frozen=True, kw_only=True):
    """What the phrases of all rules are called in another language."""

    title: str = ""
    terms: dict[str, tuple[str, ...]]
    """phrase of a rule -> phrases that say the same; a `*` ends a word of which only the stem is given"""


class RoutingRule(Match, frozen=True, kw_only=True):
    """Sets any of five attributes. For each attribute the most specific matching rule wins; of equals the earlier."""

    when: dict[str, str] = msgspec.field(default_factory=dict[str, str])
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


class Classify(Spec, frozen=True, kw_only=True):
    """Ask a model for domain, type and complexity of a task; the rules decide where it is unsure or none answers."""

    tier: int = 1
    max_tokens: int = 200


class RoutingSpec(Spec, frozen=True, kw_only=True):
    rules: tuple[RoutingRule, ...] = ()
    default: RoutingDefaults
    classify: Classify | None = None
    """by a model of this tier that offers `classify`, where one can be reached; none: by the rules alone"""
    tiers: dict[str, int] = msgspec.field(default_factory=dict[str, int])
    """complexity as text -> tier; default: the same number"""
