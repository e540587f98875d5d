"""Phases that a model does: ask, take the answer for what it is worth, or say plainly that the fallback was used."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec

from reconciler.execute import answers, outputs, paths, prompt, surroundings, template, text
from reconciler.execute.backends import Answer, BackendError, ChatRequest, question
from reconciler.execute.opened import opened
from reconciler.execute.outputs import Unusable
from reconciler.execute.run_phase import read_only
from reconciler.execute.work import Ended, Work
from reconciler.model.execution import PhaseReport
from reconciler.model.spec import AgentPhase, BlueprintPhase
from reconciler.model.vocabulary import Reason, Verdict


class Taken(msgspec.Struct, frozen=True):
    """What was made of an answer."""

    answer: str
    files: tuple[str, ...] = ()


async def agent_phase(work: Work, phase: BlueprintPhase, spec: AgentPhase) -> PhaseReport:
    """Do the phase. Raises Ended where the model cannot be asked, or its answer is unusable without a fallback."""
    began = time.monotonic()
    writes = spec.output == "files" or spec.file is not None
    if writes and read_only(work, phase):
        raise _failed(phase, "a read-only stage cannot write files")
    if writes and work.brief.product is None:
        told = f"phase {phase.name} writes files, but there is no product: name one in the task, its goal or the Policy"
        raise Ended(Verdict.NEEDS_HUMAN, Reason.PRODUCT_MISSING, told)
    agent = work.agent(phase)
    try:
        answer, notes, tokens = await _count(work, phase, spec)
    except template.TemplateTrouble as error:
        raise _failed(phase, str(error)) from error
    by = "model"
    try:
        taken = _take(work, phase, spec, answers.answer(answer.text))
    except (Unusable, paths.UnsafePath, template.TemplateTrouble) as trouble:
        if spec.fallback is None:
            raise _failed(phase, str(trouble)) from trouble
        by = "fallback"
        notes.append(f"the model's answer was not used: {trouble}; the blueprint's fallback stands instead")
        taken = _fall_back(work, phase, spec, spec.fallback)
    work.answers[phase.name] = taken.answer
    return PhaseReport(
        name=phase.name,
        role=phase.role,
        by=by,
        agent=agent.name if agent else None,
        seconds=round(time.monotonic() - began, 3),
        tokens=tokens,
        files=taken.files,
        note="; ".join(notes),
    )


async def _ask(work: Work, phase: BlueprintPhase, spec: AgentPhase) -> tuple[Answer, list[str]]:
    asked = _compose(work, phase, spec)
    notes = [f"cut to fit the model's window: {', '.join(asked.left_out)}"] if asked.left_out else []
    work.prompts += [asked.system, asked.user]
    request = ChatRequest(
        messages=question(asked.system, asked.user),
        max_tokens=spec.max_tokens,
        schema=outputs.SCHEMAS.get(spec.output),
        temperature=0.2,
    )
    heard = 0

    def on_token(piece: str) -> None:
        nonlocal heard
        work.latest = time.monotonic()
        heard += len(piece)
        if heard // 400 != (heard - len(piece)) // 400:
            work.progress("answering", phase=phase.name, characters=heard)

    try:
        backend = await asyncio.to_thread(opened, work, phase)
        answer = await backend.chat(request, on_token)
    except BackendError as error:
        raise Ended(Verdict.ERROR, error.reason, f"phase {phase.name}: {error.message}") from error
    work.note(
        phase=phase.name,
        model=work.brief.model.name,
        system=asked.system,
        user=asked.user,
        answer=answer.text,
        tokens_in=answer.tokens_in,
        tokens_out=answer.tokens_out,
        ended=answer.ended,
    )
    if answer.ended == "length":
        notes.append(f"the answer was cut off at {spec.max_tokens} tokens")
    if answer.note:
        notes.append(answer.note)
    return answer, notes


def _compose(work: Work, phase: BlueprintPhase, spec: AgentPhase) -> prompt.Prompt:
    brief = work.brief
    mark = text.new_mark()
    request = template.render(spec.prompt, work.values(), f"phase {phase.name}: prompt", text.marking(mark))
    if spec.output in outputs.INSTRUCTIONS:
        request = f"{request.strip()}\n\n{outputs.INSTRUCTIONS[spec.output]}"
    sections = prompt.system_sections(brief, work.agent(phase)) + prompt.task_sections(brief)
    if brief.product:
        sections += surroundings.product_sections(work.root, brief.title)
    query = f"{brief.title} {brief.goal_title}"
    known, entries = surroundings.knowledge_section(Path(brief.factory), query, work.product_name)
    work.asked = True
    if known:
        sections.append(known)
        work.knowledge += [entry for entry in entries if entry not in work.knowledge]
    return prompt.compose(sections, request, mark, num_ctx=brief.model.num_ctx, max_tokens=spec.max_tokens)


def _take(work: Work, phase: BlueprintPhase, spec: AgentPhase, said: str) -> Taken:
    """Turn an answer into its effect. Raises Unusable or UnsafePath, with nothing written."""
    if not said:
        raise Unusable("the answer is empty")
    if spec.output == "verdict":
        summary, findings = outputs.verdict(said)
        work.verdict = {"summary": summary, "findings": [msgspec.to_builtins(finding) for finding in findings]}
        work.findings += findings
        return Taken(summary or f"{len(findings)} findings")
    if spec.output == "files":
        wanted = outputs.files(said)
        written = _write(work, phase, [(file.path, file.content) for file in wanted.files])
        return Taken(wanted.summary, written)
    if spec.accept is not None:
        found = answers.accepted(said, spec.accept)
        if not found:
            raise Unusable("nothing in the answer is what the blueprint accepts")
        said = found
    minimum = work.brief.policy.gates.minimum_answer
    if len(said) < minimum:
        raise Unusable(f"the answer has {len(said)} characters, fewer than {minimum}")
    return _keep_text(work, phase, spec, said)


def _fall_back(work: Work, phase: BlueprintPhase, spec: AgentPhase, fallback: str) -> Taken:
    try:
        said = template.render(fallback, work.values(), f"phase {phase.name}: fallback")
        return _keep_text(work, phase, spec, said) if spec.output == "text" else _take(work, phase, spec, said)
    except (Unusable, paths.UnsafePath, template.TemplateTrouble) as trouble:
        raise _failed(phase, f"the fallback cannot be used: {trouble}") from trouble


def _keep_text(work: Work, phase: BlueprintPhase, spec: AgentPhase, said: str) -> Taken:
    if spec.file is None:
        return Taken(said)
    place = template.render(spec.file, work.values(), f"phase {phase.name}: file")
    return Taken(said, _write(work, phase, [(place, answers.unfenced(said).rstrip("\n") + "\n")]))


def _write(work: Work, phase: BlueprintPhase, wanted: list[tuple[str, str]]) -> tuple[str, ...]:
    """Write all or nothing of what the rules forbid: every path is judged before the first byte."""
    rules = work.rules(phase)
    for path, _ in wanted:
        refused = paths.refusal(paths.clean(path), rules)
        if refused:
            raise paths.UnsafePath(refused)
    return tuple(paths.write(work.root, path, content.encode("utf-8", "replace")) for path, content in wanted)


def _failed(phase: BlueprintPhase, why: str) -> Ended:
    return Ended(Verdict.FAILED, Reason.AGENT_FAILED, f"phase {phase.name}: {why}")


async def _count(work: Work, phase: BlueprintPhase, spec: AgentPhase) -> tuple[Answer, list[str], int | None]:
    """Ask, and count what it took, usable or not. From the question to the answer, totals are unknown."""
    if work.left_usd == 0.0:
        told = f"phase {phase.name}: nothing is left of the budget of {work.brief.budget_usd:.2f} USD"
        raise Ended(Verdict.FAILED, Reason.BUDGET_EXCEEDED, told)
    tokens_before, cost_before = work.tokens, work.cost_usd
    work.tokens = work.cost_usd = None
    answer, notes = await _ask(work, phase, spec)
    tokens = _sum(answer.tokens_in, answer.tokens_out)
    if tokens is not None and tokens_before is not None:
        work.tokens = tokens_before + tokens
    if answer.cost_usd is not None and cost_before is not None:
        work.cost_usd = cost_before + answer.cost_usd
    return answer, notes, tokens


def _sum(first: int | None, second: int | None) -> int | None:
    """Unknown plus known is what is known; both unknown stays unknown."""
    if first is None or second is None:
        return second if first is None else first
    return first + second
