"""What an attempt leaves behind for people and for the next agent. Writes files; judges nothing."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from reconciler import trees
from reconciler.execute import text
from reconciler.execute.redact import redacted, scrub, scrubbed
from reconciler.execute.work import Work
from reconciler.model.execution import FileDigest, GateReport, PhaseReport, Report, json_file
from reconciler.model.history import TreeChange
from reconciler.model.vocabulary import GateResult

_T = TypeVar("_T")
_BY = {
    "command": "a command",
    "template": "a template",
    "checks": "the blueprint's checks",
    "model": "a model",
    "fallback": "the blueprint's fallback text, not a model",
}


MOST_LINES = 200
"""of a list"""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """How it went, in the words of the person who reads it."""

    ended: str
    """`passed`, or why not"""
    gates: tuple[GateReport, ...]
    changes: Sequence[TreeChange]
    sandbox: str
    commit: str | None
    before: str | None


def report(work: Work, summary: Summary) -> Report:
    """`report.json`."""
    decisions = [text.line(decision, 400) for decision in work.decisions]
    decisions += [text.line(f"{phase}: {answer}", 400) for phase, answer in work.answers.items()]
    decisions += [f"{phase.name}: {phase.note}" for phase in work.phases if phase.note and phase.by != "checks"]
    if work.knowledge:
        decisions.append(f"knowledge used: {', '.join(work.knowledge)}")
    blockers = [text.line(blocker, 400) for blocker in work.blockers]
    blockers += [f"{finding.id}: {finding.title}" for finding in work.findings if finding.severity == "blocker"]
    blockers += [f"gate {gate.id}: {gate.message}" for gate in summary.gates if gate.result is not GateResult.PASS]
    if summary.ended != "passed":
        blockers.insert(0, summary.ended)
    return Report(
        agent_type=_role(work),
        company=work.brief.execution.company,
        task_summary=f"{work.brief.execution.stage}: {work.brief.title}",
        files_written=_some([change.path for change in summary.changes if change.new]),
        key_decisions=tuple(decisions),
        blockers=tuple(blockers),
        verification=tuple(f"{gate.id}: {gate.result}" for gate in summary.gates),
    )


def write(work: Work, summary: Summary, folder: Path) -> tuple[FileDigest, ...]:
    """Write `GOTCHA.md`, `report.json` and the transcript beside the gates' logs; digests of all files, by path."""
    work.left_out = _transcript(work, folder / "transcript.jsonl.gz")
    written = scrub(report(work, summary))
    (folder / "report.json").write_bytes(json_file(written))
    (folder / "GOTCHA.md").write_text(redacted(trees.shown(gotcha(work, summary))))
    return digests(folder)


def digests(folder: Path) -> tuple[FileDigest, ...]:
    """Every file below `folder`."""
    found: list[FileDigest] = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            name = path.relative_to(folder).as_posix()
            found.append(FileDigest(path=name, sha256=hashlib.sha256(data).hexdigest(), size=len(data)))
    return tuple(found)


def gotcha(work: Work, summary: Summary) -> str:
    """The proof of work: asked, done by whom, changed, checked, and what to watch out for."""
    brief = work.brief
    parts = [
        f"# {text.line(brief.title)}",
        f"{brief.execution.stage}, attempt {brief.execution.attempt}, "
        f"{brief.company_title or brief.execution.company}. "
        f"Ended: {summary.ended}.",
        "## Asked",
        _quote(brief.description) or text.line(brief.title),
    ]
    if brief.acceptance:
        parts.append("\n".join(f"- {item.id}: {text.line(item.text, 400)}" for item in brief.acceptance))
    parts += ["## Done", "\n".join(_phase(work, phase) for phase in work.phases) or "Nothing."]
    if summary.changes:
        parts += ["## Files", "\n".join(_some([_change(change) for change in summary.changes]))]
    if summary.commit:
        parts.append(f"Product commit {summary.commit}" + (f", from {summary.before}." if summary.before else "."))
    if summary.gates:
        parts += ["## Gates", "\n".join(_gate(gate) for gate in summary.gates)]
    if work.refusals:
        refused = (f"- {item.role}, phase {item.phase}: {item.tool} {item.what}: {item.why}" for item in work.refusals)
        more = [f"- and {work.more_refusals} more that are not listed"] if work.more_refusals else []
        parts += ["## Refused", "\n".join([*refused, *more])]
    if work.findings:
        listed = (
            f"- {item.severity}: {item.title} ({item.id}). {text.line(item.detail, 400)}".rstrip()
            for item in work.findings
        )
        parts += ["## Findings", "\n".join(listed)]
    parts += ["## Watch out", "\n".join(f"- {line}" for line in _pitfalls(work, summary)) or "Nothing known."]
    return "\n\n".join(parts) + "\n"


def _some(lines: Sequence[str]) -> tuple[str, ...]:
    """The first of many, and how many there are besides."""
    more = len(lines) - MOST_LINES
    return tuple(lines) if more <= 0 else (*lines[:MOST_LINES], f"... and {more} more")


def _quote(said: str) -> str:
    """Several lines of somebody else, as a quotation: no line of it can pass for a heading of ours."""
    return "\n".join(f"> {line}".rstrip() for line in text.clean(said).strip().splitlines())


def knowledge(work: Work, summary: Summary) -> str:
    """Body of the knowledge entry: what was built, decided, and to be minded. Empty where there is nothing to tell."""
    if summary.ended != "passed" or not (summary.changes or work.findings):
        return ""
    lines = [f"{work.brief.execution.stage}: {work.brief.title}."]
    written = [change.path for change in summary.changes if change.new]
    if written:
        more = f" and {len(written) - 20} more" if len(written) > 20 else ""
        lines.append(f"Files: {', '.join(map(text.quoted, written[:20]))}{more}.")
    lines += [f"{phase}: {text.line(answer, 400)}" for phase, answer in list(work.answers.items())[:4]]
    lines += [f"Found ({item.severity}): {item.title}. {text.line(item.detail, 200)}" for item in work.findings[:10]]
    lines += [f"Minded: {line}" for line in _pitfalls(work, summary)[:3]]
    return text.cut("\n\n".join(lines), 4000)


def _transcript(work: Work, path: Path) -> str:
    """Write the transcript, the same bytes for the same content; where it is too large, say what it was instead."""
    if not work.transcript:
        return ""
    lines = (json.dumps(scrubbed(entry), ensure_ascii=False, default=str) for entry in work.transcript)
    packed = gzip.compress("".join(f"{line}\n" for line in lines).encode("utf-8", "replace"), mtime=0)
    if len(packed) > work.brief.policy.limits.transcript_bytes:
        digest = hashlib.sha256(packed).hexdigest()
        return f"the transcript ({len(packed)} bytes, sha256 {digest}) is over the Policy's limit and was not kept"
    path.write_bytes(packed)
    return ""


def _phase(work: Work, phase: PhaseReport) -> str:
    who = _BY.get(phase.by, phase.by)
    if phase.by == "model":
        model = work.brief.model
        who = f"a model ({model.backend}/{model.name or 'default'}@{model.host})"
    wrote = f", wrote {', '.join(map(text.quoted, phase.files[:20]))}" if phase.files else ""
    note = f": {text.line(phase.note, 400)}" if phase.note else ""
    return f"- {phase.name} ({phase.role}), by {who}{wrote}{note}"


def _change(change: TreeChange) -> str:
    what = "removed" if change.new is None else "added" if change.old is None else "changed"
    return f"- {what} {text.quoted(change.path)}"


def _gate(gate: GateReport) -> str:
    message = f": {text.line(gate.message, 300)}" if gate.message else ""
    return f"- {gate.id}: {gate.result}{message}"


def _pitfalls(work: Work, summary: Summary) -> list[str]:
    found = [
        f"phase {phase.name}: {text.line(phase.note, 400)}"
        for phase in work.phases
        if phase.note and phase.by != "checks"
    ]
    found += [f"phase {phase.name} was not done by a model" for phase in work.phases if phase.by == "fallback"]
    if summary.sandbox.startswith("none"):
        found.append("commands ran without a sandbox, as the Policy allows")
    if not any(gate.proves for gate in summary.gates) and summary.ended == "passed":
        found.append("no gate proved anything about this very work")
    if work.knowledge:
        found.append(f"knowledge used: {', '.join(work.knowledge)}")
    return [*found, work.left_out] if work.left_out else found


def _role(work: Work) -> str:
    """The role that did most: the last one with an agent phase, else the last one."""
    roles = [phase.role for phase in work.brief.blueprint.phases if phase.agent]
    roles = roles or [phase.role for phase in work.brief.blueprint.phases]
    return roles[-1] if roles else "builder"
