"""Which commits count as a controller's: by key, and by where they stand in history."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.git.controllers import LIST, in_force, lists, made_by_controllers, with_key, without_key
from reconciler.git.repository import Repository
from reconciler.git.run import run
from reconciler.git.sshsig import Key, signed_commit
from tests.git.conftest import Git

OLD, NEW, STRANGER = Key.make(), Key.make(), Key.make()


class Line:
    """A repository to lay commits down in, by a person or signed with a controller's key."""

    def __init__(self, root: Path, git: Git) -> None:
        self.root, self._git = root, git
        Repository.create(root, "main")
        self.person("start")

    def git(self, *args: str) -> str:
        return self._git(self.root, *args)

    def person(self, message: str) -> str:
        self.git("commit", "-q", "--allow-empty", "-m", message, "-m", "Alai-Execution: x")
        return self.head()

    def by(self, key: Key) -> str:
        unsigned = run(self.root, "cat-file", "commit", self.person("outcome")).stdout
        content = signed_commit(key, unsigned)
        oid = run(self.root, "hash-object", "-t", "commit", "-w", "--stdin", data=content).stdout.decode().strip()
        self.git("reset", "-q", "--hard", oid)
        return oid

    def keys(self, body: bytes | None) -> str:
        if body is None:
            self.git("rm", "-q", LIST)
        else:
            (self.root / LIST).parent.mkdir(exist_ok=True)
            (self.root / LIST).write_bytes(body)
            self.git("add", "-A")
        return self.person("keys")

    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def counts(self, *claims: str) -> set[str]:
        return made_by_controllers(Repository(self.root), "HEAD", claims)


@pytest.fixture
def line(tmp_path: Path, git: Git) -> Line:
    return Line(tmp_path / "factory", git)


def test_with_a_list_only_commits_signed_by_a_key_of_their_parent_s_list_count(line: Line) -> None:
    listing = line.keys(with_key(b"", OLD.public, "here"))
    ours, person, stranger = line.by(OLD), line.person("Alai-Outcome: passed"), line.by(STRANGER)
    assert line.counts(listing, ours, person, stranger) == {listing, ours}  # the list itself lies before it


def test_a_commit_cannot_let_itself_in(line: Line) -> None:
    line.keys(with_key(b"", OLD.public, "here"))
    (line.root / LIST).write_bytes(with_key(b"", STRANGER.public, "let in"))
    line.git("add", "-A")
    assert line.counts(line.by(STRANGER)) == set()


def test_an_amended_commit_does_not_count(line: Line) -> None:
    line.keys(with_key(b"", OLD.public, "here"))
    line.by(OLD)
    line.git("commit", "-q", "--amend", "--allow-empty", "-m", "amended\n\nAlai-Execution: x")
    assert line.counts(line.head()) == set()


def test_history_before_the_first_list_counts_and_a_side_branch_from_before_it_does_not(line: Line) -> None:
    old = line.person("old")
    line.git("branch", "side")
    line.keys(with_key(b"", OLD.public, "here"))
    line.git("switch", "-q", "side")
    forged = line.person("forged on an old commit")
    line.git("switch", "-q", "main")
    line.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    assert line.counts(old, forged) == {old}


def test_taking_the_list_away_does_not_make_unsigned_commits_count(line: Line) -> None:
    old = line.person("old")
    line.keys(with_key(b"", OLD.public, "here"))
    ours = line.by(OLD)
    line.keys(None)
    assert line.counts(old, ours, line.person("forged"), line.by(OLD)) == {old, ours}


def test_a_retired_key_keeps_what_it_signed_and_signs_nothing_more(line: Line) -> None:
    body = with_key(b"", OLD.public, "first")
    line.keys(body)
    before = line.by(OLD)
    line.git("branch", "side")
    line.keys(with_key(without_key(body, OLD.public, "20300101"), NEW.public, "second"))
    late, new = line.by(OLD), line.by(NEW)
    line.git("switch", "-q", "side")
    backdated = line.by(OLD)  # whoever has the old key goes back to where it was in force
    line.git("switch", "-q", "main")
    line.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    assert line.counts(before, late, new, backdated) == {before, new}


def test_a_key_that_is_listed_again_signs_again(line: Line) -> None:
    body = with_key(b"", OLD.public, "first")
    line.keys(body)
    before = line.by(OLD)
    line.keys(without_key(body, OLD.public, "20300101"))
    line.keys(body)
    again = line.by(OLD)
    assert line.counts(before, again) == {before, again}


def test_a_merge_that_drops_the_retirement_does_not_bring_the_key_back(line: Line) -> None:
    both = line.keys(with_key(with_key(b"", OLD.public, "old"), NEW.public, "new"))
    retired = line.keys(without_key((line.root / LIST).read_bytes(), OLD.public, "20300101"))
    for parents in ((both, retired), (retired, both)):
        line.git("reset", "-q", "--hard", parents[0])
        merge = line.git("commit-tree", "-m", "merge", "-p", parents[0], "-p", parents[1], f"{both}^{{tree}}")
        line.git("reset", "-q", "--hard", merge)
        late, other = line.by(OLD), line.by(NEW)
        assert line.counts(late, other) == {other}


def test_outcomes_of_two_machines_count_after_their_histories_were_merged(line: Line) -> None:
    line.keys(with_key(with_key(b"", OLD.public, "one"), NEW.public, "two"))
    line.git("branch", "side")
    one = line.by(OLD)
    line.git("switch", "-q", "side")
    two = line.by(NEW)
    line.git("merge", "-q", "--no-ff", "-m", "pulled", "main")
    assert line.counts(one, two, line.person("x")) == {one, two}


def test_a_merge_is_no_controller_s_commit(line: Line) -> None:
    line.keys(with_key(b"", OLD.public, "here"))
    line.git("switch", "-q", "-c", "side")
    line.person("side")
    line.git("switch", "-q", "main")
    line.git("merge", "-q", "--no-ff", "-m", "merge\n\nAlai-Execution: x", "side")
    content = run(line.root, "cat-file", "commit", "HEAD").stdout
    oid = run(line.root, "hash-object", "-t", "commit", "-w", "--stdin", data=signed_commit(OLD, content)).stdout
    line.git("reset", "-q", "--hard", oid.decode().strip())
    assert line.counts(line.head()) == set()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace('namespaces="git"', 'namespaces="git",valid-before="20200101"'),
        lambda text: text.replace('namespaces="git"', 'namespaces="file"'),
        lambda text: text.replace('namespaces="git"', "cert-authority"),
        lambda text: f"# {text}",
        lambda text: text.replace("ssh-ed25519", "ssh-rsa"),
        lambda _: "",
    ],
)
def test_a_line_that_says_anything_else_puts_no_key_in_force(spoil: Callable[[str], str]) -> None:
    text = with_key(b"", OLD.public, "here").decode()
    assert in_force(text.encode()) == {OLD.public}
    assert in_force(spoil(text).encode()) == frozenset()


def test_a_line_that_a_person_wrote_puts_its_key_in_force_and_retiring_leaves_the_rest() -> None:
    body = f'# ours\nme@example.org {OLD.public}\nalai namespaces="git"  {NEW.public} x\n'.encode()
    assert in_force(body) == {OLD.public, NEW.public}
    retired = without_key(body, OLD.public, "20300101")
    assert in_force(retired) == {NEW.public}
    assert lists(retired, OLD.public)
    assert retired.startswith(b"# ours\n")
    assert not lists(retired, STRANGER.public)
