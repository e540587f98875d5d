"""What one attempt has at hand and has gathered so far: the state that its phases share. No phase logic here."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.execute import text
from reconciler.execute.redact import scrubbed
from reconciler.execute.sandbox import Sandbox
from reconciler.model.errors import FactoryError
from reconciler.model.execution import MOST_REFUSALS, Input, PhaseReport, Proposal, Refusal
from reconciler.model.job import AgentBrief, Brief
from reconciler.model.spec import BlueprintPhase, Finding, Paths
from reconciler.model.vocabulary import Reason, Verdict


class Ended(FactoryError):
    """The attempt cannot go on: how it ended, why, and one sentence."""

    def __init__(self, verdict: Verdict, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.verdict = verdict
        self.reason = reason
        self.message = message


@dataclass(kw_only=True)
class Work:
    """`root` is the worktree (or a scratch folder), `blueprint` the blueprint's files from the trusted commit."""

    brief: Brief
    root: Path
    run_dir: Path
    sandbox: Sandbox
    blueprint: Path | None = None
    answers: dict[str, str] = field(default_factory=dict[str, str])
    verdict: dict[str, Any] = field(default_factory=dict[str, Any])
    findings: list[Finding] = field(default_factory=list[Finding])
    phases: list[PhaseReport] = field(default_factory=list[PhaseReport])
    transcript: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    prompts: list[str] = field(default_factory=list[str])
    knowledge: list[str] = field(default_factory=list[str])
    refusals: list[Refusal] = field(default_factory=list[Refusal])
    more_refusals: int = 0
    """that came after the first `MOST_REFUSALS`, and are only counted"""
    proposals: list[Proposal] = field(default_factory=list[Proposal])
    state_files: dict[str, str] = field(default_factory=dict[str, str])
    """path below the company's `state/` -> what an agent wrote there"""
    inputs: list[Input] = field(default_factory=list[Input])
    decisions: list[str] = field(default_factory=list[str])
    """as agents reported them; the first thing the next agent reads"""
    blockers: list[str] = field(default_factory=list[str])
    unmet: tuple[str, ...] = ()
    """what the gates of the phase that is being done again said of it"""
    asked: bool = False
    """whether HiveMind was asked yet"""
    tokens: int | None = 0
    cost_usd: float | None = 0.0
    """what models took; None is unknown, 0 where none was asked"""
    left_out: str = ""
    """what the transcript was, where it was too large to be kept"""
    latest: float = field(default_factory=time.monotonic)
    """when something last happened, by the monotonic clock"""

    def agent(self, phase: BlueprintPhase) -> AgentBrief | None:
        """Who does this phase; None where the company has nobody of its role."""
        return self.brief.agents.get(phase.role)

    def rules(self, phase: BlueprintPhase) -> tuple[Paths, ...]:
        """Of the task and of the phase's agent: what is written must be allowed by each."""
        agent = self.agent(phase)
        return (self.brief.paths, agent.paths) if agent else (self.brief.paths,)

    @property
    def product_name(self) -> str:
        brief = self.brief
        if "product" in brief.labels:
            return brief.labels["product"]
        return Path(brief.product.path).name.removesuffix(".git") if brief.product else ""

    @property
    def left_usd(self) -> float | None:
        """What models may still take; None: no limit. What is unknown is not in it."""
        limit = self.brief.budget_usd
        return None if limit is None else max(0.0, limit - (self.cost_usd or 0.0))

    def values(self) -> dict[str, Any]:
        """The names that templates may use. Plain data only."""
        brief = self.brief
        return {
            "task": {
                "title": brief.title,
                "description": brief.description,
                "name": brief.execution.task,
                "type": brief.type,
                "domain": brief.domain,
                "stage": brief.execution.stage,
                "labels": dict(brief.labels),
                "acceptance": [
                    {"id": item.id, "text": item.text, "check": item.check or ""} for item in brief.acceptance
                ],
            },
            "goal": {"title": brief.goal_title, "description": brief.goal_description},
            "product": {"name": self.product_name, "branch": brief.product.branch if brief.product else ""},
            "company": {"title": brief.company_title},
            "document": brief.document or "",
            "answers": dict(self.answers),
            "verdict": dict(self.verdict),
            "findings": [
                {"id": item.id, "title": item.title, "severity": item.severity, "detail": item.detail}
                for item in (*brief.findings, *self.findings)
            ],
            "previous": brief.previous,
            "unmet": "\n".join(self.unmet),
        }

    def environment(self) -> dict[str, str]:
        """What commands and checks get besides the sandbox's own variables."""
        brief = self.brief
        return {
            "ALAI_TASK": brief.execution.task,
            "ALAI_TITLE": brief.title,
            "ALAI_STAGE": brief.execution.stage,
            "ALAI_TYPE": brief.type,
            "ALAI_DOCUMENT": brief.document or "",
            "ALAI_PRODUCT": self.product_name,
            "ALAI_COMPANY": brief.company_title,
            "ALAI_TEST": (brief.product.test or "") if brief.product else "",
        }

    def note(self, **entry: object) -> None:
        """Add an entry to the transcript."""
        self.transcript.append(entry)

    def refuse(self, phase: str, role: str, tool: str, what: str, why: str) -> None:
        """Keep what an agent asked for and did not get: a line of the evidence."""
        if len(self.refusals) >= MOST_REFUSALS:
            self.more_refusals += 1
            return
        what, why = text.line(text.quoted(what), 200), text.line(why, 300)
        self.refusals.append(Refusal(phase=phase, role=role, tool=tool, what=what, why=why))
        self.progress("refused", tool=tool, what=what, why=why)

    def progress(self, event: str, **more: object) -> None:
        """One line for whoever watches; never evidence, so it may hold the time. The latest tells that work goes on."""
        self.latest = time.monotonic()
        record = {"time": round(time.time(), 3), "event": event, **more}
        with (self.run_dir / "progress.jsonl").open("a") as file:
            file.write(json.dumps(scrubbed(record), default=str) + "\n")
