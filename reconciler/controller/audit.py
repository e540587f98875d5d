"""Is what the repository claims true? Re-hash the evidence, compare it with its commits, check the invariants."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from reconciler.controller import standing
from reconciler.controller.claims import claims, counted
from reconciler.controller.factory import Factory
from reconciler.git import pin as pins
from reconciler.git import trust
from reconciler.model.execution import Classification, Evidence, classification_path, evidence_folder
from reconciler.model.history import CommitInfo

NAME = "evidence.json"
CLASSIFIED = "classification.json"
CLASSIFY = "classify"
"""an event whose commit is no outcome: it may come again once it was reverted"""


def outcomes(factory: Factory, revision: str) -> list[CommitInfo]:
    """The commits that say `Alai-Object`, oldest first: the audit trail, from git alone."""
    return [commit for commit in factory.repository.commits(None, revision) if "Alai-Object" in commit.trailers]


def verify(factory: Factory, revision: str | None = None) -> list[str]:
    """Every fault found at `revision` (default: the head, and the working tree's evidence too), one sentence each."""
    repository = factory.repository
    commit = repository.resolve(revision or standing.revision(factory))
    history = list(repository.commits(None, commit))
    commits = counted(repository, commit, history)
    faults = list(_evidence_faults(factory, commit, commits))
    faults += outcome_faults(commits)
    faults += [
        f"commit {said.oid[:12]} ({said.subject}): claims to be a controller's, but is not signed by one that might "
        "sign there; it counts for nothing"
        for said, found in zip(history, commits, strict=True)
        if claims(said) and not claims(found)
    ]
    if revision is None:
        faults += [f"{path}: differs from its commit" for path in repository.worktree_changes(["evidence"])]
    pin = pins.read(repository.common)
    if pin is not None and (why := trust.check(repository, commit, pin)):
        faults.append(f"commit {commit[:12]}: {why}")
    return faults


def _evidence_faults(factory: Factory, commit: str, commits: Sequence[CommitInfo]) -> Iterator[str]:
    tree = {change.path: change.new for change in factory.repository.changed(None, commit, ["evidence"]) if change.new}
    digests = {info.trailers.get("Alai-Execution"): info.trailers.get("Alai-Evidence") for info in commits}
    accounted: set[str] = set()
    hashes = {
        blob: (hashlib.sha256(data).hexdigest(), data) for blob, data in factory.repository.blobs(set(tree.values()))
    }
    for path in sorted(tree):
        if path.endswith(f"/{CLASSIFIED}"):
            accounted.add(path)
            yield from _classification_faults(path, *hashes[tree[path]], digests)
        if not path.endswith(f"/{NAME}"):
            continue
        digest, data = hashes[tree[path]]
        folder = path.removesuffix(f"/{NAME}")
        accounted.add(path)
        try:
            evidence = msgspec.json.decode(data, type=Evidence)
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            yield f"{path}: cannot be read: {error}"
            continue
        if digests.get(evidence.execution) != f"sha256:{digest}":
            yield f"{path}: no outcome commit has its digest"
        if evidence_folder(evidence.goal, evidence.object.partition("/")[2], evidence.attempt) != folder:
            yield f"{path}: belongs to another folder"
        if evidence.quality is not None:
            named = {file.path for file in evidence.files}
            missing = [gate for gate in evidence.gates if gate.log is not None and gate.log not in named]
            yield from (f"{folder}/{gate.log}: missing: the log of gate {gate.id}" for gate in missing)
        for file in evidence.files:
            name = f"{folder}/{file.path}"
            accounted.add(name)
            if name not in tree:
                yield f"{name}: missing"
            elif (hashes[tree[name]][0], len(hashes[tree[name]][1])) != (file.sha256, file.size):
                yield f"{name}: altered; sha256 is not the one in {NAME}"
    yield from (f"{path}: no {NAME} accounts for it" for path in sorted(set(tree) - accounted))


def _classification_faults(
    path: str, digest: str, data: bytes, digests: Mapping[str | None, str | None]
) -> Iterator[str]:
    try:
        found = msgspec.json.decode(data, type=Classification)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        yield f"{path}: cannot be read: {error}"
        return
    if digests.get(found.execution) != f"sha256:{digest}":
        yield f"{path}: no commit has its digest"
    goal = path.split("/")[1]
    if classification_path(None if goal == "_" else goal, found.object.partition("/")[2]) != path:
        yield f"{path}: belongs to another task"


def outcome_faults(commits: list[CommitInfo]) -> list[str]:
    """No execution may have two outcomes, no task the same attempt twice."""
    executions = Counter(
        commit.trailers["Alai-Execution"]
        for commit in commits
        if "Alai-Execution" in commit.trailers and commit.trailers.get("Alai-Event") != CLASSIFY
    )
    attempts = Counter(
        (commit.trailers["Alai-Object"], commit.trailers["Alai-Attempt"])
        for commit in commits
        if "Alai-Attempt" in commit.trailers
    )
    return [f"execution {name}: {count} outcomes" for name, count in executions.items() if count > 1] + [
        f"{task}: attempt {number} recorded {count} times" for (task, number), count in attempts.items() if count > 1
    ]
