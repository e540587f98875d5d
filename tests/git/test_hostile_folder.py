"""A `.git` folder that came along with a product: links and pipes in it are refused, a journal in it writes nowhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from reconciler.controller.lease import lock_file
from reconciler.git import product as products
from reconciler.git.errors import GitError
from reconciler.git.product import Advance
from tests.git.conftest import Git
from tests.git.test_product import merged, work


def use(product: Path) -> None:
    """What every run does first."""
    products.recover(str(product))
    products.tip(str(product), "main")


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A folder of the user's that no product may reach."""
    folder = tmp_path / "victim"
    folder.mkdir()
    (folder / ".bashrc").write_text("mine\n")
    (folder / "index").write_text("mine\n")
    return folder


def untouched(victim: Path) -> bool:
    return {file.name: file.read_text() for file in victim.iterdir()} == {".bashrc": "mine\n", "index": "mine\n"}


@pytest.fixture
def planted(product: Path, git: Git) -> Path:
    """A journal that a product brought: its second commit, not yet on the disk, has a `.bashrc`."""
    old = git(product, "rev-parse", "HEAD")
    (product / ".bashrc").write_text("evil\n")
    git(product, "add", "-A")
    git(product, "commit", "-qm", "two")
    new = git(product, "rev-parse", "HEAD")
    git(product, "read-tree", old)
    (product / ".bashrc").unlink()
    folder = product / ".git/alai-move/0011223344556677"
    folder.mkdir(parents=True)
    (folder / "journal.json").write_text(json.dumps({"branch": "main", "old": old, "new": new, "pid": 1}))
    os.utime(folder, (1, 1))
    return folder


@pytest.mark.parametrize("name", ["files", "index", "index.lock"])
def test_a_link_in_a_planted_journals_folder_is_not_followed(
    name: str, planted: Path, product: Path, victim: Path
) -> None:
    (planted / name).symlink_to(victim if name == "files" else victim / "index")
    use(product)
    assert untouched(victim)


def test_a_file_of_the_users_under_two_names_is_not_written_through_a_planted_index(
    planted: Path, product: Path, victim: Path
) -> None:
    (planted / "index").hardlink_to(victim / "index")
    use(product)
    assert untouched(victim)


@pytest.mark.parametrize("name", ["", "0011223344556677", "0011223344556677/journal.json"])
def test_a_journal_behind_a_link_is_left_alone_and_named(
    name: str, planted: Path, product: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = product / ".git/alai-move" / name
    away = tmp_path / "away"
    place.rename(away)
    place.symlink_to(away)
    use(product)
    assert away.exists()
    assert not (product / ".bashrc").exists()
    assert str(place if place.name != "journal.json" else planted) in caplog.text


def test_a_move_never_writes_its_journal_behind_a_link(product: Path, victim: Path, tmp_path: Path) -> None:
    base = products.tip(str(product), "main")
    new = merged(product, work(product, tmp_path / "w", {"new.md": "new\n"}))
    shutil.rmtree(product / ".git/alai-move", ignore_errors=True)
    (product / ".git/alai-move").symlink_to(victim)
    with pytest.raises(GitError, match="is a link"):
        products.advance(str(product), "main", base, new)
    assert untouched(victim)


@pytest.mark.parametrize("branch", ["../../../victim/x", "a/../../../../../victim/x", "", 3])
def test_a_planted_journal_cannot_name_a_branch_outside_of_the_repository(
    branch: object, planted: Path, product: Path, victim: Path
) -> None:
    said = json.loads((planted / "journal.json").read_text())
    (planted / "journal.json").write_text(json.dumps({**said, "branch": branch}))
    os.utime(planted, (1, 1))
    (victim / "x.lock").touch()
    use(product)
    assert (victim / "x.lock").exists()


def test_a_journals_pipe_keeps_nobody_waiting(planted: Path, product: Path, caplog: pytest.LogCaptureFixture) -> None:
    (planted / "journal.json").unlink()
    os.mkfifo(planted / "journal.json")
    use(product)
    assert str(planted) in caplog.text


LINKS = [
    *("refs/heads", "refs/heads/main", "refs/heads/alai", "refs/tags", "index", "logs", "logs/HEAD", "objects"),
    *("objects/pack", "objects/info", "packed-refs", "HEAD", "config", "info"),
    *("logs/refs", "logs/refs/heads", "logs/refs/heads/main"),
]


@pytest.mark.parametrize("name", LINKS)
def test_a_link_to_another_repositorys_part_is_refused(name: str, product: Path, tmp_path: Path, git: Git) -> None:
    other = tmp_path / "other"
    shutil.copytree(product, other)
    git(other, "branch", "alai/x")
    git(other, "pack-refs")
    git(other, "branch", "alai/y")
    place = product / ".git" / name
    if place.is_dir():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    place.symlink_to(other / ".git" / name)
    with pytest.raises(GitError, match="is a link"):
        use(product)


PIPES = [
    *("config", "packed-refs", "HEAD", "shallow", "info/attributes", "info/exclude", "index", "logs/HEAD"),
    *("objects/info/alternates", "refs/heads/x", "logs/refs/heads/main"),
]


@pytest.mark.parametrize("name", PIPES)
def test_a_pipe_in_place_of_a_file_is_refused_at_once(name: str, product: Path) -> None:
    place = product / ".git" / name
    place.parent.mkdir(exist_ok=True)
    place.unlink(missing_ok=True)
    os.mkfifo(place)
    with pytest.raises(GitError, match="no plain file"):
        use(product)


def test_a_clone_that_borrows_objects_is_worked_on_like_any_other(product: Path, tmp_path: Path, git: Git) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--shared", str(product), str(clone))
    base = products.tip(str(clone), "main")
    new = merged(clone, work(clone, tmp_path / "w", {"new.md": "new\n"}))
    assert products.advance(str(clone), "main", base, new) is Advance.MOVED


def test_locks_are_not_kept_behind_a_link(product: Path, victim: Path) -> None:
    (product / ".git/alai-locks").symlink_to(victim)
    with pytest.raises(GitError, match="is a link"):
        lock_file(product, "controller")
    assert untouched(victim)


def test_the_worktree_command_of_git_leaves_nothing_that_is_refused(product: Path, tmp_path: Path, git: Git) -> None:
    git(product, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    git(product, "pack-refs", "--all")
    git(product, "gc", "-q")
    use(product)
    subprocess.run(["git", "status"], cwd=tmp_path / "side", check=True, capture_output=True)
    use(tmp_path / "side")
