"""The product's own tests: as the work left them, and, where it touched them or how they run, as on the base too.

The command comes from the manifest or from the base's Makefile, never from the work under judgement.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from pathlib import Path

from reconciler.execute import paths
from reconciler.execute.gates.families import is_test
from reconciler.execute.gates.steering import MAKEFILES, steers
from reconciler.execute.gates.subject import Subject
from reconciler.git.repository import Repository
from reconciler.model.execution import GateReport

_TARGET = re.compile(r"^test[ \t]*:(?!=)", re.MULTILINE)


async def tests(subject: Subject) -> list[GateReport]:
    product = subject.product
    if product is None:
        return []
    base = await asyncio.to_thread(_Base, Path(product.path), product.tip)
    command = product.test or ("make test" if base.has_target() else None)
    if command is None:
        # tests that the work itself brought: they must pass, and prove little
        added = any(_has_target(subject.root / name) for name in MAKEFILES)
        return [await subject.check("tests", "make test", proves=False)] if added else []
    reports = [await subject.check("tests", command)]
    touched = [change.path for change in subject.changes if change.old and _defines(change.path)]
    existing = await asyncio.to_thread(base.files, touched)
    added = [change.path for change in subject.changes if change.new and _defines(change.path)]
    added = [path for path in added if path not in existing]
    if existing or any(steers(path) for path in added):
        with tempfile.TemporaryDirectory(prefix="alai-", ignore_cleanup_errors=True) as folder:
            restored = Path(folder) / "work"
            await asyncio.to_thread(_restore, subject.root, restored, existing, added)
            reports.append(await subject.check("tests/base", command, root=restored))
    return reports


def _defines(path: str) -> bool:
    return is_test(path) or steers(path)


def _restore(root: Path, to: Path, existing: dict[str, bytes], added: list[str]) -> None:
    """A copy of the work with the base's tests, run the way the base runs them."""
    shutil.copytree(root, to, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    for path in added:
        (to / path).unlink(missing_ok=True)
    for path, data in existing.items():
        target = to / path
        executable = target.is_file() and target.stat().st_mode & 0o111 != 0
        _make_room(to, path)
        paths.write(to, path, data, executable=executable)


def _make_room(root: Path, path: str) -> None:
    """Take away what the work put in the way of a base's file: a file or link for a folder, a folder for the file."""
    place = root
    *above, last = path.split("/")
    for part in above:
        place = place / part
        if place.is_symlink() or place.is_file():
            place.unlink()
    if (place / last).is_symlink():
        (place / last).unlink()
    elif (place / last).is_dir():
        shutil.rmtree(place / last)


def _has_target(makefile: Path) -> bool:
    return (
        makefile.is_file() and not makefile.is_symlink() and bool(_TARGET.search(makefile.read_text(errors="replace")))
    )


class _Base:
    """The product's branch as it was when the job was made."""

    def __init__(self, path: Path, tip: str) -> None:
        self._repository = Repository(path)
        self._tip = tip

    def has_target(self) -> bool:
        return any(_TARGET.search(data.decode("utf-8", "replace")) for data in self.files(list(MAKEFILES)).values())

    def files(self, wanted: list[str]) -> dict[str, bytes]:
        """Those of the paths that the base has, with their content."""
        if not wanted:
            return {}
        listed = {entry.path: entry.new or "" for entry in self._repository.changed(None, self._tip, wanted)}
        there = {path: listed[path] for path in wanted if path in listed}
        bodies = dict(self._repository.blobs(set(there.values())))
        return {path: bodies[oid] for path, oid in there.items()}
