"""What `verify` says of evidence, each fault alone: in a repository with one outcome and nothing else."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import msgspec
import pytest

from reconciler.controller import audit
from reconciler.controller.factory import Factory
from reconciler.model.execution import Evidence, FileDigest
from tests.actual.factory import evidence, outcome, stored

LOG = b"all is well\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A factory whose head is an outcome with its evidence and one file beside it."""
    plain = evidence("page")
    found = msgspec.json.decode(plain.data, type=Evidence)
    digest = FileDigest(path="tests.log", sha256=hashlib.sha256(LOG).hexdigest(), size=len(LOG))
    full = stored(plain.path, msgspec.json.encode(msgspec.structs.replace(found, files=(digest,))))
    folder = (tmp_path / full.path).parent
    folder.mkdir(parents=True)
    (folder / "evidence.json").write_bytes(full.data)
    (folder / "tests.log").write_bytes(LOG)
    (tmp_path / "manifests").mkdir()
    git(tmp_path, "init", "-q", "-b", "main")
    said = "\n".join(f"{key}: {value}" for key, value in outcome(full).trailers.items())
    commit(tmp_path, f"BUILD: passed: page\n\n{said}")
    return tmp_path


def git(root: Path, *args: str) -> None:
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *args], cwd=root, check=True)


def commit(root: Path, message: str) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-qm", message)


def faults(root: Path) -> list[str]:
    return audit.verify(Factory.open(root), "HEAD")


def test_evidence_that_is_what_its_outcome_says_has_no_fault(root: Path) -> None:
    assert faults(root) == []


def test_a_file_with_other_content_of_the_same_size_is_altered(root: Path) -> None:
    path = next(root.rglob("tests.log"))
    path.write_bytes(LOG.replace(b"well", b"evil"))
    commit(root, "tidy up")
    assert faults(root) == [f"{path.relative_to(root)}: altered; sha256 is not the one in evidence.json"]


def test_evidence_that_another_commit_rewrote_has_no_outcome_with_its_digest(root: Path) -> None:
    path = next(root.rglob("evidence.json"))
    path.write_bytes(path.read_bytes() + b"\n")
    commit(root, "tidy up")
    assert faults(root) == [f"{path.relative_to(root)}: no outcome commit has its digest"]


def test_files_that_are_gone_or_that_nobody_wrote_of_are_named(root: Path) -> None:
    log = next(root.rglob("tests.log"))
    log.rename(log.with_name("other.log"))
    commit(root, "tidy up")
    folder = log.parent.relative_to(root)
    assert faults(root) == [f"{folder}/tests.log: missing", f"{folder}/other.log: no evidence.json accounts for it"]
