"""Between values and rows: objects, attempts, commits and executions. No SQL beyond lists of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from reconciler.model.duration import DAY
from reconciler.model.execution import Attempt, Classification, Evidence, Execution, evidence_folder
from reconciler.model.history import CommitInfo, EvidenceFile
from reconciler.model.objects import Object
from reconciler.model.refs import Position, Problem, Ref
from reconciler.model.view import Live

Row = Sequence[Any]

OBJECT = "path, line, col, kind, name, owner, generation, labels, annotations, spec"
ATTEMPT = "data, path, digest, oid, time"
EXECUTION = "payload, state"

FAR = 1e12
"""Unix seconds that no honest record reaches"""

_evidence = msgspec.json.Decoder(Evidence)
_execution = msgspec.json.Decoder(Execution)
_classification = msgspec.json.Decoder(Classification)
_json = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.decode


class Link(msgspec.Struct, frozen=True):
    """What an object refers to, as far as the projection follows it."""

    goal: str | None
    parent: str | None
    asks: bool
    """wants a stage that runs once for its goal"""
    depends: tuple[str, ...]


def link(obj: Object) -> Link:
    spec = obj.spec
    asks = bool(spec.get("deploy")) or bool(spec.get("docs"))
    if obj.ref.kind != "Task":
        return Link(None, None, asks, ())
    origin = cast("Mapping[str, Any]", spec.get("from") or {})
    goal = spec.get("goal") or (obj.owner.name if obj.owner else None)
    depends = tuple(dict.fromkeys(cast("Sequence[str]", spec.get("dependsOn") or ())))
    return Link(goal, origin.get("task"), asks, depends)


def object_row(path: str, seq: int, obj: Object, found: Link) -> Row:
    """A row for all columns of `objects` but the id."""
    return (
        path,
        seq,
        obj.ref.kind,
        obj.ref.name,
        obj.position.line,
        obj.position.column,
        str(obj.owner) if obj.owner else None,
        obj.generation,
        found.goal,
        found.parent,
        int(found.asks),
        _json(obj.labels),
        _json(obj.annotations),
        _json(obj.spec),
    )


def object_from(row: Row) -> Object:
    """An object from the columns OBJECT."""
    path, line, col, kind, name, owner, generation, labels, annotations, spec = row
    return Object(
        ref=Ref(kind, name),
        position=Position(path, line, col),
        spec=_decode(spec),
        generation=generation,
        labels=_decode(labels),
        annotations=_decode(annotations),
        owner=Ref.parse(owner) if owner else None,
    )


def problem_from(row: Row) -> Problem:
    path, line, col, obj, message = row
    return Problem(Position(path, line, col), obj, message)


def place(path: str) -> tuple[str, int] | None:
    """Task and attempt of a path `evidence/<goal or _>/<task>/<attempt>/evidence.json`; None for any other path."""
    parts = path.split("/")
    if len(parts) != 5 or parts[0] != "evidence" or parts[4] != "evidence.json" or not parts[3].isdecimal():
        return None
    number = int(parts[3][:9])
    return parts[2], number


def evidence_row(file: EvidenceFile) -> Row | None:
    """A row for `evidence` without oid and time; None where the path is not one of an attempt.

    Bytes that are no evidence, or evidence of something else than its path says, keep the place but get no execution:
    a copy into another task's folder must not count there.
    """
    where = place(file.path)
    if where is None:
        return None
    task, number = where
    try:
        found = _evidence.decode(file.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = None
    folder = file.path.removesuffix("/evidence.json")
    if found is None or found.object != f"Task/{task}" or evidence_folder(found.goal, task, found.attempt) != folder:
        return (file.path, task, number, file.digest, *(None,) * 9, file.data)
    return (
        file.path,
        task,
        number,
        file.digest,
        found.execution,
        found.goal,
        found.cost_usd,
        max(0.0, found.ended_at - found.started_at),
        int(min(max(found.ended_at, 0.0), FAR) // DAY),
        found.company,
        found.backend,
        found.model,
        found.stage,
        file.data,
    )


def classified_task(path: str) -> str | None:
    """The task of a path `evidence/<goal or _>/<task>/classification.json`; None for any other path."""
    parts = path.split("/")
    return parts[2] if len(parts) == 4 and parts[0] == "evidence" and parts[3] == "classification.json" else None


def classification_row(file: EvidenceFile) -> Row | None:
    """A row for `classifications` without oid; None where the path is not one of them.

    As with evidence, bytes that say something of another task keep the place but get no execution.
    """
    task = classified_task(file.path)
    if task is None:
        return None
    try:
        found = _classification.decode(file.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = None
    execution = found.execution if found is not None and found.object == f"Task/{task}" else None
    return (file.path, task, file.digest, execution, file.data)


def classification_from(data: bytes) -> Classification:
    return _classification.decode(data)


def attempt_from(row: Row) -> Attempt:
    """An attempt from the columns ATTEMPT."""
    data, path, digest, oid, time = row
    return Attempt(
        evidence=_evidence.decode(data),
        path=path.removesuffix("/evidence.json"),
        digest=digest,
        commit=oid,
        committed_at=float(time),
    )


def commit_row(commit: CommitInfo) -> Row | None:
    """A row for `commits`; None for a commit that says nothing about an object."""
    said = commit.trailers
    if not any(key.startswith("Alai-") for key in said):
        return None
    attempt = said.get("Alai-Attempt", "")
    digest = said.get("Alai-Evidence", "")
    return (
        commit.oid,
        commit.time,
        said.get("Alai-Object"),
        said.get("Alai-Execution"),
        int(attempt) if attempt.isdecimal() and len(attempt) < 10 else None,
        said.get("Alai-Event"),
        said.get("Alai-Outcome"),
        digest.removeprefix("sha256:") if digest.startswith("sha256:") else None,
    )


def execution_row(execution: Execution, state: str) -> Row:
    """id, task, goal, generation, stage, attempt, payload, state, created_at"""
    e = execution
    return (e.id, e.task, e.goal, e.generation, e.stage, e.attempt, _json(e), state, e.created_at)


def live_from(row: Row) -> Live:
    """A live execution from the columns EXECUTION."""
    payload, state = row
    return Live(execution=_execution.decode(payload), state=state)


def array(values: Sequence[str] | set[str]) -> str:
    """A list of names as one SQL parameter: `IN (SELECT value FROM json_each(?))`."""
    return _json(sorted(values)).decode()
