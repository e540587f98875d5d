"""Signatures that the Policy requires."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from reconciler.git import trust
from reconciler.git.record import NewCommit, Recorder
from reconciler.git.repository import Repository
from tests.git.conftest import KEY, Git

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")


def make_key(folder: Path, name: str) -> tuple[Path, str]:
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)], check=True)
    return path, f"{name} {Path(f'{path}.pub').read_text()}"


def signed(root: Path, git: Git, key: Path, message: str) -> str:
    config = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={key}")
    git(root, *config, "commit", "-q", "--allow-empty", "-S", "-m", message)
    return Repository(root).head()


def test_only_commits_of_keys_that_were_allowed_before_are_trusted(tmp_path: Path, git: Git) -> None:
    root = tmp_path / "factory"
    repository = Repository.create(root, "main")
    (alice, alice_line), (eve, eve_line) = make_key(tmp_path, "alice"), make_key(tmp_path, "eve")
    (root / ".alai").mkdir()
    (root / trust.SIGNERS).write_text(alice_line)
    git(root, "add", "-A")
    first = signed(root, git, alice, "start")
    assert trust.check(repository, first, "none") is None
    assert trust.check(repository, first, "required") is None

    git(root, "commit", "-q", "--allow-empty", "-m", "unsigned")
    unsigned = repository.head()
    assert "carries no signature" in (trust.check(repository, unsigned, "required", first) or "")

    (root / trust.SIGNERS).write_text(alice_line + eve_line)
    git(root, "add", "-A")
    lets_itself_in = signed(root, git, eve, "eve adds herself")
    assert "allows" in (trust.check(repository, lets_itself_in, "required", first) or "")

    git(root, "reset", "-q", "--hard", unsigned)
    (root / trust.SIGNERS).write_text(alice_line + eve_line)
    git(root, "add", "-A")
    added = signed(root, git, alice, "alice lets eve in, and speaks for the unsigned commit below")
    by_eve = signed(root, git, eve, "eve works")
    assert trust.check(repository, added, "required", first) is None
    assert trust.check(repository, by_eve, "required", first) is None

    with Recorder(root, "main", KEY) as recorder:
        (ours,) = recorder.write([NewCommit(files={"evidence/x": b"x"}, subject="outcome", time=1)], by_eve)
    assert trust.check(repository, ours, "required", first) is None
    assert trust.check(repository, ours, "required") is None
    git(root, "commit", "-q", "--allow-empty", "-m", "unsigned again")
    assert trust.check(repository, repository.head(), "required") is not None


def test_a_factory_without_allowed_signers_trusts_nothing(factory: Path) -> None:
    repository = Repository(factory)
    assert trust.SIGNERS in (trust.check(repository, repository.head(), "required") or "")
