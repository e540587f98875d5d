"""The quickest honest answer to "is there anything to do?": an empty plan that was stored and still holds.

Not for planning. Imports `os` and `sqlite3` alone: this runs before anything else is loaded. Whatever is unclear is a
None, and the long way round decides.
"""

import os
import sqlite3
import time

SCHEMA_VERSION = 4
"""of state/factory.db; another number: the file is emptied by who opens it, and filled from git"""
EMPTY_PLAN = "empty_plan"
"""the note that holds the last empty plan: JSON {commit, ref, text, valid_until (Unix seconds or null), schema}"""

_QUERY = """
SELECT n.value ->> '$.text'
FROM notes n JOIN meta m ON m.key = 'commit'
WHERE n.key = ? AND m.value = ? AND n.value ->> '$.commit' = m.value AND n.value ->> '$.ref' = ?
  AND n.value ->> '$.schema' = ?
  AND coalesce(n.value ->> '$.valid_until' > ?, 1) AND NOT EXISTS (SELECT 1 FROM executions)
"""


def nothing_to_do(root: str) -> str | None:
    """The text of the stored empty plan, if branch, database, schema version and time still agree with it; else None.

    The branch is the one that was pinned when the plan was stored. Another pin removes the note.
    """
    try:
        ref, commit = ("", "") if "GIT_DIR" in os.environ else _head(root)
        return _stored(os.path.join(root, "state", "factory.db"), ref, commit) if commit else None  # noqa: PTH118
    except (OSError, ValueError, sqlite3.Error):
        return None


def _stored(path: str, ref: str, commit: str) -> str | None:
    quoted = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    connection = sqlite3.connect(f"file:{quoted}?mode=ro", uri=True, timeout=0.2)
    try:
        if connection.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:
            return None
        row = connection.execute(_QUERY, (EMPTY_PLAN, commit, ref, SCHEMA_VERSION, time.time())).fetchone()
        return row[0] if row else None
    finally:
        connection.close()


def _head(root: str) -> tuple[str, str]:
    """The branch and the commit that HEAD names (empty: neither), by reading git's own files.

    These are HEAD, loose refs, packed-refs, and a worktree's .git file.
    """
    folder = os.path.join(root, ".git")  # noqa: PTH118
    if os.path.isfile(folder):  # noqa: PTH113
        folder = os.path.join(root, _read(folder).removeprefix("gitdir:").strip())  # noqa: PTH118
    common = folder
    if os.path.isfile(os.path.join(folder, "commondir")):  # noqa: PTH113, PTH118
        common = os.path.join(folder, _read(os.path.join(folder, "commondir")).strip())  # noqa: PTH118
    value = _read(os.path.join(folder, "HEAD")).strip()  # noqa: PTH118
    ref = value[4:].strip()
    for _ in range(5):
        if not value.startswith("ref:"):
            return ref, value
        value = _ref(common, value[4:].strip())
    return "", ""


def _ref(common: str, name: str) -> str:
    try:
        return _read(os.path.join(common, *name.split("/"))).strip()  # noqa: PTH118
    except FileNotFoundError:
        for line in _read(os.path.join(common, "packed-refs")).splitlines():  # noqa: PTH118
            oid, _, found = line.partition(" ")
            if found == name:
                return oid
        raise


def _read(path: str) -> str:
    with open(path, encoding="utf-8", opener=_opener) as file:
        return file.read()


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)  # a pipe would keep us waiting for ever
