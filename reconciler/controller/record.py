"""From an execution's result to the one commit that records it: evidence, follow-ups, knowledge, trailers."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from reconciler.desired import edit
from reconciler.git.record import NewCommit
from reconciler.knowledge.entry import Entry
from reconciler.knowledge.entry import render as render_entry
from reconciler.model.execution import Evidence, Execution, FileDigest, Result, evidence_folder, json_file
from reconciler.model.job import Brief
from reconciler.model.objects import Object
from reconciler.model.refs import Ref
from reconciler.plan.verdict import Decided

SUBJECT = 72
CONTROLLER = ("alai-reconcile", "alai-reconcile@localhost")


def evidence_of(
    execution: Execution,
    result: Result,
    verdict: Decided,
    *,
    factory_commit: str,
    agent: str,
    merge_commit: str | None = None,
    points: tuple[int, int] | None = None,
    quality: float | None = None,
) -> Evidence:
    """The record of one execution, without the follow-ups, which are planned from it."""
    outcome, reason, message = verdict
    asked = any(phase.by in ("model", "fallback") for phase in result.phases)
    return Evidence(
        execution=execution.id,
        object=str(Ref("Task", execution.task)),
        goal=execution.goal,
        generation=execution.generation,
        stage=execution.stage,
        attempt=execution.attempt,
        outcome=outcome,
        reason=reason,
        message=message,
        company=execution.company,
        agent=agent,
        blueprint=execution.blueprint,
        tier=execution.tier,
        backend=execution.backend if asked else None,
        model=execution.model if asked else None,
        host=execution.host,
        prompt_sha256=result.prompt_sha256,
        factory_commit=factory_commit,
        base_commit=result.base_commit,
        product_commit=result.product_commit,
        merge_commit=merge_commit,
        started_at=result.started_at,
        ended_at=result.ended_at,
        phases=result.phases,
        gates=result.gates,
        findings=result.findings,
        tokens=result.tokens,
        cost_usd=result.cost_usd,
        sandbox=result.sandbox,
        follow_ups=(),
        files=result.files,
        escalation=execution.escalation,
        thread=execution.thread,
        refusals=result.refusals,
        more_refusals=result.more_refusals,
        inputs=result.inputs,
        proposals=result.proposals,
        points=points,
        quality=quality,
    )


def digest_file(path: str, data: bytes) -> FileDigest:
    return FileDigest(path=path, sha256=hashlib.sha256(data).hexdigest(), size=len(data))


def read_files(folder: Path, files: Sequence[FileDigest]) -> dict[str, bytes]:
    """Those of the evidence files a worker left that are there, with the digest that it reported."""
    contents: dict[str, bytes] = {}
    for file in files:
        try:
            data = (folder / file.path).read_bytes()
        except OSError:
            continue
        if digest_file(file.path, data) == file:
            contents[file.path] = data
    return contents


def outcome_commit(
    evidence: Evidence,
    title: str,
    contents: dict[str, bytes],
    follow_ups: Sequence[Object],
    *,
    author: str,
    knowledge: tuple[str, bytes] | None = None,
    extra: Sequence[tuple[str, str]] = (),
    notes: Mapping[str, bytes] | None = None,
) -> tuple[NewCommit, Evidence, str]:
    """The commit, the evidence as written, and the sha256 of `evidence.json`."""
    evidence = msgspec.structs.replace(evidence, follow_ups=tuple(item.name for item in follow_ups))
    data = json_file(evidence)
    digest = hashlib.sha256(data).hexdigest()
    folder = evidence_folder(evidence.goal, evidence.object.partition("/")[2], evidence.attempt)
    files: dict[str, bytes | None] = {f"{folder}/{name}": content for name, content in contents.items()}
    files[f"{folder}/evidence.json"] = data
    if knowledge is not None:
        files[knowledge[0]] = knowledge[1]
    files.update(notes or {})
    files.update(manifest_files(follow_ups))
    body = evidence.message + ("\n\nFollows: " + ", ".join(item.name for item in follow_ups) if follow_ups else "")
    commit = NewCommit(
        files=files,
        subject=subject(f"{evidence.stage}: {evidence.outcome}: {title}"),
        body=body,
        trailers=[*outcome_trailers(evidence, digest), *extra],
        author=(author, f"{evidence.company}@alai-reconcile.invalid"),
        time=int(evidence.ended_at),
    )
    return commit, evidence, digest


def manifest_files(objects: Sequence[Object]) -> dict[str, bytes | None]:
    """Generated objects as the files they are written to."""
    return {
        item.position.path: edit.render(
            item.ref.kind, item.name, dict(item.spec), dict(item.labels), item.position.path
        ).encode()
        for item in objects
    }


def outcome_trailers(evidence: Evidence, digest: str) -> list[tuple[str, str]]:
    """In the order of the contract; what there was not is left out."""
    model = f"{evidence.backend}/{evidence.model}" if evidence.model else None
    assisted = any(phase.by == "model" for phase in evidence.phases)
    trailers = [
        ("Alai-Object", evidence.object),
        ("Alai-Execution", evidence.execution),
        ("Alai-Stage", evidence.stage),
        ("Alai-Attempt", str(evidence.attempt)),
        ("Alai-Outcome", str(evidence.outcome)),
        ("Alai-Company", evidence.company),
        ("Alai-Model", f"{model}@{evidence.host}" if model else ""),
        ("Alai-Cost-USD", cost_trailer(evidence.cost_usd)),
        ("Alai-Evidence", f"sha256:{digest}"),
        ("Alai-Product-Commit", evidence.product_commit or ""),
        ("Assisted-by", f"{evidence.company}/{evidence.agent} ({model})" if assisted else ""),
    ]
    return [(key, value) for key, value in trailers if value]


def cost_trailer(usd: float | None) -> str:
    """An unknown cost is not 0."""
    return "unknown" if usd is None else f"{usd:.2f}"


def subject(text: str) -> str:
    """One line of at most 72 characters."""
    line = " ".join(text.split())
    return line if len(line) <= SUBJECT else line[: SUBJECT - 1].rstrip() + "…"


def knowledge_file(brief: Brief, result: Result) -> tuple[str, bytes] | None:
    """What the next agents may learn from this outcome: path and content, or None where there is nothing to tell."""
    if not result.knowledge.strip():
        return None
    execution = brief.execution
    product = posixpath.basename(brief.product.path.rstrip("/")) if brief.product else ""
    entry = Entry(
        source=f"{execution.company}/{execution.stage.lower()}",
        type="knowledge",
        company=execution.company,
        domain=brief.domain,
        tags=tuple(sorted({brief.type, execution.stage.lower(), *([product] if product else [])})),
        task=execution.task,
        product=product,
        created=int(result.ended_at),
        text=result.knowledge,
        path=f"knowledge/{execution.goal or '_'}/{execution.task}-{execution.attempt}.md",
    )
    return entry.path, render_entry(entry)
