"""Brings the tables from the commit they stand at to another one, and says which tasks must be looked at again.

Pure bookkeeping inside a transaction that the caller holds: no git, no clock. What it costs depends on what changed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from reconciler.actual import rows
from reconciler.actual.rows import array
from reconciler.actual.schema import DERIVED
from reconciler.model.history import CommitInfo, EvidenceFile, FileRecord

IN = "(SELECT value FROM json_each(?))"

CLASSIFY = "classify"
"""the event of a commit that ends an execution without being an outcome"""

TREES = """
WITH RECURSIVE up(name) AS (
    SELECT value FROM json_each(?)
    UNION SELECT o.parent FROM up JOIN objects o ON o.kind = 'Task' AND o.name = up.name WHERE o.parent IS NOT NULL
), tree(name) AS (
    SELECT name FROM up UNION SELECT o.name FROM tree JOIN objects o ON o.parent = tree.name
) SELECT name FROM tree
"""
"""the pipelines that tasks belong to: up to the first task, and down to all that came of it"""


@dataclass
class Touched:
    """Names that a projection has something new about."""

    tasks: set[str] = field(default_factory=set[str])
    goals: set[str] = field(default_factory=set[str])
    config: bool = False

    def add(self, kind: str, name: str) -> None:
        if kind == "Task":
            self.tasks.add(name)
        elif kind == "Goal":
            self.goals.add(name)
        else:
            self.config = True


def clear(conn: sqlite3.Connection) -> None:
    """Forget all that derives from commits."""
    for table in (*DERIVED, "unsettled"):
        conn.execute(f"DELETE FROM {table}")


def project_manifests(
    conn: sqlite3.Connection, files: Sequence[FileRecord], removed: Sequence[str], touched: Touched
) -> None:
    records = {record.path: record for record in files}
    gone = {*removed, *records}
    before: set[tuple[str, str, str | None, str | None]] = set()
    if conn.execute("SELECT EXISTS (SELECT 1 FROM files)").fetchone()[0]:
        paths = array(gone)
        before.update(conn.execute(f"SELECT kind, name, goal, parent FROM objects WHERE path IN {IN}", (paths,)))
        for table in ("objects", "problems", "depends", "files"):
            conn.execute(f"DELETE FROM {table} WHERE path IN {IN}", (paths,))
    after = _insert_manifests(conn, records.values(), touched)
    for kind, name, goal, parent in before - after:
        touched.add(kind, name)
        # a task that leaves may be what its goal or its parent waited for
        touched.goals.update([goal] if goal else [])
        touched.tasks.update([parent] if parent else [])


def _insert_manifests(
    conn: sqlite3.Connection, records: Iterable[FileRecord], touched: Touched
) -> set[tuple[str, str, str | None, str | None]]:
    after: set[tuple[str, str, str | None, str | None]] = set()
    files: list[rows.Row] = []
    objects: list[rows.Row] = []
    problems: list[rows.Row] = []
    depends: list[rows.Row] = []
    for record in records:
        files.append((record.path, record.blob))
        for p in record.problems:
            problems.append((record.path, p.position.line, p.position.column, p.object, p.message))
        for seq, obj in enumerate(record.objects):
            found = rows.link(obj)
            touched.add(obj.ref.kind, obj.ref.name)
            after.add((obj.ref.kind, obj.ref.name, found.goal, found.parent))
            objects.append(rows.object_row(record.path, seq, obj, found))
            depends.extend((record.path, obj.ref.name, target) for target in found.depends)
    conn.executemany("INSERT INTO files VALUES (?, ?)", files)
    conn.executemany("INSERT INTO problems (path, line, col, object, message) VALUES (?, ?, ?, ?, ?)", problems)
    conn.executemany("INSERT OR IGNORE INTO depends VALUES (?, ?, ?)", depends)
    conn.executemany(
        "INSERT INTO objects (path, seq, kind, name, line, col, owner, generation, goal, parent, asks,"
        " labels, annotations, spec) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        objects,
    )
    return after


def project_history(
    conn: sqlite3.Connection,
    evidence: Sequence[EvidenceFile],
    removed: Sequence[str],
    commits: Sequence[CommitInfo],
    touched: Touched,
) -> None:
    executions = _project_evidence(conn, evidence, removed, touched) | _project_commits(conn, commits, touched)
    # evidence counts while a commit vouches for these very bytes; the oldest such commit is its outcome commit
    conn.execute(
        f"""
        UPDATE evidence SET (oid, time) = (
            SELECT c.oid, c.time FROM commits c
            WHERE c.execution = evidence.execution AND c.digest = evidence.digest ORDER BY c.time, c.oid LIMIT 1
        ) WHERE execution IN {IN}
        """,
        (array(executions),),
    )
    conn.execute(
        f"""
        UPDATE classifications SET oid = (
            SELECT c.oid FROM commits c
            WHERE c.execution = classifications.execution AND c.digest = classifications.digest
            ORDER BY c.time, c.oid LIMIT 1
        ) WHERE execution IN {IN}
        """,
        (array(executions),),
    )


def _project_evidence(
    conn: sqlite3.Connection, evidence: Sequence[EvidenceFile], removed: Sequence[str], touched: Touched
) -> set[str]:
    found = [row for row in map(rows.evidence_row, evidence) if row]
    places = [rows.place(path) for path in removed] + [rows.place(file.path) for file in evidence]
    touched.tasks.update(place[0] for place in places if place)
    conn.execute(f"DELETE FROM evidence WHERE path IN {IN}", (array(removed),))
    conn.executemany(
        "INSERT OR REPLACE INTO evidence (path, task, number, digest, execution, goal, cost, seconds, day, company,"
        " backend, model, stage, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        found,
    )
    said = [row for row in map(rows.classification_row, evidence) if row]
    names = [rows.classified_task(path) for path in (*removed, *(file.path for file in evidence))]
    touched.tasks.update(name for name in names if name)
    conn.execute(f"DELETE FROM classifications WHERE path IN {IN}", (array(removed),))
    conn.executemany(
        "INSERT OR REPLACE INTO classifications (path, task, digest, execution, data) VALUES (?, ?, ?, ?, ?)", said
    )
    return {row[4] for row in found if row[4]} | {row[3] for row in said if row[3]}


def _project_commits(conn: sqlite3.Connection, commits: Sequence[CommitInfo], touched: Touched) -> set[str]:
    found = [row for row in map(rows.commit_row, commits) if row]
    conn.executemany("INSERT OR REPLACE INTO commits VALUES (?, ?, ?, ?, ?, ?, ?, ?)", found)
    for row in found:
        kind, _, name = (row[2] or "").partition("/")
        if kind in ("Task", "Goal"):
            touched.add(kind, name)
    executions = {row[3] for row in found if row[3]}
    outcomes = {row[3] for row in found if row[3] and (row[6] or row[5] == CLASSIFY)}
    # in the same transaction: an execution is either in flight or recorded, never both
    conn.execute(f"DELETE FROM executions WHERE id IN {IN}", (array(outcomes),))
    return executions


def unsettle(conn: sqlite3.Connection, touched: Touched, everything: bool) -> None:
    """Mark the tasks whose standing may differ now. Rather one too many: planning finds it settled again."""
    if everything or touched.config:
        conn.execute("INSERT OR IGNORE INTO unsettled SELECT DISTINCT name FROM objects WHERE kind = 'Task'")
    else:
        names = set(touched.tasks)
        names |= _names(conn, f"SELECT name FROM objects WHERE goal IN {IN}", touched.goals)
        names |= _names(conn, TREES, names)
        names |= _names(conn, f"SELECT task FROM depends WHERE target IN {IN}", names)
        conn.execute(
            f"INSERT OR IGNORE INTO unsettled SELECT DISTINCT name FROM objects WHERE kind = 'Task' AND name IN {IN}",
            (array(names),),
        )
    conn.execute(
        f"DELETE FROM unsettled WHERE task IN {IN}"
        " AND NOT EXISTS (SELECT 1 FROM objects o WHERE o.kind = 'Task' AND o.name = unsettled.task)",
        (array(touched.tasks),),
    )


def note_first_seen(conn: sqlite3.Connection, touched: Touched, commits: Sequence[CommitInfo]) -> None:
    if not commits:
        return
    time = max(commit.time for commit in commits)
    refs = [f"Task/{name}" for name in touched.tasks] + [f"Goal/{name}" for name in touched.goals]
    conn.executemany("INSERT OR IGNORE INTO first_seen VALUES (?, ?)", [(ref, time) for ref in refs])


def prune_cache(conn: sqlite3.Connection) -> None:
    """Drop parsed blobs that no file has, once they are the greater part."""
    cached, files = conn.execute("SELECT (SELECT count(*) FROM cache), (SELECT count(*) FROM files)").fetchone()
    if cached > 2 * files:
        conn.execute("DELETE FROM cache WHERE blob NOT IN (SELECT blob FROM files)")


def _names(conn: sqlite3.Connection, query: str, of: set[str]) -> set[str]:
    return {row[0] for row in conn.execute(query, (array(of),))} if of else set()
