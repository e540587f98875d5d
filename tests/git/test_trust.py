"""Which commits count where the Policy asks for signatures."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from reconciler.git import trust
from reconciler.git.pin import Pin
from reconciler.git.repository import Repository
from reconciler.git.signature import fingerprint, public_key
from tests.git.conftest import Git

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")

OLD = ' valid-before="20200101" '


class Signed:
    """A repository whose commits are signed by whom one wants."""

    def __init__(self, root: Path, keys: Path) -> None:
        self.root, self.keys = root, keys
        self.repository = Repository.create(root, "main")

    def git(self, *args: str, date: str | None = None) -> str:
        env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        env |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        env |= {"GIT_COMMITTER_DATE": date, "GIT_AUTHOR_DATE": date} if date else {}
        argv = ["git", "-c", "user.name=Person", "-c", "user.email=person@localhost", *args]
        return subprocess.run(argv, cwd=self.root, env=env, capture_output=True, check=True, text=True).stdout.strip()

    def key(self, who: str) -> str:
        return public_key((self.keys / f"{who}.pub").read_text()) or ""

    def list(self, *who: str, options: str = " ") -> None:
        (self.root / ".alai").mkdir(exist_ok=True)
        (self.root / trust.SIGNERS).write_text("".join(f"{name}@x{options}{self.key(name)}\n" for name in who))

    def commit(self, by: str | None, message: str = "work", *config: str, date: str | None = None) -> str:
        self.git("add", "-A")
        sign = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={self.keys / by}", *config) if by else config
        self.git(*sign, "commit", "-q", "--allow-empty", *(["-S"] if by else []), "-m", message, date=date)
        return self.repository.head()

    def pin(self, *trusted: str, **more: object) -> Pin:
        more = {"signatures": "every", **more}
        return Pin(repository=str(self.repository.common), branch="main", trusted=trusted, **more)

    def why(self, pin: Pin) -> str:
        """Why the head is not trusted; empty where it is."""
        return trust.check(self.repository, self.repository.head(), pin) or ""


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("alice", "eve", "bob"):
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
        subprocess.run(argv, check=True)
    return folder


@pytest.fixture
def signed(tmp_path: Path, keys: Path) -> Signed:
    """Its first commit lists alice."""
    made = Signed(tmp_path / "factory", keys)
    made.list("alice")
    made.commit("alice", "start")
    return made


def test_where_no_signatures_are_asked_for_every_commit_of_the_branch_counts(signed: Signed) -> None:
    pin = signed.pin(signed.repository.head(), signatures="none")
    signed.commit(None)
    assert signed.why(pin) == ""


@pytest.mark.parametrize("mode", ["head", "every"])
def test_only_keys_that_were_allowed_before_let_a_commit_in(signed: Signed, mode: str) -> None:
    first = signed.repository.head()
    pin = signed.pin(first, signatures=mode)
    assert signed.why(pin) == ""
    signed.commit("alice")
    assert signed.why(pin) == ""
    signed.commit(None)
    assert "carries no SSH signature" in signed.why(pin)
    signed.git("reset", "-q", "--hard", first)
    signed.list("alice", "eve")
    signed.commit("eve", "eve lets herself in")
    assert fingerprint(signed.key("eve")) in signed.why(pin)
    signed.git("reset", "-q", "--hard", first)
    signed.list("alice", "eve")
    signed.commit(None, "somebody lets eve in")
    signed.commit("eve")
    assert signed.why(pin) != ""


def test_one_signature_speaks_for_what_lies_below_only_where_the_head_alone_is_asked_for(signed: Signed) -> None:
    first = signed.repository.head()
    signed.commit(None, "unsigned")
    unsigned = signed.repository.head()
    signed.commit("alice")
    assert signed.why(signed.pin(first, signatures="head")) == ""
    said = signed.why(signed.pin(first, signatures="every"))
    assert f"commit {unsigned[:12]} carries no" in said
    assert f"git rebase --exec 'git commit --amend --no-edit -S' {first[:12]}; " in said
    assert f"alai-reconcile trust {unsigned[:12]}" in said


def test_a_merged_branch_is_judged_too_where_every_commit_must_be_signed(signed: Signed) -> None:
    first = signed.repository.head()
    signed.git("checkout", "-q", "-b", "side")
    side = signed.commit(None, "unsigned, beside")
    signed.git("checkout", "-q", "main")
    signed.commit("alice")
    sign = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={signed.keys / 'alice'}")
    signed.git(*sign, "merge", "-q", "--no-ff", "-S", "-m", "merge", "side")
    assert side[:12] in signed.why(signed.pin(first))
    assert signed.why(signed.pin(first, signatures="head")) == ""


@pytest.mark.parametrize("mode", ["head", "every"])
def test_keys_change_hands_within_one_push(signed: Signed, mode: str) -> None:
    first = signed.repository.head()
    signed.list("bob")
    signed.commit("alice", "bob takes over")
    signed.commit("bob")
    assert signed.why(signed.pin(first, signatures=mode)) == ""
    signed.commit("alice", "alice is not listed any more")
    assert signed.why(signed.pin(first, signatures=mode)) != ""


def test_a_key_that_was_taken_away_does_not_come_back_with_an_old_commit(signed: Signed) -> None:
    old = signed.repository.head()
    signed.list("bob")
    now = signed.commit("alice", "alice leaves")
    signed.git("reset", "-q", "--hard", old)
    signed.commit("alice", "built beside it, on what still lists alice")
    assert signed.why(signed.pin(now)) != ""
    assert signed.why(signed.pin(now, signatures="head")) != ""


def _merge(signed: Signed, by: str, *parents: str, tree: str | None = None) -> str:
    """A merge with just these parents, in this order, as what is checked out."""
    sign = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={signed.keys / by}")
    over = [word for oid in parents for word in ("-p", oid)]
    made = signed.git(*sign, "commit-tree", "-S", "-m", "merge", *over, f"{tree or parents[0]}^{{tree}}")
    signed.git("reset", "-q", "--hard", made)
    return made


def _taken_from_eve(signed: Signed, *, revoked: bool) -> tuple[str, str]:
    """The commit that lists eve, and the one on top of it that takes her key away."""
    signed.list("alice", "bob", "eve")
    first = signed.commit("alice")
    signed.list("alice", "bob")
    if revoked:
        (signed.root / trust.REVOKED).write_text(signed.key("eve") + "\n")
    return first, signed.commit("alice", "eve leaves")


@pytest.mark.parametrize("mode", ["head", "every"])
@pytest.mark.parametrize("revoked", [False, True])
def test_a_merge_is_signed_by_a_key_that_each_of_its_parents_allows(signed: Signed, mode: str, revoked: bool) -> None:
    first, gone = _taken_from_eve(signed, revoked=revoked)
    signed.git("reset", "-q", "--hard", first)
    beside = signed.commit("alice", "beside")
    pin = signed.pin(first, signatures=mode)
    for parents in ((first, gone), (gone, first), (beside, gone), (first, beside, gone), (beside, first, gone)):
        for tree in (first, gone):
            _merge(signed, "eve", *parents, tree=tree)
            assert fingerprint(signed.key("eve")) in signed.why(pin), parents
        _merge(signed, "bob", *parents, tree=gone)
        assert signed.why(pin) == "", parents
        signed.commit("eve", "on top of it")
        assert signed.why(pin) != ""


@pytest.mark.parametrize("mode", ["head", "every"])
@pytest.mark.parametrize("revoked", [False, True])
def test_a_merge_that_drops_a_removal_does_not_bring_the_key_back(signed: Signed, mode: str, revoked: bool) -> None:
    first, gone = _taken_from_eve(signed, revoked=revoked)
    pin = signed.pin(first, signatures=mode)
    dropped = _merge(signed, "alice", first, gone, tree=first)
    assert "taken away below it" in signed.why(pin), "accepted, it would begin the next list"
    signed.commit("eve", "on top of it")
    assert fingerprint(signed.key("eve")) in signed.why(pin)
    signed.git("reset", "-q", "--hard", dropped)
    signed.git("checkout", "-q", gone, "--", ".")
    signed.commit("alice", "without eve again")
    assert signed.why(pin) == ""
    signed.commit("eve")
    assert signed.why(pin) != ""


@pytest.mark.parametrize("mode", ["head", "every"])
def test_keys_that_a_side_branch_adds_or_gives_back_count_after_the_merge(signed: Signed, mode: str) -> None:
    first, gone = _taken_from_eve(signed, revoked=False)
    signed.list("alice", "eve", "bob")
    back = signed.commit("alice", "eve is back")
    pin = signed.pin(first, signatures=mode)
    _merge(signed, "alice", gone, back, tree=back)
    assert signed.why(pin) == ""
    signed.commit("eve")
    assert signed.why(pin) == ""


def test_a_revoked_key_lets_nothing_new_in_even_where_it_is_listed_or_pinned(signed: Signed) -> None:
    (signed.root / trust.REVOKED).write_text(signed.key("alice") + "\n")
    revoked = signed.commit("alice")
    assert signed.why(signed.pin(revoked)) == ""
    signed.commit("alice")
    assert signed.why(signed.pin(revoked)) != ""
    assert signed.why(signed.pin(revoked, keys=(signed.key("alice"),))) != ""


def test_a_key_is_judged_by_our_clock_not_by_the_date_that_the_commit_names(signed: Signed) -> None:
    signed.list("alice", options=OLD)
    listed = signed.commit("alice", "alice may sign until 2020")
    forged = signed.commit("alice", "so it says it is of 2019", date="2019-05-01T12:00:00Z")
    assert signed.why(signed.pin(listed)) != ""
    # what was accepted in its time stays accepted, and all that it was built on
    assert signed.why(signed.pin(forged)) == ""


def test_the_author_of_a_commit_has_no_say(signed: Signed) -> None:
    first = signed.repository.head()
    signed.commit("eve", "by alice, it says", "-c", "user.name=alice", "-c", "user.email=alice@x")
    assert signed.why(signed.pin(first)) != ""


def test_a_signature_for_something_else_or_of_another_commit_counts_for_nothing(signed: Signed) -> None:
    first = signed.repository.head()
    raw = subprocess.run(["git", "cat-file", "commit", "HEAD"], cwd=signed.root, capture_output=True).stdout
    forged = raw.replace(b"\n\nstart", b"\n\nstolen").replace(b"\nauthor", f"\nparent {first}\nauthor".encode(), 1)
    _write(signed, forged)
    assert signed.why(signed.pin(first)) != ""
    twice = raw.replace(b"\ngpgsig ", b"\ngpgsig x\ngpgsig ", 1)
    _write(signed, twice.replace(b"\nauthor", f"\nparent {first}\nauthor".encode(), 1))
    assert "carries no SSH signature" in signed.why(signed.pin(first))


def _write(signed: Signed, raw: bytes) -> None:
    argv = ["git", "hash-object", "-t", "commit", "-w", "--stdin", "--literally"]
    done = subprocess.run(argv, cwd=signed.root, input=raw, capture_output=True, check=True)
    signed.git("update-ref", "refs/heads/main", done.stdout.decode().strip())


@pytest.mark.parametrize("mode", ["head", "every"])
def test_rewritten_history_is_judged_like_any_other(signed: Signed, mode: str) -> None:
    first = signed.repository.head()
    last = signed.commit("alice")
    pin = signed.pin(last, signatures=mode)
    signed.git("reset", "-q", "--hard", first)
    assert signed.why(pin) == ""  # what the pin was built on
    signed.commit(None, "unsigned, on an older parent")
    assert "carries no SSH signature" in signed.why(pin)
    signed.git("reset", "-q", "--hard", first)
    signed.commit("alice", "signed, on an older parent")
    assert signed.why(pin) == ""


@pytest.mark.parametrize("mode", ["head", "every"])
def test_history_that_is_built_on_nothing_trusted_is_refused_whoever_signed_it(signed: Signed, mode: str) -> None:
    pin = signed.pin(signed.repository.head(), signatures=mode)
    signed.git("checkout", "-q", "--orphan", "other")
    orphan = signed.commit("alice", "an orphan")
    assert "built on nothing that is trusted" in signed.why(pin)
    assert f"alai-reconcile trust {orphan[:12]}" in signed.why(pin)
    assert signed.why(signed.pin(orphan, signatures=mode)) == ""


def test_a_pin_of_a_commit_that_is_not_here_trusts_nothing(signed: Signed) -> None:
    assert "built on nothing that is trusted" in signed.why(signed.pin("0" * 39 + "1"))


def test_a_pinned_key_begins_trust_where_nothing_was_trusted(signed: Signed) -> None:
    signed.commit(None, "unsigned, and vouched for by what follows")
    signed.commit("bob", "bob has looked at it")
    pin = signed.pin(keys=(signed.key("bob"),), signatures="none")
    assert signed.why(pin) == ""
    signed.commit("alice", "listed there")
    assert signed.why(pin) == ""
    signed.commit(None)
    assert "carries no SSH signature" in signed.why(pin)
    assert "built on nothing" in signed.why(signed.pin(keys=(signed.key("eve"),), signatures="none"))


def test_the_controllers_own_key_is_as_good_as_a_listed_one(signed: Signed) -> None:
    first = signed.repository.head()
    signed.commit("bob", "an outcome")
    assert signed.why(signed.pin(first)) != ""
    assert signed.why(signed.pin(first, controller=signed.key("bob"))) == ""


def test_where_no_key_is_listed_the_refusal_says_how_to_pin_ones_own(factory: Path, git: Git) -> None:
    repository = Repository(factory)
    first = repository.head()
    git(factory, "commit", "-q", "--allow-empty", "-m", "unsigned")
    pin = Pin(repository="", branch="main", trusted=(first,), signatures="head")
    assert "alai-reconcile trust ~/.ssh/KEY.pub" in (trust.check(repository, repository.head(), pin) or "")


def test_an_accepted_commit_takes_the_place_of_those_it_was_built_on(signed: Signed) -> None:
    first = signed.repository.head()
    second = signed.commit("alice")
    signed.git("reset", "-q", "--hard", first)
    beside = signed.commit("alice", "beside")
    assert trust.covered(signed.repository, second, (first,)) == (second,)
    assert trust.covered(signed.repository, beside, (second,)) == (second, beside)
    assert trust.covered(signed.repository, beside, (second, beside)) == (second, beside)
