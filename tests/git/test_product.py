"""Worktrees, commits, merges and moves of a product's branch."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reconciler.git import product as products
from reconciler.git.advance import Advance, advance, recover
from reconciler.git.repository import GitError, Repository
from tests.git.conftest import Git

WHO = ("codecraft/builder", "builder@codecraft.alai")


def work(product: Path, dest: Path, files: dict[str, str], branch: str = "alai/task", start: str = "main") -> str:
    products.add_worktree(str(product), products.tip(str(product), start), dest)
    for name, text in files.items():
        (dest / name).parent.mkdir(parents=True, exist_ok=True)
        (dest / name).write_text(text)
    commit = products.commit_all(dest, message="Do it", author=WHO, time=1_700_000_000, branch=branch)
    assert commit
    return commit


def merged(product: Path, commit: str) -> str:
    tip = products.tip(str(product), "main")
    outcome = products.merge(str(product), tip, commit, message="Merge", author=WHO, time=1_700_000_100)
    assert outcome.commit
    return outcome.commit


def test_a_worktrees_commit_reaches_the_product_as_a_branch_and_nothing_else_changes(
    product: Path, tmp_path: Path, git: Git
) -> None:
    before = git(product, "status", "--porcelain"), git(product, "worktree", "list")
    commit = work(product, tmp_path / "w/1", {"src/b.txt": "new\n", "ü \n.txt": "odd\n"})
    assert products.tip(str(product), "alai/task") == commit
    assert (
        git(product, "log", "-1", "--format=%an %ae %at %cn", commit) == f"{WHO[0]} {WHO[1]} 1700000000 alai-reconcile"
    )
    assert before == (git(product, "status", "--porcelain"), git(product, "worktree", "list"))
    changed = products.changed_files(str(product), "main", commit)
    assert [(c.path, c.old is None) for c in changed] == [("src/b.txt", True), ("ü \n.txt", True)]
    products.remove_worktree(str(product), tmp_path / "w/1")
    assert list((tmp_path / "w").iterdir()) == []
    git(product, "fsck", "--strict")


def test_what_is_written_below_a_submodule_is_refused_and_never_lost(product: Path, tmp_path: Path, git: Git) -> None:
    oid = git(product, "rev-parse", "HEAD")
    git(product, "update-index", "--add", "--cacheinfo", f"160000,{oid},third/lib")
    git(product, "commit", "-qm", "submodule")
    dest = tmp_path / "w"
    work(product, dest, {"a.txt": "beside it\n"})
    for more in ({"third/lib/v.py": "lost\n"}, {"third/lib/v.py": "lost\n", "b.txt": "with other work\n"}):
        products.remove_worktree(str(product), dest)
        with pytest.raises(GitError, match=r"third/lib/v\.py lies in the submodule third/lib, where it would be lost"):
            work(product, dest, more)


def test_files_that_a_filter_stores_are_refused_and_others_beside_them_are_not(
    product: Path, tmp_path: Path, git: Git
) -> None:
    (product / "data").mkdir()
    (product / "data/.gitattributes").write_text("*.bin filter=lfs diff=lfs -text\n*.txt text\n")
    git(product, "add", "-A")
    git(product, "commit", "-qm", "attributes")
    work(product, tmp_path / "w", {"data/a.txt": "plain\n", "a.bin": "elsewhere\n"})
    products.remove_worktree(str(product), tmp_path / "w")
    for more in ({}, {"data/.gitattributes": ""}):
        with pytest.raises(GitError, match=r"data/a\.bin is stored through the filter 'lfs' of \.gitattributes"):
            work(product, tmp_path / "w", {"data/a.bin": "raw\n", **more})
        products.remove_worktree(str(product), tmp_path / "w")


def test_an_unchanged_worktree_gives_no_commit_and_ignored_files_are_no_change(product: Path, tmp_path: Path) -> None:
    dest = tmp_path / "w"
    work(product, dest, {".gitignore": "build/\n"}, branch="ignoring")
    products.add_worktree(str(product), products.tip(str(product), "ignoring"), dest)
    (dest / "build").mkdir()
    (dest / "build/out").write_text("junk")
    assert products.commit_all(dest, message="m", author=WHO, time=1, branch="alai/x") is None


def test_more_than_may_be_added_is_refused_before_it_is_read_and_ignored_files_do_not_count(
    product: Path, tmp_path: Path, git: Git
) -> None:
    dest = tmp_path / "w"
    products.add_worktree(str(product), products.tip(str(product), "main"), dest)
    (dest / ".gitignore").write_text("build/\n")
    (dest / "build").mkdir()
    for name in ("build/out", "holes"):
        (dest / name).touch()
        os.truncate(dest / name, 600 * 2**30)
    before = git(product, "count-objects", "-v")
    with pytest.raises(GitError, match=r"limits.disk: the largest is holes with 644245094400"):
        products.commit_all(dest, message="m", author=WHO, time=1, branch="alai/x", most=5 * 2**20)
    assert git(product, "count-objects", "-v") == before
    (dest / "holes").unlink()
    assert products.commit_all(dest, message="m", author=WHO, time=1, branch="alai/x", most=5 * 2**20)


def test_a_large_file_is_committed_as_it_is(product: Path, tmp_path: Path, git: Git) -> None:
    dest = tmp_path / "w"
    products.add_worktree(str(product), products.tip(str(product), "main"), dest)
    (dest / "large").write_bytes(random.Random(1).randbytes(9 * 2**20))
    commit = products.commit_all(dest, message="m", author=WHO, time=1, branch="alai/x")
    assert (
        git(product, "rev-parse", f"{commit}:large").strip() == git(product, "hash-object", str(dest / "large")).strip()
    )
    git(product, "fsck", "--strict")


def test_four_executions_on_one_product_do_not_meet(product: Path, tmp_path: Path, git: Git) -> None:
    def one(number: int) -> str:
        return work(product, tmp_path / f"w{number}", {f"f{number}.txt": "x\n"}, branch=f"alai/{number}")

    with ThreadPoolExecutor(4) as pool:
        commits = list(pool.map(one, range(8)))
    assert [products.tip(str(product), f"alai/{number}") for number in range(8)] == commits
    git(product, "fsck", "--strict")


def test_what_an_agent_does_to_its_git_folder_has_no_effect(product: Path, tmp_path: Path, git: Git) -> None:
    dest, mark = tmp_path / "w", tmp_path / "ran"
    products.add_worktree(str(product), products.tip(str(product), "main"), dest)
    assert git(dest, "status", "--porcelain") == ""
    hook = dest / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {mark}\n")
    hook.chmod(0o755)
    git(dest, "config", "filter.evil.clean", f"touch {mark}; cat")
    git(dest, "config", "core.fsmonitor", f"touch {mark}; true")
    (dest / ".gitattributes").write_text("* filter=evil\n")
    (dest / "src/a.txt").write_text("changed\n")
    commit = products.commit_all(dest, message="m", author=WHO, time=1, branch="alai/x")
    assert commit
    assert not mark.exists()
    assert git(product, "show", f"{commit}:src/a.txt") == "changed"


def test_links_in_a_circle_are_committed_like_any_other(product: Path, tmp_path: Path, git: Git) -> None:
    dest = tmp_path / "work"
    products.add_worktree(str(product), products.tip(str(product), "main"), dest)
    (dest / "a").symlink_to("b")
    (dest / "b").symlink_to("a")
    (dest / "here").symlink_to(".")
    commit = products.commit_all(dest, message="Do it", author=WHO, time=1_700_000_000, branch="alai/task")
    assert commit
    assert set(git(product, "ls-tree", "--name-only", commit).split()) >= {"a", "b", "here"}


def test_repositories_and_symlinks_that_lead_out_are_refused(product: Path, tmp_path: Path, git: Git) -> None:
    dest = tmp_path / "w"
    for make in (
        lambda: (dest / "link").symlink_to("/etc/passwd"),
        lambda: (dest / "src/link").symlink_to("../../up"),
        lambda: git(dest, "init", "-q", "inner"),
        lambda: (dest / "src/.git").write_text("gitdir: /elsewhere\n"),
    ):
        products.add_worktree(str(product), products.tip(str(product), "main"), dest)
        make()
        with pytest.raises(GitError, match=r"link|repository"):
            products.commit_all(dest, message="m", author=WHO, time=1, branch="alai/x")
    products.add_worktree(str(product), products.tip(str(product), "main"), dest)
    (dest / "src/link").symlink_to("../README.md")
    assert products.commit_all(dest, message="m", author=WHO, time=1, branch="alai/x")


def test_added_lines_are_found_in_odd_paths_binary_files_and_behind_header_like_content(
    product: Path, tmp_path: Path
) -> None:
    commit = work(
        product,
        tmp_path / "w",
        {"tab\tü": "++ b/x\nsecond\n", "bin": "a\0b\n", "src/a.txt": "one\ntwo", ".gitattributes": "* -diff\n"},
    )
    found = set(products.diff_added_lines(str(product), "main", commit))
    assert found == {
        ("tab\tü", "++ b/x"),
        ("tab\tü", "second"),
        ("bin", "a\0b"),
        ("src/a.txt", "two"),
        (".gitattributes", "* -diff"),
    }


def test_the_same_merge_has_the_same_name_whatever_the_product_configures(
    product: Path, tmp_path: Path, git: Git
) -> None:
    commit = work(product, tmp_path / "w", {"src/b.txt": "b\n"})
    git(product, "commit", "-q", "--allow-empty", "-m", "meanwhile")
    first = merged(product, commit)
    git(product, "config", "merge.renames", "false")
    git(product, "config", "commit.gpgSign", "true")
    assert merged(product, commit) == first
    assert products.is_ancestor(str(product), commit, first)
    again = products.merge(str(product), first, commit, message="x", author=WHO, time=1)
    assert again.commit == first


def test_a_merge_commit_is_made_where_a_fast_forward_would_do(product: Path, tmp_path: Path, git: Git) -> None:
    commit = work(product, tmp_path / "w", {"src/b.txt": "b\n"})
    assert len(git(product, "log", "-1", "--format=%P", merged(product, commit)).split()) == 2


def test_conflicts_are_listed(product: Path, tmp_path: Path, git: Git) -> None:
    commit = work(product, tmp_path / "w", {"src/a.txt": "one\nmine\nthree\n"})
    (product / "src/a.txt").write_text("one\nyours\nthree\n")
    git(product, "commit", "-qam", "yours")
    tip = products.tip(str(product), "main")
    outcome = products.merge(str(product), tip, commit, message="m", author=WHO, time=1)
    assert outcome == products.Merged(None, ("src/a.txt",))


@pytest.mark.parametrize("linked", [False, True])
def test_a_clean_checkout_moves_with_its_branch(product: Path, tmp_path: Path, git: Git, linked: bool) -> None:
    root = product
    if linked:
        git(product, "checkout", "-q", "-b", "other")
        root = tmp_path / "linked"
        git(product, "worktree", "add", "-q", str(root), "main")
    (product / "notes").write_text("untracked")
    git(root, "mv", "README.md", "readme")
    git(root, "commit", "-qm", "rename")
    commit = work(product, tmp_path / "w", {"README.md/x": "a folder now\n", "src/a.txt": "changed\n", "run": "#!\n"})
    old, new = products.tip(str(product), "main"), merged(product, commit)
    assert advance(str(product), "main", old, new) is Advance.MOVED
    assert advance(str(product), "main", old, new) is Advance.MOVED
    assert git(root, "status", "--porcelain", "--untracked-files=no") == ""
    assert (root / "README.md/x").read_text() == "a folder now\n"
    assert git(root, "rev-parse", "HEAD") == new
    assert (product / "notes").read_text() == "untracked"
    assert advance(str(product), "main", old, commit) is Advance.RACED


def test_a_file_that_becomes_a_folder_and_back_moves(product: Path, tmp_path: Path, git: Git) -> None:
    dest = tmp_path / "w"
    products.add_worktree(str(product), products.tip(str(product), "main"), dest)
    (dest / "README.md").unlink()
    (dest / "README.md").mkdir()
    (dest / "README.md/deep").write_text("x")
    (dest / "src/a.txt").unlink()
    (dest / "src").rmdir()
    (dest / "src").symlink_to("README.md")
    commit = products.commit_all(dest, message="m", author=WHO, time=1, branch="alai/x")
    assert commit
    start = products.tip(str(product), "main")
    assert advance(str(product), "main", start, commit) is Advance.MOVED
    assert git(product, "status", "--porcelain") == ""
    assert (product / "src").is_symlink()
    assert advance(str(product), "main", commit, start) is Advance.MOVED
    assert git(product, "status", "--porcelain") == ""
    assert (product / "src/a.txt").read_text() == "one\ntwo\nthree\n"


def test_dirty_checkouts_wait(product: Path, tmp_path: Path, git: Git) -> None:
    commit = work(product, tmp_path / "w", {"src/new.txt": "b\n"})
    old, new = products.tip(str(product), "main"), merged(product, commit)

    def tried() -> Advance:
        outcome = advance(str(product), "main", old, new)
        assert products.tip(str(product), "main") == (new if outcome is Advance.MOVED else old)
        return outcome

    (product / "README.md").write_text("edited\n")
    assert tried() is Advance.DIRTY
    git(product, "add", "README.md")
    assert tried() is Advance.DIRTY
    git(product, "reset", "-q", "--hard")
    (product / "src/new.txt").write_text("in the way\n")
    assert tried() is Advance.DIRTY
    assert (product / "src/new.txt").read_text() == "in the way\n"
    (product / "src/new.txt").unlink()
    (product / ".git/MERGE_HEAD").write_text(old)
    assert tried() is Advance.DIRTY
    (product / ".git/MERGE_HEAD").unlink()
    assert tried() is Advance.MOVED


def test_line_endings_are_converted_as_the_product_asks(product: Path, tmp_path: Path, git: Git) -> None:
    (product / ".gitattributes").write_text("*.txt text eol=crlf\n")
    git(product, "add", "-A")
    git(product, "commit", "-qm", "crlf")
    git(product, "rm", "-q", "--cached", "-r", ".")
    git(product, "reset", "-q", "--hard")
    commit = work(product, tmp_path / "w", {"src/a.txt": "1\r\n2\r\n", "src/n.txt": "n\n"})
    assert git(product, "show", f"{commit}:src/a.txt") == "1\n2"
    assert advance(str(product), "main", products.tip(str(product), "main"), commit) is Advance.MOVED
    assert (product / "src/a.txt").read_bytes() == b"1\r\n2\r\n"
    assert git(product, "status", "--porcelain") == ""


def test_a_bare_product_moves_by_compare_and_swap(product: Path, tmp_path: Path, git: Git) -> None:
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "-q", "--bare", str(product), str(bare))
    commit = work(bare, tmp_path / "w", {"src/b.txt": "b\n"})
    old, new = products.tip(str(bare), "main"), merged(bare, commit)
    assert advance(str(bare), "main", old, new) is Advance.MOVED
    assert advance(str(bare), "main", old, commit) is Advance.RACED
    assert advance(str(bare), "main", old, new) is Advance.MOVED


MOVER = """
import sys
from reconciler.git import advance
advance.advance(sys.argv[1], "main", sys.argv[2], sys.argv[3])
"""


def test_a_move_that_was_killed_is_finished_by_the_next_one(product: Path, tmp_path: Path, git: Git) -> None:
    files = {f"many/{number % 40}/{number}.txt": "x\n" for number in range(250)}
    commit = work(product, tmp_path / "w", files)
    old = products.tip(str(product), "main")
    rng = random.Random(7)
    for _ in range(6):
        child = subprocess.Popen([sys.executable, "-c", MOVER, str(product), old, commit])
        time.sleep(rng.uniform(0.1, 0.5))
        child.kill()
        child.wait()
        assert advance(str(product), "main", old, commit) is Advance.MOVED
        assert git(product, "status", "--porcelain") == ""
        assert not (product / ".git/index.lock").exists()
        git(product, "reset", "-q", "--hard", old)
    assert Repository(product).head() == old


def test_a_product_whose_mover_was_killed_is_whole_again_after_recovery(
    product: Path, tmp_path: Path, git: Git
) -> None:
    """As after a crash between the move and the outcome: nobody moves the branch again, it is there already."""
    commit = work(product, tmp_path / "w", {f"many/{number % 40}/{number}.txt": "x\n" for number in range(250)})
    old = products.tip(str(product), "main")
    moved = 0
    rng = random.Random(3)
    for _ in range(6):
        child = subprocess.Popen([sys.executable, "-c", MOVER, str(product), old, commit])
        deadline = time.monotonic() + 30
        while products.tip(str(product), "main") == old and child.poll() is None and time.monotonic() < deadline:
            time.sleep(rng.uniform(0.0, 0.01))
        child.kill()
        child.wait()
        recover(str(product))
        moved += products.tip(str(product), "main") == commit
        assert git(product, "status", "--porcelain") == ""
        assert not (product / ".git/index.lock").exists()
        assert not list((product / ".git/alai-move").glob("*"))
        git(product, "reset", "-q", "--hard", old)
    assert moved
