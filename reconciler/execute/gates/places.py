"""Gates about where the work reached: only into paths open to it, and not into existing tests, gates or CI."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from reconciler import trees
from reconciler.execute import paths
from reconciler.execute.gates.families import is_ci, is_test, runs_by_itself
from reconciler.execute.gates.subject import Subject
from reconciler.git.repository import Repository
from reconciler.model.execution import GateReport
from reconciler.model.history import TreeChange
from reconciler.model.spec import Paths
from reconciler.model.vocabulary import GateResult

_LINK = "120000"
_SUBMODULE = "160000"


def boundaries(subject: Subject) -> list[GateReport]:
    """Every change lies where the task and the acting roles may write, and is a file or a link that stays inside."""
    if subject.product is None:
        return []
    twins = _Twins(subject.root)
    faults = [fault for fault in (_fault(subject, twins, change) for change in subject.changes) if fault]
    return [subject.judge("paths", faults, f"{len(subject.changes)} changed paths, all allowed")]


def protected(subject: Subject) -> list[GateReport]:
    """Existing tests, gates and CI are as they were; otherwise a person decides. Adding tests is always fine.

    What would run by itself where a person opens the checkout goes to a person, new or not.
    """
    if subject.product is None:
        return []
    candidates = [
        change.path
        for change in subject.changes
        if change.old and not (change.new and runs_by_itself(change.path)) and _is_protected(subject, change.path)
    ]
    faults = [
        f"{path}: an existing test, gate or CI file was changed or deleted" for path in _on_base(subject, candidates)
    ]
    faults += [
        f"{change.path}: git, a shell, an editor or an agent runs it by itself where the checkout is opened"
        for change in subject.changes
        if change.new and runs_by_itself(change.path)
    ]
    return [
        subject.judge("protected", faults, "existing tests, gates and CI are untouched", otherwise=GateResult.PERSON)
    ]


def _fault(subject: Subject, twins: _Twins, change: TreeChange) -> str | None:
    if paths.touches_git(change.path):
        return f"{change.path}: belongs to git"
    if change.new and change.mode == _SUBMODULE:
        return f"{change.path}: is a repository within the repository"
    if change.new and change.mode == _LINK and not _stays_inside(subject, change.path):
        return f"{change.path}: is a link out of the product"
    if change.new and not change.old and (twin := twins.of(change.path)):
        return f"{change.path}: where case does not matter it is the same as {twin}"
    refused = paths.refusal(change.path, [subject.paths])
    if refused or not subject.role_paths:
        return refused
    refusals = [paths.refusal(change.path, [rule]) for rule in subject.role_paths]
    return refusals[0] if all(refusals) else None


def _stays_inside(subject: Subject, path: str) -> bool:
    link = subject.root / path
    return link.is_symlink() and trees.stays_inside(subject.root, link)


class _Twins:
    """Finds paths that differ in case alone. Each folder is listed once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._listed: dict[str, dict[str, list[str]]] = {}

    def of(self, path: str) -> str | None:
        """Another path of the work that differs from this one, or from a folder above it, in case alone."""
        folder = ""
        for part in path.split("/"):
            alike = self._names(folder).get(part.casefold(), [])
            if other := next((name for name in alike if name != part), None):
                return folder + other
            folder = f"{folder}{part}/"
        return None

    def _names(self, folder: str) -> dict[str, list[str]]:
        if folder not in self._listed:
            found = self._listed[folder] = {}
            with contextlib.suppress(OSError):
                for name in os.listdir(self._root / folder):  # noqa: PTH208
                    found.setdefault(name.casefold(), []).append(name)
        return self._listed[folder]


def _is_protected(subject: Subject, path: str) -> bool:
    rules = subject.policy.gates
    if is_ci(path) and subject.stage in rules.protected_except:
        return False
    known = is_test(path) or is_ci(path) or runs_by_itself(path)
    return known or paths.matches(path, rules.protected) is not None


def _on_base(subject: Subject, candidates: list[str]) -> list[str]:
    """Those that the product's branch has: what an unmerged attempt of this work added is its own to change."""
    if not candidates or subject.product is None:
        return []
    listed = Repository(Path(subject.product.path)).changed(None, subject.product.tip, candidates)
    there = {entry.path for entry in listed}
    return [path for path in candidates if path in there]


def widest(rules: list[Paths]) -> tuple[Paths, ...]:
    """The rules of the acting roles; none at all where one of them may write anywhere."""
    return () if any(rule.allow is None and not rule.forbid for rule in rules) else tuple(rules)
