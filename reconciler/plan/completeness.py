"""Is everything there that an execution's evidence should hold? Pure: it is given what was found, and reads nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from reconciler.model.execution import FileDigest, GateReport, Report, Result
from reconciler.model.job import Brief
from reconciler.model.vocabulary import Reason, Verdict
from reconciler.plan.verdict import Decided

GOTCHA = "GOTCHA.md"
REPORT = "report.json"
TRANSCRIPT = "transcript.jsonl.gz"
FALSIFIED = (Verdict.PASSED, Verdict.REJECTED)
"""verdicts that nobody can rely on where a file of the evidence is missing or altered"""


class Completeness(msgspec.Struct, frozen=True, kw_only=True):
    """`score`: the share, from 0 to 1, of what should be there and is. `broken`: files that are missing or altered.

    `thin` is what else is missed: a field that says nothing, a phase without a report.
    """

    score: float
    broken: tuple[str, ...] = ()
    thin: tuple[str, ...] = ()


def completeness(brief: Brief, result: Result, contents: Mapping[str, bytes]) -> Completeness:
    """Judge the evidence of one execution. `contents`: the files that were found, by path below its folder."""
    files = list(_files(result.files, contents)) + list(_logs(result.gates, result.files))
    if result.ended is Verdict.PASSED or result.phases:
        files += list(_expected(result))
    told = [*_report(result, contents), *_phases(brief, result)]
    return _completeness(files, told)


def recorded(files: Sequence[FileDigest], gates: Sequence[GateReport], contents: Mapping[str, bytes]) -> Completeness:
    """The same of evidence that is in git already: its files and its gates' logs."""
    return _completeness([*_files(files, contents), *_logs(gates, files)], [])


def sound(decided: Decided, found: Completeness) -> Decided:
    """The verdict, unless it rests on evidence of which a file is missing or altered: then it is none."""
    if not found.broken or decided[0] not in FALSIFIED:
        return decided
    return Verdict.ERROR, Reason.EVIDENCE_INCOMPLETE, "; ".join(found.broken[:5])


def _completeness(files: list[str], told: list[str]) -> Completeness:
    """An empty line is something that is as it should be, any other says what is not."""
    asked = len(files) + len(told)
    broken = tuple(line for line in files if line)
    thin = tuple(line for line in told if line)
    score = 1.0 if not asked else round((asked - len(broken) - len(thin)) / asked, 3)
    return Completeness(score=score, broken=broken, thin=thin)


def _files(files: Sequence[FileDigest], contents: Mapping[str, bytes]) -> Iterator[str]:
    for file in files:
        data = contents.get(file.path)
        if data is None:
            yield f"{file.path}: missing"
        elif (hashlib.sha256(data).hexdigest(), len(data)) != (file.sha256, file.size):
            yield f"{file.path}: altered"
        else:
            yield ""


def _logs(gates: Sequence[GateReport], files: Sequence[FileDigest]) -> Iterator[str]:
    there = {file.path for file in files}
    for gate in gates:
        if gate.log is not None:
            yield "" if gate.log in there else f"{gate.log}: the log of gate {gate.id} is missing"


def _expected(result: Result) -> Iterator[str]:
    there = {file.path for file in result.files}
    spoke = any(phase.by in ("model", "fallback") for phase in result.phases)
    names = [GOTCHA, REPORT, *([TRANSCRIPT] if spoke and not result.left_out else [])]
    yield from ("" if name in there else f"{name}: missing" for name in names)


def _report(result: Result, contents: Mapping[str, bytes]) -> Iterator[str]:
    """`report.json` is what the worker reported, and says who did what."""
    try:
        written = msgspec.json.decode(contents.get(REPORT, b""), type=Report)
    except msgspec.MsgspecError:
        yield f"{REPORT}: cannot be read"
        return
    for name in ("agent_type", "company", "task_summary"):
        yield "" if getattr(written, name).strip() else f"{REPORT}: {name} says nothing"
    yield "" if written == result.report else f"{REPORT}: is not what the worker reported"
    if result.gates:
        yield "" if written.verification else f"{REPORT}: verification says nothing"
    if any(phase.by == "model" for phase in result.phases):
        yield "" if written.key_decisions else f"{REPORT}: key_decisions say nothing"


def _phases(brief: Brief, result: Result) -> Iterator[str]:
    """All of the blueprint's phases have a report where the work came to its end."""
    if result.ended is Verdict.PASSED:
        there = {phase.name for phase in result.phases}
        yield from ("" if phase.name in there else f"phase {phase.name}: no report" for phase in brief.blueprint.phases)
