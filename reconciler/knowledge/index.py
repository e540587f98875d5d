"""Full-text search over the knowledge entries: `state/knowledge.db`, a projection of the files below `knowledge/`.

Not for meaning: words only, best match first. Many processes may search while one writes.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.knowledge.entry import Entry, Malformed, parse
from reconciler.sqlite import Connections, StoreUnusable

if TYPE_CHECKING:
    from sqlite_utils import Database

__all__ = ["Index", "StoreUnusable"]

SCHEMA_VERSION = 1
COLUMNS = "source, type, company, domain, tags, task, product, created, text, path"
SEARCHED = ("text", "tags", "domain", "company", "task", "product", "source")
WEIGHTS = "1.0, 3.0, 2.0, 1.0, 1.0, 1.0, 0.5"
"""of SEARCHED, in the same order: a tag was chosen, a word in the text may be by the way"""
SAME_PRODUCT = 2.0
"""how much more a match about the asked product weighs"""
MAX_WORDS = 40
PREFIX_FROM = 3
"""words of so many letters also find longer ones"""


class Index:
    """The entries' index. Raises StoreUnusable where the file is damaged.

    One of another version is emptied for who can `renew` it, and refused to who only searches.
    """

    def __init__(self, path: Path, *, renew: bool = False) -> None:
        self._file = Connections(path, SCHEMA_VERSION, _create, renew=renew)

    @property
    def emptied(self) -> bool:
        """Was the file of another version? Then all entries are to be projected again."""
        return self._file.replaced is not None

    def close(self) -> None:
        self._file.close()

    def project(self, upserts: Iterable[tuple[str, bytes]], removed: Iterable[str] = ()) -> int:
        """Take over changed files (path, bytes) and forget removed ones; all or nothing.

        Returns how many files were skipped because they are no entries: those cannot be found, not even as they were.
        """
        given = list(upserts)
        entries: list[Entry] = []
        for path, data in given:
            try:
                entries.append(parse(path, data))
            except Malformed:
                continue
        with self._file.transaction() as db:
            gone = [(path,) for path in [*removed, *(path for path, _ in given)]]
            db.conn.executemany("DELETE FROM entries WHERE path = ?", gone)
            db.utils.table("entries").insert_all(map(_record, entries), replace=True)
        return len(given) - len(entries)

    def reset(self) -> None:
        """Forget everything."""
        with self._file.transaction() as db:
            db.utils.table("entries").delete_where()

    def search(self, query: str, *, limit: int = 5, product: str | None = None) -> list[Entry]:
        """The entries that any word of `query` (any text) is found in, best first; the same product's weigh more."""
        wanted = match(query)
        if not wanted or limit < 1:
            return []
        columns = ", ".join(f"e.{column}" for column in COLUMNS.split(", "))
        # bm25 is below zero: the smaller, the better
        found = self._file.conn.execute(
            f"SELECT {columns} FROM entries_fts JOIN entries e ON e.id = entries_fts.rowid WHERE entries_fts MATCH ?"
            f" ORDER BY bm25(entries_fts, {WEIGHTS}) * iif(e.product = ?, {SAME_PRODUCT}, 1.0), e.created DESC, e.path"
            " LIMIT ?",
            (wanted, product or None, limit),
        )
        return [_entry(row) for row in found]


def match(query: str) -> str:
    """An FTS5 expression for any text: its words, quoted, joined by OR. Empty where there are no words."""
    words = dict.fromkeys(word for part in re.findall(r"\w+", query) for word in part.lower().split("_") if word)
    return " OR ".join(f'"{word}"*' if len(word) >= PREFIX_FROM else f'"{word}"' for word in list(words)[:MAX_WORDS])


def _create(db: Database) -> None:
    texts = dict.fromkeys(COLUMNS.split(", "), str)
    db.table("entries").create({"id": int, **texts, "created": float}, pk="id", not_null={"path"})
    db.table("entries").create_index(["path"], unique=True)
    db.table("entries").enable_fts(list(SEARCHED), create_triggers=True, tokenize="porter unicode61")


def _record(entry: Entry) -> dict[str, object]:
    return {
        "source": entry.source,
        "type": entry.type,
        "company": entry.company,
        "domain": entry.domain,
        "tags": "\n".join(entry.tags),
        "task": entry.task,
        "product": entry.product,
        "created": entry.created,
        "text": entry.text,
        "path": entry.path,
    }


def _entry(row: sqlite3.Row | tuple[str, ...]) -> Entry:
    source, kind, company, domain, tags, task, product, created, text, path = row
    return Entry(
        source=source,
        type=kind,
        company=company,
        domain=domain,
        tags=tuple(tags.split("\n")) if tags else (),
        task=task,
        product=product,
        created=float(created),
        text=text,
        path=path,
    )
