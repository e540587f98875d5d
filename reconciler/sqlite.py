"""One SQLite file, opened as this project needs it: WAL, a connection for each thread, writers that queue up.

Not for schemas or queries: those belong to the store and the knowledge index.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Generator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.model.errors import FactoryError

if TYPE_CHECKING:
    from sqlite_utils import Database

BUSY_SECONDS = 30.0
"""how long a writer waits for another one before it gives up"""
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class StoreUnusable(FactoryError):
    """The database file is damaged or not of this version. Nothing is lost: git has it all."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}; delete state/ and run rebuild")


class Session:
    """One thread's connection, bare and as sqlite-utils sees it, which is imported only for who asks: it takes long."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.conn = conn

    @cached_property
    def utils(self) -> Database:
        from sqlite_utils import Database

        return Database(self.conn)


class Connections:
    """A database file of one schema version. `create` makes the tables in an empty file.

    One of another version is emptied first where its owner can `renew` what it held, else it is refused.

    Usable from several threads and processes at once. Raises StoreUnusable where the file is not ours.
    """

    def __init__(self, path: Path, version: int, create: Callable[[Database], None], *, renew: bool) -> None:
        self.path = path
        self._version = version
        self._create = create
        self._renew = renew
        self.replaced: int | None = None
        """the version of what was found and dropped"""
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._damage_named():
            self._prepare()

    @property
    def db(self) -> Session:
        """This thread's own connection."""
        found: Session | None = getattr(self._local, "db", None)
        if found is None:
            with self._damage_named():
                found = self._connect()
            self._local.db = found
        return found

    @property
    def conn(self) -> sqlite3.Connection:
        return self.db.conn

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = False) -> Generator[Session]:
        """A write transaction. It takes the write lock at once: a deferred one fails under contention.

        `durable`: on disk when the block ends, even if the power fails right after.
        """
        db = self.db
        with self._damage_named():
            if durable:
                db.conn.execute("PRAGMA synchronous=FULL")
            try:
                with self._between("BEGIN IMMEDIATE", db.conn):
                    yield db
            finally:
                if durable:
                    db.conn.execute("PRAGMA synchronous=NORMAL")

    @contextlib.contextmanager
    def snapshot(self) -> Generator[Session]:
        """Reads that all see the same state of the file."""
        db = self.db
        with self._damage_named(), self._between("BEGIN", db.conn):
            yield db

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            for connection in self._opened:
                connection.close()
            self._opened.clear()
        self._local = threading.local()

    @contextlib.contextmanager
    def _between(self, begin: str, connection: sqlite3.Connection) -> Generator[None]:
        connection.execute(begin)
        try:
            yield
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    @contextlib.contextmanager
    def _damage_named(self) -> Generator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGED:
                raise StoreUnusable(self.path, f"the file is damaged or no database ({error})") from error
            raise

    def _connect(self) -> Session:
        # isolation_level=None: only the BEGINs of this module begin anything
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        with self._lock:
            self._opened.append(connection)
        self._into_wal(connection)
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA synchronous=NORMAL")
        return Session(connection)

    def _into_wal(self, connection: sqlite3.Connection) -> None:
        """The change to WAL needs the file alone and does not wait for it by itself."""
        deadline = time.monotonic() + BUSY_SECONDS
        while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            try:
                connection.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def _prepare(self) -> None:
        if self._found() == self._version:
            return
        with self.transaction() as db:
            found = self._found()
            if found == self._version:
                return
            if found and self._renew:
                _drop_all(db.conn)
                self.replaced = found
            elif found or db.utils.table_names():
                raise StoreUnusable(self.path, f"schema version {found}, this program needs {self._version}")
            self._create(db.utils)
            db.conn.execute(f"PRAGMA user_version={self._version}")

    def _found(self) -> int:
        return int(self.conn.execute("PRAGMA user_version").fetchone()[0])


def _drop_all(connection: sqlite3.Connection) -> None:
    """Drop every table; virtual ones first, which take the tables that hold their content along."""
    listed = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
    for only in ("AND sql LIKE 'CREATE VIRTUAL%'", ""):
        for (name,) in connection.execute(listed + only).fetchall():
            connection.execute(f'DROP TABLE "{str(name).replace(chr(34), chr(34) * 2)}"')
