"""Commits of the controller, beside a person who works in the same checkout, and through kills."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from reconciler.git.record import BranchMoved, IndexLocked, NewCommit, Recorder, WrongBranch
from reconciler.git.repository import GitError, Repository
from reconciler.git.run import run
from reconciler.git.sshsig import signer
from tests.git.conftest import KEY, Git


def outcome(name: str, **more: bytes | None) -> NewCommit:
    files = {f"evidence/_/{name}/1/evidence.json": name.encode(), **{f"manifests/{k}.yaml": v for k, v in more.items()}}
    trailers = [("Alai-Object", f"Task/{name}"), ("Alai-Attempt", "1")]
    return NewCommit(files=files, subject=f"BUILD: passed: {name}", body="Why.", trailers=trailers, time=1_700_000_000)


def person(root: Path, git: Git) -> tuple[str, ...]:
    """Everything a person has in flight, as bytes."""
    names = ("manifests/staged.yaml", "manifests/unstaged.yaml", "manifests/both.yaml", "new.txt", "untracked.txt")
    index = git(root, "ls-files", "-s", *names)
    return (git(root, "status", "--porcelain"), index, *((root / name).read_text() for name in names))


def test_a_batch_lands_whole_and_leaves_a_persons_edits_as_they_were(factory: Path, git: Git) -> None:
    before, base = person(factory, git), Repository(factory).head()
    with Recorder(factory, "main", KEY) as recorder:
        oids = recorder.write([outcome("one", goal=b"goal 2\n"), outcome("two"), outcome("three", goal=None)], base)
        oids += recorder.write([outcome("four")], oids[-1])
    assert person(factory, git) == before
    assert git(factory, "rev-list", "--reverse", f"{base}..main").split() == oids
    assert (factory / "evidence/_/four/1/evidence.json").read_bytes() == b"four"
    assert not (factory / "manifests/goal.yaml").exists()
    info = next(Repository(factory).commits(base, "main"))
    assert (info.subject, info.time) == ("BUILD: passed: one", 1_700_000_000)
    assert info.trailers == {"Alai-Object": "Task/one", "Alai-Attempt": "1"}
    git(factory, "commit", "-q", "-m", "what the person staged")
    assert set(git(factory, "diff", "--name-only", "HEAD^", "HEAD").split()) == {
        "manifests/both.yaml",
        "manifests/staged.yaml",
        "new.txt",
    }
    git(factory, "diff-files", "--quiet", "--", "evidence")
    git(factory, "fsck", "--strict")
    assert {signer(run(factory, "cat-file", "commit", oid).stdout) for oid in oids} == {KEY.public}


def test_files_that_a_person_changed_stay_while_the_commit_has_ours(factory: Path, git: Git) -> None:
    base = Repository(factory).head()
    (factory / "evidence/_/one/1").mkdir(parents=True)
    (factory / "evidence/_/one/1/evidence.json").write_text("mine")
    (factory / "manifests/plain.yaml").unlink()
    with Recorder(factory, "main", KEY) as recorder:
        recorder.write([outcome("one", staged=b"ours\n", unstaged=b"ours\n", plain=b"ours\n")], base)
    assert (factory / "evidence/_/one/1/evidence.json").read_text() == "mine"
    assert (factory / "manifests/staged.yaml").read_text() == "staged 2\n"
    assert git(factory, "show", ":manifests/staged.yaml") == "staged 2"
    assert (factory / "manifests/unstaged.yaml").read_text() == "unstaged 2\n"
    assert git(factory, "show", ":manifests/unstaged.yaml") == "ours"
    assert not (factory / "manifests/plain.yaml").exists()
    assert git(factory, "show", "HEAD:manifests/staged.yaml") == "ours"


def test_symlinked_folders_are_not_followed(factory: Path, tmp_path: Path, git: Git) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (factory / "evidence").symlink_to(outside)
    with Recorder(factory, "main", KEY) as recorder:
        recorder.write([outcome("one")], Repository(factory).head())
    assert list(outside.iterdir()) == []
    assert git(factory, "show", "HEAD:evidence/_/one/1/evidence.json") == "one"


@pytest.mark.parametrize(
    "path", ["../x", "/x", "a//b", ".git/hooks/x", "a/.GIT/x", "manifests/plain.yaml/x", "manifests"]
)
def test_paths_that_are_no_plain_files_are_refused_and_nothing_moves(factory: Path, path: str) -> None:
    base = Repository(factory).head()
    with Recorder(factory, "main", KEY) as recorder:
        with pytest.raises(GitError):
            recorder.write([NewCommit(files={path: b"x"}, subject="s", time=1)], base)
        assert Repository(factory).head() == base
        assert recorder.write([outcome("one")], base)


def test_a_branch_that_a_person_moved_is_not_overwritten(factory: Path, git: Git) -> None:
    base = Repository(factory).head()
    with Recorder(factory, "main", KEY) as recorder:
        first = recorder.write([outcome("one")], base)
        git(factory, "commit", "-q", "-m", "by a person")
        theirs = Repository(factory).head()
        with pytest.raises(BranchMoved):
            recorder.write([outcome("two")], first[-1])
        assert Repository(factory).head() == theirs
        recorder.write([outcome("two")], theirs)
        assert Repository(factory).is_ancestor(theirs, "HEAD")
        git(factory, "checkout", "-q", "-b", "elsewhere")
        with pytest.raises(WrongBranch):
            recorder.write([outcome("three")], Repository(factory).head())
        git(factory, "checkout", "-q", "--detach")
        with pytest.raises(WrongBranch):
            recorder.write([outcome("three")], Repository(factory).head())


def test_a_held_index_lock_is_waited_for_and_never_taken(factory: Path, git: Git) -> None:
    base, lock = Repository(factory).head(), factory / ".git/index.lock"
    lock.write_bytes(b"")
    with Recorder(factory, "main", KEY, wait=0.2) as recorder:
        with pytest.raises(IndexLocked):
            recorder.write([outcome("one")], base)
        recorder.recover()
        assert lock.exists()
        assert Repository(factory).head() == base
    with Recorder(factory, "main", KEY) as recorder:
        timer = threading.Timer(0.3, lock.unlink)
        timer.start()
        assert recorder.write([outcome("one")], base)
        timer.join()


def test_a_linked_worktree_with_packed_refs_is_a_factory_too(factory: Path, tmp_path: Path, git: Git) -> None:
    linked = tmp_path / "linked"
    git(factory, "worktree", "add", "-q", "-b", "side", str(linked))
    git(factory, "pack-refs", "--all")
    with Recorder(linked, "side", KEY) as recorder:
        recorder.write([outcome("one", goal=b"2\n")], Repository(linked).head())
    assert git(linked, "status", "--porcelain") == ""
    assert (linked / "manifests/goal.yaml").read_text() == "2\n"


def test_the_first_commit_of_a_repository_can_be_ours(tmp_path: Path, git: Git) -> None:
    root = tmp_path / "empty"
    Repository.create(root, "main")
    with Recorder(root, "main", KEY) as recorder:
        (oid,) = recorder.write([outcome("one")], "")
    assert Repository(root).head() == oid
    assert git(root, "status", "--porcelain") == ""


def test_a_person_who_commits_all_the_time_and_the_controller_lose_nothing(factory: Path, git: Git) -> None:
    repository, stop, theirs = Repository(factory), threading.Event(), [0]

    def busy() -> None:
        while not stop.is_set():
            (factory / "busy.txt").write_text(f"{theirs[0]}\n")
            git(factory, "add", "busy.txt", check=False)
            git(factory, "commit", "-q", "-m", f"person {theirs[0]}", check=False)
            theirs[0] += 1
            time.sleep(0.5)

    thread = threading.Thread(target=busy)
    thread.start()
    written: list[str] = []
    try:
        with Recorder(factory, "main", KEY) as recorder:
            while len(written) < 12:
                try:
                    written += recorder.write([outcome(f"t{len(written)}")], repository.head())
                except BranchMoved:
                    continue
    finally:
        stop.set()
        thread.join()
    history = git(factory, "rev-list", "--first-parent", "HEAD").split()
    assert set(written) <= set(history)
    listed = git(factory, "ls-tree", "-r", "--name-only", "HEAD", "evidence").split()
    assert len(listed) == len(written)
    assert "evidence" not in git(factory, "status", "--porcelain")


WRITER = """
import json, sys
from pathlib import Path
from reconciler.git.record import NewCommit, Recorder
from reconciler.git.repository import Repository
from reconciler.git.sshsig import Key
root, run = Path(sys.argv[1]), sys.argv[2]
recorder = Recorder(root, "main", Key.make())
head = Repository(root).head()
print("ready", flush=True)
for number in range(1000):
    commits = [
        NewCommit(files={f"evidence/{run}/{number}-{n}.json": b"x" * 2000, "manifests/goal.yaml": b"%d" % number},
                  subject=f"{run} {number} {n}", time=1_700_000_000 + number)
        for n in range(2)
    ]
    oids = recorder.write(commits, head)
    head = oids[-1]
    print(json.dumps(oids), flush=True)
"""


@pytest.mark.slow
def test_forty_kills_lose_no_reported_commit_and_none_of_a_persons_edits(factory: Path, git: Git) -> None:
    before, rng = person(factory, git), random.Random(11)
    reported: list[str] = []
    for kill in range(40):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(factory), f"r{kill}"], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(rng.uniform(0.0, 0.25))
        child.kill()
        for line in child.stdout.read().splitlines():
            reported += json.loads(line) if line.endswith("]") else []
        child.wait()
        child.stdout.close()
        with Recorder(factory, "main", KEY) as recorder:
            recorder.recover()
        assert person(factory, git) == before, kill
        assert not (factory / ".git/index.lock").exists()
        whole = [path for path in (factory / ".git/alai-move").glob("*/journal.json") if path.stat().st_size]
        assert whole == []
    history = git(factory, "rev-list", "HEAD").split()
    assert set(reported) <= set(history)
    assert git(factory, "rev-list", "--merges", "HEAD") == ""
    assert len(history) % 2 == 1, "each batch is there whole or not at all"
    git(factory, "fsck", "--strict")
    with Recorder(factory, "main", KEY) as recorder:
        recorder.write([outcome("after")], history[0])
    assert person(factory, git) == before


def test_what_does_not_show_or_turns_words_around_is_escaped_in_every_part_of_a_commit() -> None:
    odd = "a\u202eb\u200bc\x1b[31m\U000e0041"
    commit = NewCommit(
        files={}, subject=odd, body=f"first\n\t{odd}", trailers=[("Alai-Model", odd)], author=(odd, "x@y"), time=1
    )
    content = commit.content("0" * 40, None).decode()
    assert content.replace("\n", "").replace("\t", "").isprintable()
    assert content.count("a\\u202eb\\u200bc\\x1b[31m\\U000e0041") == 4
    assert "first\n\ta" in content
    plain = NewCommit(files={}, subject="Größe: 数", body="so\n\nund so", trailers=[], time=1)
    assert plain.message() == "Größe: 数\n\nso\n\nund so\n"
