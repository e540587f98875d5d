"""Is the evidence that a task's standing rests on still there, byte for byte? Reads git; changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reconciler.controller.factory import Factory
from reconciler.model.execution import Attempt, GateReport
from reconciler.plan.completeness import recorded


def faults(factory: Factory, attempts: Sequence[Attempt]) -> list[str]:
    """What is missing or altered of their evidence, in the projected commit or in the working tree."""
    repository, commit = factory.repository, factory.store.commit
    found: list[str] = []
    for attempt in attempts:
        tree = {entry.path: entry.new or "" for entry in repository.changed(None, commit or "HEAD", [attempt.path])}
        bodies = dict(repository.blobs(set(tree.values())))
        contents = {path.removeprefix(f"{attempt.path}/"): bodies[oid] for path, oid in tree.items()}
        broken = recorded(attempt.evidence.files, attempt.evidence.gates, contents).broken
        found += [f"{attempt.path}/{line}" for line in broken]
    folders = [attempt.path for attempt in attempts]
    if folders:
        found += [f"{path}: differs from its commit" for path in repository.worktree_changes(folders)]
    return found


def logs(folder: Path, gates: Sequence[GateReport]) -> dict[str, bytes]:
    """The logs that gates left in a run folder, by path below it. One that is not there is left out."""
    names = {gate.log for gate in gates if gate.log is not None}
    return {name: (folder / name).read_bytes() for name in sorted(names) if (folder / name).is_file()}
