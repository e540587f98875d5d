"""The tables of `state/factory.db`. Not for queries.

Derived from commits, dropped and made anew by a rebuild: files, objects, problems, depends, evidence, classifications,
commits.
Bookkeeping beside them: unsettled, first_seen, meta, notes, cache. In flight, and nowhere else: executions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.actual.fast import SCHEMA_VERSION

if TYPE_CHECKING:
    from sqlite_utils import Database

__all__ = ["DERIVED", "SCHEMA_VERSION", "create"]

DERIVED = ("depends", "problems", "objects", "files", "evidence", "classifications", "commits")


def create(db: Database) -> None:
    """Make all tables in an empty database."""
    _manifests(db)
    _history(db)
    _bookkeeping(db)


def _manifests(db: Database) -> None:
    db.table("files").create({"path": str, "blob": str}, pk="path", not_null={"blob"})
    db.table("files").create_index(["blob"])
    db.table("objects").create(
        {
            "id": int,
            "path": str,
            "seq": int,
            "kind": str,
            "name": str,
            "line": int,
            "col": int,
            "owner": str,
            "generation": str,
            # the next three are read out of a Task's spec (asks: also a Goal's), so that closures are index look-ups
            "goal": str,
            "parent": str,
            "asks": int,
            "labels": bytes,
            "annotations": bytes,
            "spec": bytes,
        },
        pk="id",
    )
    for columns in (["path"], ["kind", "name"], ["goal", "asks", "name"], ["parent", "name"]):
        db.table("objects").create_index(columns)
    db.table("problems").create(
        {"id": int, "path": str, "line": int, "col": int, "object": str, "message": str}, pk="id"
    )
    db.table("problems").create_index(["path"])
    db.table("depends").create({"path": str, "task": str, "target": str}, pk=("path", "task", "target"))
    db.table("depends").create_index(["task", "target"])
    db.table("depends").create_index(["target", "task"])


def _history(db: Database) -> None:
    db.table("evidence").create(
        {
            "path": str,
            "task": str,
            "number": int,
            "digest": str,
            # null where the bytes are no evidence of this task's attempt
            "execution": str,
            "goal": str,
            "cost": float,
            "seconds": float,
            # days since 1970 (UTC) on which it ended, and who took what it took
            "day": int,
            "company": str,
            "backend": str,
            "model": str,
            "stage": str,
            "data": bytes,
            # the outcome commit that brought these very bytes; null: the attempt does not count
            "oid": str,
            "time": int,
        },
        pk="path",
    )
    for columns in (
        ["task", "number"],
        ["execution"],
        ["goal", "oid", "cost", "seconds"],
        ["day", "company", "oid", "cost", "seconds"],
        ["backend", "model", "stage", "oid", "cost"],
    ):
        db.table("evidence").create_index(columns)
    # few, and looked for with every view
    db.execute("CREATE INDEX idx_evidence_altered ON evidence (task) WHERE oid IS NULL")
    db.table("classifications").create(
        {
            "path": str,
            "task": str,
            "digest": str,
            # null where the bytes are no classification of this task
            "execution": str,
            "data": bytes,
            # the commit that brought these very bytes; null: it does not count
            "oid": str,
        },
        pk="path",
    )
    for columns in (["task"], ["execution"]):
        db.table("classifications").create_index(columns)
    db.table("commits").create(
        {
            "oid": str,
            "time": int,
            "object": str,
            "execution": str,
            "attempt": int,
            "event": str,
            "outcome": str,
            "digest": str,
        },
        pk="oid",
    )
    for columns in (["object", "attempt"], ["execution", "digest"]):
        db.table("commits").create_index(columns)


def _bookkeeping(db: Database) -> None:
    db.table("unsettled").create({"task": str}, pk="task")
    db.table("first_seen").create({"ref": str, "time": int}, pk="ref")
    db.table("meta").create({"key": str, "value": str}, pk="key")
    db.table("notes").create({"key": str, "value": str}, pk="key")
    db.table("cache").create({"blob": str, "data": bytes}, pk="blob")
    db.table("executions").create(
        {
            "id": str,
            "task": str,
            "goal": str,
            "generation": str,
            "stage": str,
            "attempt": int,
            "payload": bytes,
            "state": str,
            "created_at": float,
        },
        pk="id",
    )
    db.table("executions").create_index(["task", "attempt"], unique=True)
