"""The store: `state/factory.db`, a projection of the factory's commits plus what is in flight.

A facade over `projection` (writes), `loading` (reads) and `inflight`. Deleting the file loses no finished work.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from reconciler.actual import inflight, loading, overlay, projection, rows
from reconciler.actual.inflight import AttemptTaken
from reconciler.actual.schema import SCHEMA_VERSION, create
from reconciler.model.execution import Attempt, Execution
from reconciler.model.history import CommitInfo, EvidenceFile, FileRecord
from reconciler.model.objects import Object
from reconciler.model.refs import Problem, Ref
from reconciler.model.view import Config, Live, View
from reconciler.sqlite import Connections, StoreUnusable

__all__ = ["SCHEMA_VERSION", "AttemptTaken", "Store", "StoreUnusable"]

DUMPED = {
    "objects": "path, seq, kind, name, line, col, owner, generation, labels, annotations, spec",
    "problems": "path, line, col, object, message",
    "evidence": "path, task, number, digest, execution, oid, time",
    "classifications": "path, task, digest, execution, oid",
    "commits": "oid, time, object, execution, attempt, event, outcome, digest",
}


class Store:
    """One factory's database. Safe to share between threads; other processes may use the same file.

    A file of another version is emptied, and filled by whoever projects next. Raises StoreUnusable where it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = Connections(path, SCHEMA_VERSION, create, renew=True)
        self._config: tuple[str | None, Config] | None = None

    def close(self) -> None:
        self._file.close()

    @property
    def replaced(self) -> int | None:
        """The version of the file that was found and emptied; None where it was ours, or new."""
        return self._file.replaced

    # --- projection

    @property
    def commit(self) -> str | None:
        """The commit that the projection stands at; None before the first."""
        return _meta(self._file.conn, "commit")

    def project(
        self,
        commit: str,
        files: Sequence[FileRecord] = (),
        removed: Sequence[str] = (),
        evidence: Sequence[EvidenceFile] = (),
        evidence_removed: Sequence[str] = (),
        commits: Sequence[CommitInfo] = (),
        reset: bool = False,
    ) -> None:
        """Move the projection to `commit`, in one transaction. Doing it twice changes nothing.

        `files` and `removed` are the manifests that differ from the commit before, `evidence` and `evidence_removed`
        the `evidence.json` files, `commits` those that came since. With `reset` all of tree and history is given.
        """
        touched = projection.Touched()
        with self._file.transaction() as db:
            conn = db.conn
            if reset:
                projection.clear(conn)
            projection.project_manifests(conn, files, removed, touched)
            projection.project_history(conn, evidence, evidence_removed, commits, touched)
            projection.unsettle(conn, touched, reset)
            projection.note_first_seen(conn, touched, commits)
            projection.prune_cache(conn)
            if reset or touched.config:
                version = int(_meta(conn, "config") or 0) + 1
                _set_meta(conn, "config", str(version))
            _set_meta(conn, "commit", commit)

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row that derives from commits, in one canonical order. Two stores of one commit dump alike."""
        with self._file.snapshot() as db:
            found: dict[str, list[tuple[Any, ...]]] = {"commit": [(_meta(db.conn, "commit"),)]}
            for table, columns in DUMPED.items():
                found[table] = db.conn.execute(f"SELECT {columns} FROM {table} ORDER BY {columns}").fetchall()
            return found

    # --- what the planner sees

    def config(self) -> Config:
        with self._file.snapshot() as db:
            return self._load_config(db.conn)

    def view(self) -> View:
        """The tasks that are not settled or in flight, with all that planning them looks at."""
        return self._view(everything=False)

    def view_all(self) -> View:
        return self._view(everything=True)

    def set_settled(self, settled: Mapping[str, bool], commit: str | None = None) -> None:
        """Remember which tasks the planner found settled; they leave the view until something touches them.

        `commit` is that of the planner's view: nothing is remembered where another process has projected a newer one.
        """
        with self._file.transaction() as db:
            if commit is not None and _meta(db.conn, "commit") != commit:
                return
            done = [(name,) for name, is_settled in settled.items() if is_settled]
            db.conn.executemany("DELETE FROM unsettled WHERE task = ?", done)
            db.conn.executemany(
                "INSERT OR IGNORE INTO unsettled SELECT name FROM objects WHERE kind = 'Task' AND name = ? LIMIT 1",
                [(name,) for name, is_settled in settled.items() if not is_settled],
            )

    def view_of(self, objects: Sequence[Object]) -> View:
        """Everything, as if these objects were what the commit says."""
        with self._file.snapshot() as db:
            return overlay.view_of(db.conn, _meta(db.conn, "commit") or "", objects)

    def _view(self, *, everything: bool) -> View:
        with self._file.snapshot() as db:
            config = self._load_config(db.conn)
            return loading.load_view(db.conn, _meta(db.conn, "commit") or "", config, everything=everything)

    def _load_config(self, conn: sqlite3.Connection) -> Config:
        version = _meta(conn, "config")
        if self._config is None or self._config[0] != version:
            self._config = (version, loading.load_config(conn))
        return self._config[1]

    # --- questions

    def problems(self) -> list[Problem]:
        """By file, then place."""
        found = self._file.conn.execute("SELECT path, line, col, object, message FROM problems")
        return sorted(rows.problem_from(row) for row in found)

    def objects(self, kind: str | None = None) -> list[Object]:
        """By kind and name; a name that is declared twice comes twice."""
        where, parameters = ("kind = ?", (kind,)) if kind else ("1", ())
        return loading.load_objects(self._file.conn, where, parameters)

    def find(self, ref: Ref) -> list[Object]:
        """All objects of this address: none, one, or those of several files."""
        return loading.load_objects(self._file.conn, "kind = ? AND name = ?", (ref.kind, ref.name))

    def children(self, task: str) -> list[str]:
        """Names of the tasks that came of this one, sorted."""
        found = self._file.conn.execute("SELECT DISTINCT name FROM objects WHERE parent = ? ORDER BY name", (task,))
        return [row[0] for row in found]

    def attempts(self, task: str) -> list[Attempt]:
        """The attempts that count, oldest first."""
        with self._file.snapshot() as db:
            return list(loading.load_evidence(db.conn, {task})[0].get(task, ()))

    def all_attempts(self) -> list[Attempt]:
        """Of all tasks, by task and number."""
        with self._file.snapshot() as db:
            return [attempt for mine in loading.load_evidence(db.conn, None)[0].values() for attempt in mine]

    def mean_cost(self, backend: str, model: str | None, stage: str) -> float | None:
        """USD that an attempt with this model at this stage cost so far, on average; None where none is known."""
        return loading.mean_cost(self._file.conn, backend, model, stage)

    def last_number(self, task: str) -> int:
        """The highest attempt number that the task ever used; 0 where it was never attempted."""
        with self._file.snapshot() as db:
            lives = {live.execution.task: live for live in loading.load_live(db.conn) if live.execution.task == task}
            return loading.last_numbers(db.conn, {task}, lives).get(task, 0)

    def declared_in(self, paths: Iterable[str]) -> list[Ref]:
        """The objects that these files declare."""
        query = f"SELECT kind, name FROM objects WHERE path IN {projection.IN}"
        return [Ref(kind, name) for kind, name in self._file.conn.execute(query, (rows.array(set(paths)),))]

    def created_at(self, ref: Ref) -> float | None:
        """When a Task or Goal came to be, Unix seconds.

        For a generated task the time of the commit that made it, and for one made by a command that command's commit;
        for what a person wrote the time of the newest commit known when it was first seen here, which is later than
        the truth where a whole history was read at once.
        """
        made = self._file.conn.execute(
            """
            SELECT min(time) FROM (
                SELECT time FROM commits WHERE object = ? AND event IS NOT NULL AND event <> 'classify'
                UNION ALL
                SELECT c.time FROM objects o JOIN commits c
                ON c.object = 'Task/' || o.parent AND c.attempt = CAST(o.spec AS TEXT) ->> '$.from.attempt'
                WHERE o.kind = ? AND o.name = ?
            )
            """,
            (str(ref), ref.kind, ref.name),
        ).fetchone()[0]
        seen = self._file.conn.execute("SELECT time FROM first_seen WHERE ref = ?", (str(ref),)).fetchone()
        known = [float(time) for time in (made, seen[0] if seen else None) if time is not None]
        return min(known, default=None)

    # --- in flight

    def intend(self, executions: Sequence[Execution]) -> None:
        """Store intents, on disk when this returns; those that are there already stay. Raises AttemptTaken."""
        with self._file.transaction(durable=True) as db:
            inflight.insert_intents(db.conn, executions)

    def live(self) -> list[Live]:
        """All executions in flight, oldest first."""
        return loading.load_live(self._file.conn)

    def set_live(self, execution: str, state: str) -> None:
        """Set the state of an execution in flight. Unknown ids are ignored."""
        with self._file.transaction() as db:
            inflight.update_state(db.conn, execution, state)

    def forget(self, executions: Iterable[str]) -> None:
        """Drop executions in flight that will have no outcome."""
        with self._file.transaction() as db:
            inflight.delete(db.conn, executions)

    # --- parse cache and notes

    def cached(self, blobs: Iterable[str]) -> dict[str, bytes]:
        """What is cached of these blobs."""
        query = f"SELECT blob, data FROM cache WHERE blob IN {projection.IN}"
        return dict(self._file.conn.execute(query, (rows.array(set(blobs)),)).fetchall())

    def cache(self, data: Mapping[str, bytes]) -> None:
        with self._file.transaction() as db:
            db.conn.executemany("INSERT OR REPLACE INTO cache VALUES (?, ?)", list(data.items()))

    def note(self, key: str) -> str | None:
        row = self._file.conn.execute("SELECT value FROM notes WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def set_note(self, key: str, value: str | None) -> None:
        """Keep a note; None removes it."""
        with self._file.transaction() as db:
            if value is None:
                db.conn.execute("DELETE FROM notes WHERE key = ?", (key,))
            else:
                db.conn.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (key, value))


def _meta(conn: sqlite3.Connection, key: str) -> str | None:
    row = conn.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return row[0] if row else None


def _set_meta(conn: sqlite3.Connection, key: str, value: str) -> None:
    conn.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
