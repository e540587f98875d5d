"""How hard the engine's SQLite tries: safe when a process is killed, not asked to survive a power cut at every step.

With the write-ahead log a power cut costs the last few entries, never the file. The engine need not remember more: the
intents are durable in the factory's own database, are submitted again at start, and a job may run more than once. One
wait for the disk for each of the engine's six writes a job would otherwise be most of what a short job takes.
"""

from __future__ import annotations

import sqlite3


def relax() -> None:
    """For all databases that this process opens through SQLAlchemy from now on; only the engine's does. Idempotent."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    if not event.contains(Engine, "connect", _connected):
        event.listen(Engine, "connect", _connected)


def _connected(connection: object, record: object) -> None:
    del record
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=NORMAL")
