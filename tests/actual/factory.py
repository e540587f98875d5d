"""Makes objects, evidence and commits for the store's tests."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from reconciler.model.execution import Evidence, Execution, evidence_folder, execution_id
from reconciler.model.history import CommitInfo, EvidenceFile, FileRecord
from reconciler.model.objects import Object
from reconciler.model.refs import Position, Ref
from reconciler.model.vocabulary import Reason, Verdict


def task(name: str, *, path: str | None = None, goal: str | None = None, **spec: Any) -> Object:
    full: dict[str, Any] = {"title": f"Do {name}", **({"goal": goal} if goal else {}), **spec}
    return made("Task", name, full, path or f"manifests/{name}.yaml")


def child(name: str, parent: str, relation: str = "stage", **spec: Any) -> Object:
    return task(name, **spec, **{"from": {"task": parent, "relation": relation, "attempt": 1}})


def goal(name: str, **spec: Any) -> Object:
    return made("Goal", name, {"title": name, **spec}, f"manifests/{name}-goal.yaml")


def made(kind: str, name: str, spec: dict[str, Any], path: str) -> Object:
    digest = hashlib.sha256(msgspec.json.encode(spec, order="sorted")).hexdigest()[:16]
    return Object(Ref(kind, name), Position(path, 3, 1), spec, digest, {"product": "bento"})


def files(*objects: Object) -> list[FileRecord]:
    """One record for each path, in the order given."""
    by_path: dict[str, list[Object]] = {}
    for obj in objects:
        by_path.setdefault(obj.position.path, []).append(obj)
    return [
        FileRecord(path, hashlib.sha1(repr(found).encode()).hexdigest(), tuple(found))
        for path, found in by_path.items()
    ]


def execution(name: str, attempt: int = 1, goal: str | None = None) -> Execution:
    return Execution(
        id=execution_id(name, "0" * 16, "BUILD", attempt),
        task=name,
        goal=goal,
        generation="0" * 16,
        stage="BUILD",
        attempt=attempt,
        company="codecraft",
        blueprint="one-shot",
        tier=1,
        backend="command",
        model=None,
        host="here",
        priority=2,
        created_at=100.0,
    )


def evidence(
    name: str, attempt: int = 1, goal: str | None = None, cost: float | None = 0.5, ended_at: float = 14.0
) -> EvidenceFile:
    found = Evidence(
        execution=execution_id(name, "0" * 16, "BUILD", attempt),
        object=f"Task/{name}",
        goal=goal,
        generation="0" * 16,
        stage="BUILD",
        attempt=attempt,
        outcome=Verdict.PASSED,
        reason=Reason.PASSED,
        message="",
        company="codecraft",
        agent="builder",
        blueprint="one-shot",
        tier=1,
        backend="command",
        model=None,
        host="here",
        prompt_sha256=None,
        factory_commit="f" * 40,
        base_commit=None,
        product_commit=None,
        merge_commit=None,
        started_at=ended_at - 4.0,
        ended_at=ended_at,
        phases=(),
        gates=(),
        findings=(),
        tokens=None,
        cost_usd=cost,
        sandbox="none",
        follow_ups=(),
        files=(),
    )
    return stored(f"{evidence_folder(goal, name, attempt)}/evidence.json", msgspec.json.encode(found))


def stored(path: str, data: bytes) -> EvidenceFile:
    return EvidenceFile(path, hashlib.sha256(data).hexdigest(), data)


def outcome(file: EvidenceFile, time: int = 1000) -> CommitInfo:
    found = msgspec.json.decode(file.data, type=Evidence)
    trailers = {
        "Alai-Object": found.object,
        "Alai-Execution": found.execution,
        "Alai-Stage": found.stage,
        "Alai-Attempt": str(found.attempt),
        "Alai-Outcome": str(found.outcome),
        "Alai-Evidence": f"sha256:{file.digest}",
    }
    return commit(found.execution, time, **trailers)


def commit(seed: str, time: int = 1000, **trailers: str) -> CommitInfo:
    return CommitInfo(hashlib.sha1(seed.encode()).hexdigest(), time, "a", "s", trailers)
