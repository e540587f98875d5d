"""An execution and what came of it: the values that pass between controller, worker and git.

All times are Unix seconds (UTC). Unknown cost or tokens are None, never 0.
"""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

from reconciler.model.spec import Finding
from reconciler.model.vocabulary import GateResult, Reason, Verdict


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the values that are written as JSON: snake_case keys, everything spelled out."""


def json_file(value: msgspec.Struct) -> bytes:
    """A value as it is written to a file for people: indented, with an end of line."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


class Execution(Value, frozen=True, kw_only=True):
    """One attempt at one stage of one task: the intent that is stored before anything starts."""

    id: str
    task: str
    goal: str | None
    generation: str
    stage: str
    attempt: int
    company: str
    blueprint: str
    tier: int
    backend: str
    model: str | None
    host: str
    priority: int
    """1 runs first"""
    created_at: float
    purpose: Literal["attempt", "classify"] = "attempt"
    """`classify` has attempt 0 and no outcome: it only finds out how to route the task"""
    escalation: str = ""
    """why this is not the rung that the task would begin on, in one sentence"""
    thread: str | None = None
    """of risky work: the thread that builder and verifier share"""


def execution_id(task: str, generation: str, stage: str, attempt: int) -> str:
    """The deterministic id: the same attempt at the same thing has the same id, on every machine."""
    digest = hashlib.sha256(f"{task}\0{generation}\0{stage}\0{attempt}".encode()).hexdigest()
    return f"{task}.{attempt}.{digest[:12]}"


class GateReport(Value, frozen=True, kw_only=True):
    """One gate's result. `log` is a path below the evidence folder."""

    id: str
    result: GateResult
    seconds: float = 0.0
    message: str = ""
    log: str | None = None
    severity: Literal["must", "should"] = "must"
    """a `should` that fails only costs its point"""
    proves: bool = False
    """a pass shows something about this very work (acceptance, tests, blueprint gates)"""
    point: str = ""
    """of the quality gate: the point that this counts for, empty for none"""


class PhaseReport(Value, frozen=True, kw_only=True):
    """What one blueprint phase did. `by` is `command`, `template`, `checks`, `model` or `fallback`."""

    name: str
    role: str
    by: str
    agent: str | None = None
    seconds: float = 0.0
    tokens: int | None = None
    files: tuple[str, ...] = ()
    note: str = ""
    steps: int | None = None
    """answers of the model, where it worked with tools"""
    ended: str = ""
    """how a conversation with tools ended: a name of `Reason`"""


MOST_REFUSALS = 100
"""that one execution's evidence lists; more are only counted"""


class Refusal(Value, frozen=True, kw_only=True):
    """Something that an agent asked for and did not get."""

    phase: str
    role: str
    tool: str
    what: str
    """path, command or name, in one line"""
    why: str


class Proposal(Value, frozen=True, kw_only=True):
    """A task that an agent proposes. The controller decides what becomes of it."""

    name: str
    title: str
    description: str = ""
    acceptance: tuple[str, ...] = ()
    """sentences: only a person says which command proves that work is done"""
    depends_on: tuple[str, ...] = ()
    """names of other proposals of the same list"""


MOST_NOTES = 20
"""that one execution may leave"""
NOTE_BYTES = 64 * 1024
"""of one note"""


class StateFile(Value, frozen=True, kw_only=True):
    """A note that an agent leaves below its company's `state/`. `path` is relative to that folder."""

    path: str
    text: str


class Input(Value, frozen=True, kw_only=True):
    """Something that the agent was given, such as a skill: where it was found, and its digest."""

    kind: str
    name: str
    source: str
    sha256: str


class Classification(Value, frozen=True, kw_only=True):
    """`classification.json`: what a model said of a task. Counts for one generation, and only where it was sure."""

    execution: str
    object: str
    generation: str
    sure: bool
    domain: str | None
    type: str | None
    complexity: int | None
    sensitive: Literal["yes", "no", "unsure"] | None
    """whether it belongs to people; None where nothing that can be used was said"""
    why: str
    tier: int
    backend: str
    model: str | None
    host: str
    prompt_sha256: str | None
    factory_commit: str
    tokens: int | None
    cost_usd: float | None
    started_at: float
    ended_at: float


class Report(Value, frozen=True, kw_only=True):
    """`report.json`: what the next agent and the next person read first. Keys as in the seeds' session workspace."""

    agent_type: str
    company: str
    task_summary: str
    files_written: tuple[str, ...] = ()
    key_decisions: tuple[str, ...] = ()
    blockers: tuple[str, ...] = ()
    verification: tuple[str, ...] = ()


class FileDigest(Value, frozen=True, kw_only=True):
    """A file of the evidence folder. `path` is relative to it; `size` in bytes."""

    path: str
    sha256: str
    size: int


class Result(Value, frozen=True, kw_only=True):
    """What a worker hands back. It claims nothing: the controller computes the verdict (`plan.verdict`)."""

    execution: str
    ended: Verdict
    """how the phases ended: PASSED (all ran), FAILED, ERROR, NEEDS_HUMAN or CANCELLED; gates are not part of it"""
    reason: Reason
    message: str = ""
    phases: tuple[PhaseReport, ...] = ()
    gates: tuple[GateReport, ...] = ()
    findings: tuple[Finding, ...] = ()
    report: Report
    base_commit: str | None = None
    product_commit: str | None = None
    """the commit that holds the work; equals the start commit where nothing was changed"""
    started_at: float
    ended_at: float
    tokens: int | None = None
    cost_usd: float | None = None
    prompt_sha256: str | None = None
    files: tuple[FileDigest, ...] = ()
    """the evidence files the worker left in its run folder, `evidence.json` not among them"""
    knowledge: str = ""
    """body of the knowledge entry (Markdown), empty for none"""
    sandbox: str = ""
    """`bubblewrap 0.11`, `none (preferred)`, ..."""
    refusals: tuple[Refusal, ...] = ()
    more_refusals: int = 0
    """that are not listed"""
    proposals: tuple[Proposal, ...] = ()
    state_files: tuple[StateFile, ...] = ()
    inputs: tuple[Input, ...] = ()
    left_out: str = ""
    """what the transcript was, where it is over the Policy's limit and was not kept"""


class MergeResult(Value, frozen=True, kw_only=True):
    """What came of trying to merge accepted work on a worker; the controller moves the branch."""

    execution: str
    state: str
    """`merged` (a merge commit is ready, or the work is already in), `conflict`, `gates-failed`, `error`"""
    target: str
    """the branch tip that it was computed for"""
    commit: str | None = None
    conflicts: tuple[str, ...] = ()
    gates: tuple[GateReport, ...] = ()
    message: str = ""


class Evidence(Value, frozen=True, kw_only=True):
    """`evidence.json`, key for key."""

    execution: str
    object: str
    goal: str | None
    generation: str
    stage: str
    attempt: int
    outcome: Verdict
    reason: Reason
    message: str
    company: str
    agent: str
    blueprint: str
    tier: int | None
    backend: str | None
    model: str | None
    host: str | None
    prompt_sha256: str | None
    factory_commit: str
    """the trusted commit that soul, blueprint, skills and gates were read from"""
    base_commit: str | None
    product_commit: str | None
    merge_commit: str | None
    started_at: float
    ended_at: float
    phases: tuple[PhaseReport, ...]
    gates: tuple[GateReport, ...]
    findings: tuple[Finding, ...]
    tokens: int | None
    cost_usd: float | None
    sandbox: str
    follow_ups: tuple[str, ...]
    """names of the tasks that this outcome's commit adds"""
    files: tuple[FileDigest, ...]
    escalation: str = ""
    thread: str | None = None
    refusals: tuple[Refusal, ...] = ()
    more_refusals: int = 0
    """that are not listed"""
    inputs: tuple[Input, ...] = ()
    points: tuple[int, int] | None = None
    """of the quality gate: how many held, of how many"""
    proposals: tuple[Proposal, ...] = ()
    """tasks that agents proposed; they become tasks once the work has passed, by the gates or by a person"""
    quality: float | None = None
    """of this evidence: the share of what should be there that is there and unaltered, from 0 to 1"""


class Attempt(Value, frozen=True, kw_only=True):
    """A recorded outcome: evidence in the trusted tree, and the commit that brought it."""

    evidence: Evidence
    path: str
    """the evidence folder, relative to the factory's root"""
    digest: str
    """sha256 of evidence.json as it is in the tree"""
    commit: str | None
    """the outcome commit; None where history has none with this digest: then the attempt does not count"""
    committed_at: float

    @property
    def task(self) -> str:
        return self.evidence.object.partition("/")[2]

    @property
    def number(self) -> int:
        return self.evidence.attempt


def evidence_folder(goal: str | None, task: str, attempt: int) -> str:
    """`evidence/<goal or _>/<task>/<attempt>`."""
    return f"evidence/{goal or '_'}/{task}/{attempt}"


def classification_path(goal: str | None, task: str) -> str:
    """`evidence/<goal or _>/<task>/classification.json`."""
    return f"evidence/{goal or '_'}/{task}/classification.json"
