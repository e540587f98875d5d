"""Real repositories to test with."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.git.repository import Repository
from reconciler.git.sshsig import Key

KEY = Key.make()
"""a controller's"""
Git = Callable[..., str]


@pytest.fixture
def git() -> Git:
    """Runs git as a person would, with a name and without anybody's configuration; returns what it printed."""

    def run(root: Path, *args: str, check: bool = True) -> str:
        env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        env |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
        identity = ("-c", "user.name=Person", "-c", "user.email=person@localhost")
        done = subprocess.run(["git", *identity, *args], cwd=root, env=env, capture_output=True, check=False)
        if check and done.returncode:
            raise AssertionError(f"git {args}: {done.stderr.decode()}")
        return done.stdout.decode("utf-8", "surrogateescape").strip("\n")

    return run


@pytest.fixture
def factory(tmp_path: Path, git: Git) -> Path:
    """A repository with a few files, and a person's staged, unstaged and untracked edits."""
    root = tmp_path / "factory"
    Repository.create(root, "main")
    for name in ("staged", "unstaged", "both", "plain", "goal"):
        (root / "manifests").mkdir(exist_ok=True)
        (root / "manifests" / f"{name}.yaml").write_text(f"{name} 1\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "start")
    (root / "manifests/staged.yaml").write_text("staged 2\n")
    (root / "manifests/both.yaml").write_text("both 2\n")
    (root / "new.txt").write_text("new, staged\n")
    git(root, "add", "manifests/staged.yaml", "manifests/both.yaml", "new.txt")
    (root / "manifests/both.yaml").write_text("both 3\n")
    (root / "manifests/unstaged.yaml").write_text("unstaged 2\n")
    (root / "untracked.txt").write_text("untracked\n")
    return root


@pytest.fixture
def product(tmp_path: Path, git: Git) -> Path:
    root = tmp_path / "product"
    Repository.create(root, "main")
    (root / "src").mkdir()
    (root / "src/a.txt").write_text("one\ntwo\nthree\n")
    (root / "README.md").write_text("# Product\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "start")
    return root
