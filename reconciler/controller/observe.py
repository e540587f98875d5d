"""Bring the store up to the commit that counts: read what changed in git, check it, project it. The only way in.

A commit whose manifests are wrong is not projected: the store stays at the last good one and the user hears why.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from reconciler.controller.claims import counted
from reconciler.controller.factory import Factory
from reconciler.controller.standing import accept, standing
from reconciler.desired import places, read, references, tiers
from reconciler.git.controllers import LIST
from reconciler.git.repository import SUBMODULE, SYMLINK, GitError
from reconciler.model.errors import FactoryError
from reconciler.model.history import EvidenceFile, FileRecord, TreeChange
from reconciler.model.objects import Object
from reconciler.model.refs import Problem, Ref

PROJECTED = ("/evidence.json", "/classification.json")
"""of the evidence's files, those that the store reads"""


class InvalidManifests(FactoryError):
    """The commit's manifests have faults; `problems` is sorted by place."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True)
class Delta:
    """What lies between two commits, read and checked."""

    files: list[FileRecord]
    removed: list[str]
    evidence: list[EvidenceFile]
    evidence_removed: list[str]
    knowledge: dict[str, bytes]
    knowledge_removed: list[str]


def observe(factory: Factory, ours: Collection[str] = ()) -> str:
    """Project the commit that counts. Returns it. Raises InvalidManifests, Refused (see `standing`), GitError.

    Where its manifests have faults, who only looks is told so and gets the last good commit, if there is one.
    `ours`: commits that this process has just made and signed.
    """
    found = standing(factory)
    before = factory.store.commit
    if before != found.commit:
        known = before is not None and factory.repository.is_ancestor(before, found.commit)
        try:
            project(factory, before if known else None, found.commit, ours)
        except InvalidManifests as faults:
            if factory.acts or before is None:
                raise
            factory.say(f"{faults}\nThis speaks of commit {before[:12]}, the last good one before {found.commit[:12]}.")
            return before
    accept(factory, found)
    return found.commit


def project(factory: Factory, before: str | None, commit: str, ours: Collection[str] = ()) -> str:
    """Project what lies between `before` (None: everything) and `commit`, which the caller has found to count."""
    repository, store = factory.repository, factory.store
    reset = before is None
    changes = repository.changed(before, commit, [*read.MANIFEST_ROOTS, "evidence", "knowledge", LIST])
    if not reset and any(change.path == LIST for change in changes):
        return project(factory, None, commit, ours)  # who may sign decides about commits that are known already, too
    delta = read_delta(factory, changes)
    problems = [problem for file in delta.files for problem in file.problems]
    problems += [] if problems else _reference_problems(factory, delta, commit, reset=reset)
    if problems:
        raise InvalidManifests(problems)
    if not reset and (delta.knowledge or delta.knowledge_removed) and factory.knowledge.emptied:
        return project(factory, None, commit, ours)
    if reset:
        factory.knowledge.reset()
    if delta.knowledge or delta.knowledge_removed:
        factory.knowledge.project(delta.knowledge.items(), delta.knowledge_removed)
    store.project(
        commit,
        delta.files,
        delta.removed,
        delta.evidence,
        delta.evidence_removed,
        counted(repository, commit, repository.commits(before, commit), ours),
        reset=reset,
    )
    return commit


def read_delta(factory: Factory, changes: Iterable[TreeChange]) -> Delta:
    """Fetch the changed blobs in one go and read each as what its place says it is."""
    delta = Delta([], [], [], [], {}, [])
    manifests: list[tuple[str, str]] = []
    other: list[tuple[str, str]] = []
    for change in changes:
        if change.path.startswith("evidence/") and not change.path.endswith(PROJECTED):
            continue
        if change.new is None:
            _removed(delta, change.path).append(change.path)
        elif change.mode in (SYMLINK, SUBMODULE):
            if read.is_manifest(change.path):
                delta.files.append(read.symlink(change.path, change.new))
        elif change.path.startswith(("evidence/", "knowledge/")):
            other.append((change.path, change.new))
        elif read.is_manifest(change.path):
            manifests.append((change.path, change.new))
    delta.files.extend(_read_manifests(factory, manifests))
    contents = dict(factory.repository.blobs({blob for _, blob in other}))
    for path, blob in other:
        data = contents[blob]
        if path.startswith("evidence/"):
            delta.evidence.append(EvidenceFile(path, hashlib.sha256(data).hexdigest(), data))
        else:
            delta.knowledge[path] = data
    return delta


def _removed(delta: Delta, path: str) -> list[str]:
    if path.startswith("evidence/"):
        return delta.evidence_removed
    return delta.knowledge_removed if path.startswith("knowledge/") else delta.removed


def _read_manifests(factory: Factory, manifests: Sequence[tuple[str, str]]) -> list[FileRecord]:
    """Parse what was never seen before; the rest comes from the cache by blob."""
    blobs = {blob for _, blob in manifests}
    cached = factory.store.cached(blobs)
    fresh = blobs - cached.keys()
    sizes = factory.repository.sizes(fresh) if fresh else {}
    contents = dict(factory.repository.blobs([blob for blob in fresh if sizes[blob] <= read.MAX_BYTES]))
    records: list[FileRecord] = []
    new: dict[str, bytes] = {}
    for path, blob in manifests:
        if (data := cached.get(blob)) is not None and (record := _from_cache(data, path)) is not None:
            records.append(record)
        elif blob in contents or blob in cached:
            data = contents[blob] if blob in contents else dict(factory.repository.blobs([blob]))[blob]
            record = read.read_file(path, blob, data, light=True)
            records.append(record)
            if not record.problems:
                new[blob] = msgspec.json.encode(record)
        else:
            records.append(read.oversized(path, blob, sizes[blob]))
    factory.store.cache(new)
    return records


_record_decoder: Callable[[bytes], FileRecord] = msgspec.json.Decoder(FileRecord).decode


def _from_cache(data: bytes, path: str) -> FileRecord | None:
    """A cached record serves only its own path: positions, owners and relative paths are part of what was checked."""
    record = _record_decoder(data)
    return record if record.path == path else None


def _reference_problems(factory: Factory, delta: Delta, commit: str, *, reset: bool) -> list[Problem]:
    """Dangling references, duplicates and cycles: of what was touched, or of everything where names disappeared."""
    touched = [item for file in delta.files for item in file.objects]
    where = committed_places(factory, commit)
    if reset:
        return references.check(touched, where)
    replaced = {file.path for file in delta.files} | set(delta.removed)
    if not replaced:
        return []
    now = {item.ref for item in touched}
    store = factory.store
    gone = [ref for ref in store.declared_in(replaced) if ref not in now]
    if gone:
        kept = [item for item in store.objects() if item.position.path not in replaced]
        return references.check([*kept, *touched], where)
    by_ref: dict[Ref, list[Object]] = {}
    for item in touched:
        by_ref.setdefault(item.ref, []).append(item)

    def lookup(ref: Ref) -> Sequence[Object]:
        return [*by_ref.get(ref, ()), *(item for item in store.find(ref) if item.position.path not in replaced)]

    def of_kind(kind: str) -> Sequence[Object]:
        kept = (item for item in store.objects(kind) if item.position.path not in replaced)
        return [*kept, *(item for item in touched if item.ref.kind == kind)]

    return sorted([*references.check_touched(touched, lookup), *tiers.check(touched, of_kind, where)])


def committed_places(factory: Factory, commit: str) -> places.Where:
    """Finds places in the files of this commit."""

    def read_committed(path: str) -> bytes | None:
        try:
            return factory.repository.read(commit, path)
        except GitError:
            return None

    return places.finder(read_committed)
