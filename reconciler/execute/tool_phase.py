"""Phases in which a model works with tools until it finishes: opens the conversation, lets it be held, takes what came.

What the agent says of its work is a claim; the gates judge. A model without tools may hand in whole files instead.
"""

from __future__ import annotations

import asyncio
import time
from typing import cast

import msgspec

from reconciler.execute import template
from reconciler.execute.agent.history import History
from reconciler.execute.agent.loop import Loop
from reconciler.execute.agent.opening import opening
from reconciler.execute.agent.port import Ending, Finish, Terms, ToolAgent
from reconciler.execute.agent.toolbox import open_tools
from reconciler.execute.agent_phase import agent_phase
from reconciler.execute.backends import BackendError
from reconciler.execute.opened import opened
from reconciler.execute.work import Ended, Work
from reconciler.model.execution import PhaseReport
from reconciler.model.spec import AgentPhase, BlueprintPhase
from reconciler.model.vocabulary import Reason, Verdict

AROUND = frozenset(
    {Reason.BACKEND_ERROR, Reason.HOST_UNREACHABLE, Reason.MODEL_MISSING, Reason.STALLED, Reason.TIMEOUT}
)
"""ends that say nothing about the work: something around it broke"""
WITHOUT_TOOLS = "the model has no tools: it handed in whole files instead"


async def tool_phase(work: Work, phase: BlueprintPhase, spec: AgentPhase) -> PhaseReport:
    """Do the phase. Raises Ended where the agent did not finish; its report is among the work's phases then."""
    if "tools" not in work.brief.model.offers and spec.otherwise == "files":
        handed_in = msgspec.structs.replace(spec, output="files", otherwise=None)
        report = await agent_phase(work, phase, handed_in)
        return msgspec.structs.replace(report, note="; ".join(note for note in (WITHOUT_TOOLS, report.note) if note))
    began = time.monotonic()
    ending, finish, notes = await _converse(work, phase, spec)
    _count(work, ending)
    if ending.spoken_calls:
        notes.append(f"{ending.spoken_calls} of its calls came as text")
    agent = work.agent(phase)
    report = PhaseReport(
        name=phase.name,
        role=phase.role,
        by="model",
        agent=agent.name if agent else None,
        seconds=round(time.monotonic() - began, 3),
        tokens=ending.tokens,
        note="; ".join(notes),
        steps=ending.steps,
        ended=str(ending.reason),
    )
    if ending.reason is not Reason.PASSED or finish is None:
        work.phases.append(report)
        verdict = Verdict.ERROR if ending.reason in AROUND else Verdict.FAILED
        raise Ended(verdict, ending.reason, f"phase {phase.name}: {ending.message}")
    _take(work, phase, spec, finish)
    return report


async def _converse(work: Work, phase: BlueprintPhase, spec: AgentPhase) -> tuple[Ending, Finish | None, list[str]]:
    model = work.brief.model
    journal = History(work, phase.name)
    terms = Terms(
        max_steps=spec.max_steps,
        max_tokens=min(spec.max_tokens, model.num_ctx // 2),
        num_ctx=model.num_ctx,
        budget_usd=work.left_usd,
    )
    async with open_tools(work, phase) as tools:
        try:
            messages, left_out = opening(work, phase, spec, tools.specs, terms)
        except template.TemplateTrouble as error:
            raise Ended(Verdict.FAILED, Reason.AGENT_FAILED, f"phase {phase.name}: {error}") from error
        notes = [f"cut to fit the model's window: {', '.join(left_out)}"] if left_out else []
        work.prompts += [message.text for message in messages]
        work.tokens, work.cost_usd, before = None, None, (work.tokens, work.cost_usd)
        try:
            ending = await (await _agent(work, phase)).work(messages, tools, terms, journal)
        except BackendError as error:
            ending = Ending(reason=error.reason, message=error.message, steps=0, tokens=None, cost_usd=None)
        work.tokens, work.cost_usd = before
        return ending, tools.finished, notes


async def _agent(work: Work, phase: BlueprintPhase) -> ToolAgent:
    """The program that has a loop of its own, or ours around the model. Raises BackendError."""
    backend = await asyncio.to_thread(opened, work, phase)
    return cast("ToolAgent", backend) if hasattr(backend, "work") else Loop(backend)


def _count(work: Work, ending: Ending) -> None:
    """Once something is unknown, so is the sum."""
    known = work.tokens is not None and ending.tokens is not None
    work.tokens = (work.tokens or 0) + (ending.tokens or 0) if known else None
    known = work.cost_usd is not None and ending.cost_usd is not None
    work.cost_usd = (work.cost_usd or 0.0) + (ending.cost_usd or 0.0) if known else None


def _take(work: Work, phase: BlueprintPhase, spec: AgentPhase, finish: Finish) -> None:
    work.answers[phase.name] = finish.summary
    if spec.output == "verdict":
        found = [msgspec.to_builtins(finding) for finding in finish.findings]
        work.verdict = {"summary": finish.summary, "findings": found}
        work.findings += finish.findings
