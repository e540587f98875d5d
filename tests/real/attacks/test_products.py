"""Products whose git folder holds what git itself would not write, or a branch of ours before we do."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.model.vocabulary import Verdict
from tests.e2e.factory import git
from tests.execute.conftest import git as plain_git
from tests.real.attacks.lab import GOOD, Bench, Shop, writes

BRANCH = "refs/heads/main"
ODD = {
    "another spelling of .git": (".GIT",),
    "the short name of .git": ("git~1",),
    "a blank after .git": (".git ",),
    "an invisible letter in .git": (".g\u200cit",),
    "the folder above": ("..",),
    "a path for a name": ("a/b", "../x"),
    "one name twice": ("x", "x"),
    "no name": ("",),
}


def tree(root: Path, *names: str) -> str:
    """A tree that git would not write: blobs and, for what looks like a git folder, a folder with a hook in it."""
    blob = git(root, "rev-parse", f"{BRANCH}:hello.py")
    entries = b"".join(b"100644 " + name.encode() + b"\0" + bytes.fromhex(blob) for name in names)
    return written(root, "tree", entries)


def written(root: Path, kind: str, body: bytes) -> str:
    asked = ["git", "hash-object", "-t", kind, "--literally", "-w", "--stdin"]
    return subprocess.run(asked, cwd=root, input=body, capture_output=True, check=True).stdout.decode().strip()


@pytest.mark.parametrize("what", ODD, ids=lambda what: what.replace(" ", "-"))
def test_a_tree_that_git_would_not_write_brings_nothing_out(what: str, bench: Callable[..., Bench]) -> None:
    made = bench()
    root = made.product.path
    at = git(root, "rev-parse", BRANCH)
    commit = plain_git(root, "commit-tree", "-p", at, "-m", "odd", tree(root, *ODD[what]))
    git(root, "update-ref", BRANCH, commit)
    around = sorted(path.name for path in made.folder.iterdir())
    done = made.works(writes("hello.py", GOOD))
    assert str(done.result.reason) != "Internal", done.result.message
    assert done.message
    assert sorted(path.name for path in made.folder.iterdir() if path.name != "run0") == around
    assert not (root / ".git/hooks/x").exists()


def test_a_branch_of_the_factory_that_was_there_before_is_no_part_of_the_work(shop: Shop) -> None:
    root = shop.product
    git(root, "checkout", "-q", "--orphan", "alai/comma")
    (root / "stranger.txt").write_text("from elsewhere\n")
    (root / "test_hello.py").write_text("")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "Alai\n\nAlai-Outcome: passed\nAlai-Task: comma")
    git(root, "checkout", "-q", "main")
    odd = "Mend \x1b[2Jit\n\nAlai-Outcome: rejected\nAlai-Object: Task/other\nAlai-Execution: other.1.abc"
    git(root, "-c", "user.name=\x1b]0;x\x07 Alai-Outcome: passed", "commit", "-q", "--allow-empty", "-m", odd)
    shop.does(writes("hello.py", GOOD))
    shop.ask()
    done = shop.cli("apply")
    assert "stranger.txt" not in git(root, "ls-tree", "-r", "--name-only", "main").split()
    said = done.stdout + done.stderr + shop.ok("log") + shop.ok("show", "Task/comma")
    assert "\x1b" not in said
    assert "rejected" not in shop.git("log", "--format=%(trailers:only)")
    assert "other" not in shop.git("log", "--format=%(trailers:only)")
    assert shop.outcome()["outcome"] == Verdict.PASSED, shop.outcome()["message"]
