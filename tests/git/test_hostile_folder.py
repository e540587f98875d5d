"""A `.git` folder that came along with a product: links and pipes in it are refused, a journal in it writes nowhere."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reconciler.controller.lease import lock_file
from reconciler.git import journal
from reconciler.git import product as products
from reconciler.git.advance import Advance, advance, recover
from reconciler.git.errors import GitError
from reconciler.git.layout import layout, worktrees
from reconciler.git.repository import Repository
from reconciler.git.seal import seal
from reconciler.model.errors import Refused
from tests.git.conftest import Git
from tests.git.test_product import merged, work


def use(product: Path) -> None:
    """What every run does first."""
    recover(str(product))
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
    """A journal of ours in a product whose second commit, not yet on the disk, has a `.bashrc`. What else lies in its
    folder, somebody else put there."""
    old = git(product, "rev-parse", "HEAD")
    (product / ".bashrc").write_text("evil\n")
    git(product, "add", "-A")
    git(product, "commit", "-qm", "two")
    new = git(product, "rev-parse", "HEAD")
    git(product, "read-tree", old)
    (product / ".bashrc").unlink()
    folder = product / ".git/alai-move/0011223344556677"
    folder.mkdir(parents=True)
    (folder / "journal.json").write_bytes(journal.written(folder, "main", old, new))
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


@pytest.mark.parametrize("name", ["logs/HEAD", "logs/refs/heads/main", "logs/refs/heads/alai/new"])
def test_a_log_that_is_a_file_of_the_users_too_is_refused_before_git_appends_to_it(
    name: str, product: Path, victim: Path
) -> None:
    log = product / ".git" / name
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    log.hardlink_to(victim / ".bashrc")
    with pytest.raises(GitError, match=r"second name .* give it a file of its own"):
        use(product)
    assert untouched(victim)


def test_objects_and_branches_under_two_names_are_honest_since_git_replaces_them(product: Path, tmp_path: Path) -> None:
    for number, file in enumerate([*(product / ".git/objects").rglob("*"), *(product / ".git/refs").rglob("*")]):
        if file.is_file():
            (tmp_path / str(number)).hardlink_to(file)
    use(product)


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
        advance(str(product), "main", base, new)
    assert untouched(victim)


def test_a_journal_of_ours_is_completed(planted: Path, product: Path) -> None:
    use(product)
    assert (product / ".bashrc").read_text() == "evil\n"
    assert not planted.exists()


@pytest.mark.parametrize("how", ["no seal", "another's seal", "other words", "another place", "no text"])
def test_a_journal_that_somebody_else_wrote_is_left_alone_and_named(
    how: str, planted: Path, product: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = json.loads((planted / "journal.json").read_text())
    if how == "no seal":
        del said["seal"]
    elif how == "another's seal":
        with monkeypatch.context() as theirs:
            theirs.setenv("XDG_CONFIG_HOME", str(product.parent / "theirs"))
            said = json.loads(journal.written(planted, said["branch"], said["old"], said["new"]))
    elif how == "other words":
        said["old"] = said["new"]
    elif how == "another place":
        planted = planted.rename(planted.with_name("8899aabbccddeeff"))
    else:
        said["seal"] = ["é"]
    (planted / "journal.json").write_text(json.dumps(said))
    os.utime(planted, (1, 1))
    use(product)
    assert (planted / "journal.json").exists()
    assert not (product / ".bashrc").exists()
    assert str(planted) in caplog.text


def test_the_secret_of_the_seals_is_made_once_whoever_asks_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with ThreadPoolExecutor(8) as pool:
        seals = set(pool.map(seal, [tmp_path] * 32, ["words"] * 32))
    assert len(seals) == 1
    [kept] = (tmp_path / "alai-reconcile").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    kept.write_bytes(b"")
    with pytest.raises(Refused, match="remove it"):
        seal(tmp_path, "words")


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


@pytest.mark.parametrize("sort", ["pipe", "socket", "link"])
def test_what_is_no_file_among_the_objects_keeps_no_git_waiting(sort: str, product: Path, git: Git) -> None:
    oid = git(product, "rev-parse", "HEAD")
    place = product / ".git/objects" / oid[:2] / oid[2:]
    place.unlink()
    if sort == "pipe":
        os.mkfifo(place)
    elif sort == "link":
        place.symlink_to("/dev/zero")
    else:
        with socket.socket(socket.AF_UNIX) as there, contextlib.chdir(place.parent):
            there.bind(place.name)
    with pytest.raises(GitError, match=r"is a link|no plain file"):
        products.tip(str(product), "main")


@pytest.mark.parametrize(
    "folder", ["refs/heads/many", "logs/many", "objects", "objects/pack", "alai-move", "worktrees"]
)
def test_more_files_than_anybody_looks_at_are_refused_at_once(folder: str, product: Path) -> None:
    place = product / ".git" / folder
    place.mkdir(parents=True, exist_ok=True)
    for number in range(50_001 if folder not in ("alai-move", "worktrees") else 1001):
        os.mknod(place / f"more-{number}")

    def look() -> object:
        return worktrees(layout(product)) if folder == "worktrees" else use(product)

    begun = time.process_time()
    with pytest.raises(GitError, match="more files than are looked at"):
        look()
    assert time.process_time() - begun < 2


def test_a_clone_that_borrows_objects_is_worked_on_like_any_other(product: Path, tmp_path: Path, git: Git) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--shared", str(product), str(clone))
    base = products.tip(str(clone), "main")
    new = merged(clone, work(clone, tmp_path / "w", {"new.md": "new\n"}))
    assert advance(str(clone), "main", base, new) is Advance.MOVED


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


def test_a_branch_that_stands_for_another_is_replaced_and_the_other_stays(
    product: Path, tmp_path: Path, git: Git
) -> None:
    main = git(product, "rev-parse", "main")
    stand_in = product / ".git/refs/heads/alai/one"
    stand_in.parent.mkdir(parents=True)
    stand_in.write_text("ref: refs/heads/main\n")
    commit = work(product, tmp_path / "w", {"a.txt": "not accepted\n"}, branch="alai/one", start="main")
    assert git(product, "rev-parse", "main") == main
    for was in (commit, main):
        stand_in.parent.mkdir(exist_ok=True)
        stand_in.write_text("ref: refs/heads/main\n")
        products.withdraw(str(product), "alai/one", was)
        assert git(product, "rev-parse", "main") == main


@pytest.mark.parametrize("how", ["loose", "packed"])
def test_content_under_the_name_of_another_object_is_not_read(product: Path, git: Git, how: str) -> None:
    repository = Repository(product)
    oid = git(product, "rev-parse", "main:README.md")
    assert repository.read("main", "README.md") == repository.blobs([oid]).__next__()[1]
    if how == "loose":
        place = product / ".git/objects" / oid[:2] / oid[2:]
        place.chmod(0o644)
        place.write_bytes(zlib.compress(b"blob 5\0EVIL\n"))
    else:
        false_index(product, git, oid)
    for reading in (lambda: repository.read("main", "README.md"), lambda: list(repository.blobs([oid]))):
        with pytest.raises(GitError, match="not what its name says"):
            reading()


def false_index(product: Path, git: Git, oid: str) -> None:
    """Pack everything, and swap two blobs of the same pack in its index."""
    (product / "evil.txt").write_text("EVIL\n")
    git(product, "add", "-A")
    git(product, "commit", "-qm", "evil")
    other = git(product, "rev-parse", "main:evil.txt")
    git(product, "gc", "-q")
    index = next((product / ".git/objects/pack").glob("*.idx"))
    index.chmod(0o644)
    body = bytearray(index.read_bytes())
    count = int.from_bytes(body[8 + 255 * 4 : 8 + 256 * 4], "big")
    names = 8 + 256 * 4
    offsets = names + count * 20 + count * 4
    at = {body[names + n * 20 : names + n * 20 + 20].hex(): offsets + n * 4 for n in range(count)}
    mine, theirs = at[oid], at[other]
    body[mine : mine + 4] = body[theirs : theirs + 4]
    index.write_bytes(bytes(body))


@pytest.mark.parametrize("place", ["pack/x.idx", "00/" + "0" * 38, "info/alternates"])
def test_a_pipe_among_objects_that_are_borrowed_keeps_nobody_waiting(product: Path, tmp_path: Path, place: str) -> None:
    far = tmp_path / "far"
    for name in ("pack", "info", "00"):
        (far / name).mkdir(parents=True)
    os.mkfifo(far / place)
    (product / ".git/objects/info").mkdir(exist_ok=True)
    (product / ".git/objects/info/alternates").write_text("../../../far\n")
    with pytest.raises(GitError, match="is no plain file"):
        use(product)


@pytest.mark.parametrize("lines", [["../../.git/objects"], ["x"] * 3000, ['"quoted"'], ["a\0b"]])
def test_objects_that_are_borrowed_from_nowhere_or_everywhere_are_refused(product: Path, lines: list[str]) -> None:
    (product / ".git/objects/info").mkdir(exist_ok=True)
    (product / ".git/objects/info/alternates").write_text("\n".join(lines) + "\n")
    with pytest.raises(GitError, match="borrows from more folders than are looked at"):
        use(product)


def test_objects_that_are_borrowed_from_what_is_no_folder_are_passed_over(product: Path) -> None:
    (product / ".git/objects/info").mkdir(exist_ok=True)
    (product / ".git/objects/info/alternates").write_text("../../README.md\n../../nowhere\n# a remark\n")
    use(product)


def test_a_clone_that_borrows_from_its_origin_is_used(product: Path, tmp_path: Path, git: Git) -> None:
    git(tmp_path, "clone", "-q", "--shared", str(product), "shared")
    use(tmp_path / "shared")
