"""Phases that a command, a template or the blueprint's own checks do."""

from __future__ import annotations

import time

from reconciler.execute import template
from reconciler.execute.confine import confined
from reconciler.execute.paths import UnsafePath, clean, refusal
from reconciler.execute.process import Completed
from reconciler.execute.work import Ended, Work
from reconciler.model.duration import seconds
from reconciler.model.execution import PhaseReport
from reconciler.model.spec import BlueprintPhase, Check, Finding, RunPhase
from reconciler.model.tools import grant_nothing
from reconciler.model.vocabulary import Reason, Verdict


async def run_phase(work: Work, phase: BlueprintPhase, run: RunPhase) -> PhaseReport:
    """Do the phase. Raises Ended where the attempt cannot go on."""
    began = time.monotonic()
    agent = work.agent(phase)
    if run.command:
        by, files, note = "command", (), await _command(work, phase, run)
    elif run.template:
        by, files, note = "template", _template(work, phase, run.template), ""
    else:
        by, files, note = "checks", (), await _checks(work, phase, seconds(run.timeout))
    return PhaseReport(
        name=phase.name,
        role=phase.role,
        by=by,
        agent=agent.name if agent else None,
        seconds=round(time.monotonic() - began, 3),
        files=files,
        note=note,
    )


def read_only(work: Work, phase: BlueprintPhase) -> bool:
    """Whether this phase must leave the product as it is."""
    agent = work.agent(phase)
    if agent is None:
        return work.brief.read_only or grant_nothing(work.brief.tools)
    return work.brief.read_only or agent.writes != "product"


async def _command(work: Work, phase: BlueprintPhase, run: RunPhase) -> str:
    done, undone = await confined(
        work,
        phase,
        run.command,
        writes=not read_only(work, phase),
        rules=work.rules(phase),
        timeout=seconds(run.timeout),
        tool="run",
    )
    work.note(phase=phase.name, command=list(run.command), exit=done.exit, output=done.text(), stopped=done.stopped)
    if done.stopped:
        reason = Reason.TIMEOUT if done.timed_out else Reason.AGENT_FAILED
        raise Ended(Verdict.FAILED, reason, f"phase {phase.name}: the command was ended: {done.stopped}")
    if not done.ok:
        message = f"phase {phase.name}: {run.command[0]} exited {done.exit}: {done.tail()}"
        raise Ended(Verdict.FAILED, Reason.AGENT_FAILED, message)
    if undone:
        message = f"phase {phase.name}: what the command wrote was put back: {'; '.join(undone[:5])}"
        raise Ended(Verdict.FAILED, Reason.AGENT_FAILED, message)
    return ""


def _template(work: Work, phase: BlueprintPhase, name: str) -> tuple[str, ...]:
    if read_only(work, phase):
        message = f"phase {phase.name}: a read-only stage cannot render a template into the product"
        raise Ended(Verdict.FAILED, Reason.AGENT_FAILED, message)
    if work.blueprint is None:
        message = f"phase {phase.name}: the blueprint has no folder {name}"
        raise Ended(Verdict.FAILED, Reason.AGENT_FAILED, message)
    values = work.values()
    try:
        folder = work.blueprint / clean(template.render(name, values, f"phase {phase.name}").rstrip("/"))
        files = template.render_folder(folder, work.root, values)
    except (template.TemplateTrouble, UnsafePath, UnicodeDecodeError) as error:
        raise Ended(Verdict.FAILED, Reason.AGENT_FAILED, f"phase {phase.name}: {error}") from error
    rules = work.rules(phase)
    refused = next((why for why in (refusal(path, rules) for path in files) if why), None)
    if refused:
        raise Ended(Verdict.FAILED, Reason.AGENT_FAILED, f"phase {phase.name}: {refused}")
    work.note(phase=phase.name, template=name, files=files)
    return tuple(files)


async def _checks(work: Work, phase: BlueprintPhase, timeout: float) -> str:
    """Run every check of the blueprint; what fails becomes a finding. What a check writes is thrown away."""
    found: list[Finding] = []
    for check in work.brief.blueprint.checks:
        done = await work.sandbox.run(
            ["/bin/sh", "-c", check.check],
            root=work.root,
            access="discard",
            blueprint=work.blueprint,
            env=work.environment(),
            timeout=timeout,
        )
        work.note(phase=phase.name, check=check.id, exit=done.exit, output=done.text(), stopped=done.stopped)
        if done.stopped:
            # a check that did not come to its end says nothing about the product
            reason = Reason.TIMEOUT if done.timed_out else Reason.AGENT_FAILED
            raise Ended(Verdict.ERROR, reason, f"phase {phase.name}: check {check.id} was ended: {done.stopped}")
        if not done.ok:
            found.append(_finding(work, check, done))
    work.findings += found
    summary = f"{len(work.brief.blueprint.checks)} checks, {len(found)} findings"
    work.answers[phase.name] = "\n".join([summary, *(f"- [{finding.severity}] {finding.title}" for finding in found)])
    return summary


def _finding(work: Work, check: Check, done: Completed) -> Finding:
    said = done.tail(3)
    detail = check.detail.strip()
    return Finding(
        id=check.id,
        title=check.title,
        severity=check.severity,
        detail="\n".join(part for part in (detail, said) if part),
        check=check.check,
        fix=check.fix,
    )
