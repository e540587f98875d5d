"""Companies, their agents, how they work, and what work must pass."""

from __future__ import annotations

from typing import Literal

import msgspec

from reconciler.model.spec.base import Spec
from reconciler.model.spec.work import Criterion, DayBudget, Fix, Paths


class CompanySpec(Spec, frozen=True, kw_only=True):
    title: str
    type: str = ""
    domain: str = ""
    stages: tuple[str, ...] = ()
    soul: str = "CLAUDE.md"
    """path of the soul, relative to the manifest's folder"""
    agents: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    """role -> name of an Agent"""
    skills: tuple[str, ...] = ()
    """names of folders with a SKILL.md under the company's `skills/`"""
    tools: tuple[str, ...] | None = None
    """None: no limit"""
    tier_overrides: dict[str, int | str] = msgspec.field(default_factory=dict[str, int | str], name="tier_overrides")
    """task type -> tier, or `backend:model` outside the tiers"""
    budget: DayBudget = DayBudget()
    """of all its executions that end within one day (UTC)"""
    merged_into: str | None = None
    """an archived company: work routed to it goes to that one"""
    note: str = ""


class AgentSpec(Spec, frozen=True, kw_only=True):
    title: str = ""
    company: str | None = None
    role: str = "builder"
    prompt: str = ""
    tools: tuple[str, ...] | None = None
    """of those that its company allows; None: what its way of writing needs"""
    paths: Paths = Paths()
    writes: Literal["product", "company", "nothing"] = "product"
    """`company`: only below its company's `state/` in the factory repository; commands see the product read-only"""


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
    max_steps: int = 40
    """of a phase that needs tools: answers of the model, at most"""
    otherwise: Literal["files"] | None = None
    """of a phase that needs tools: a model without them may hand in whole files as JSON instead; it needs `schema`"""


class PhaseGate(Spec, frozen=True, kw_only=True):
    """What must be so after a phase, before the next one begins. Exactly one of the three."""

    id: str
    file_exists: str | None = None
    """a glob below the product's root that matches a file"""
    changed: str | None = None
    """a glob that matches a file which differs from the commit that the work began from"""
    command: str | None = None
    """a shell command that exits 0, in the sandbox at the product's root; what it writes is thrown away"""


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
    gates: tuple[PhaseGate, ...] = ()
    retries: int = 1
    """how often the phase is done again, told what its gates said, before the attempt ends"""


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


CheckName = Literal[
    "paths", "protected", "secrets", "placeholder", "answer-length", "acceptance", "blueprint", "tests",
    "conflict-markers", "syntax", "skipped-tests", "source-tested", "debug-leftovers", "files", "dependencies",
    "reviewable", "links", "knowledge", "decisions",
]  # fmt: skip
"""the built-in checks"""
ALWAYS: tuple[CheckName, ...] = (
    "paths", "protected", "secrets", "placeholder", "answer-length", "acceptance", "blueprint", "tests",
)  # fmt: skip
"""checks that all work must pass, whatever a quality gate says"""


class Point(Spec, frozen=True, kw_only=True):
    """One point of a quality gate. Exactly one of `check` and `command`."""

    id: str
    proves: str
    """in one sentence"""
    severity: Literal["must", "should"] = "should"
    check: CheckName | None = None
    """name of a built-in check"""
    command: str | None = None
    """shell command that exits 0 when all is well, in the sandbox on a clean checkout"""


class QualityGateSpec(Spec, frozen=True, kw_only=True):
    """Work passes with at least `threshold` of the points, and every one that is a `must`."""

    title: str = ""
    threshold: int
    points: tuple[Point, ...]
