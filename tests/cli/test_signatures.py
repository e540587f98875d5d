"""Where signatures are asked for, nothing counts that nobody listed has signed: everything through the command line."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from reconciler.controller.signing import own_key
from reconciler.git import pin as pins
from reconciler.git.controllers import LIST, with_key
from reconciler.git.repository import Repository
from reconciler.git.signature import public_key
from tests.cli.trusting import fine, refused, unpin
from tests.e2e.factory import TinyFactory, git, here


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("pat", "mallory"):
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
        subprocess.run(argv, check=True)
    return folder


@pytest.fixture
def signed(factory: TinyFactory, keys: Path) -> TinyFactory:
    """Pat's key and the controller's are listed, signatures are asked for, and that commit was accepted."""
    listed(factory, keys, "pat")
    factory.write(LIST, with_key(b"", own_key(Repository(factory.root)).public, "here").decode())
    ask_for_signatures(factory, "every")
    sign(factory, keys, "pat", "switch signatures on")
    assert here(factory, "apply").code == 0
    return factory


@pytest.mark.parametrize("back", [True, False])
def test_signatures_that_nobody_saw_switched_on_hold_from_that_commit_on(
    factory: TinyFactory, keys: Path, back: bool
) -> None:
    assert here(factory, "apply").code == 0
    listed(factory, keys, "pat")
    factory.write(LIST, with_key(b"", own_key(Repository(factory.root)).public, "here").decode())
    ask_for_signatures(factory, "head")
    sign(factory, keys, "pat", "switch signatures on")
    if back:
        factory.edit("manifests/policy.yaml", "\n  signatures: head", "")
    factory.task("evil", "Write a thing")
    factory.commit("unsigned, before anybody acted")
    untrusted(factory)
    factory.write(".alai/note", "")
    sign(factory, keys, "pat", "looked at")
    assert here(factory, "apply").code == 0


def test_history_that_was_begun_anew_and_what_is_no_file_are_looked_through(factory: TinyFactory) -> None:
    assert here(factory, "apply").code == 0
    factory.git("commit", "-q", "--amend", "-m", "Begin again")
    factory.git("update-ref", "refs/heads/main", factory.git("commit-tree", "-m", "A root", "HEAD^{tree}"))
    factory.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},manifests/nowhere.yaml")
    factory.git("commit", "-qm", "A submodule of nothing")
    factory.git("rm", "-q", "--cached", "manifests/nowhere.yaml")
    factory.task("one", "Write one")
    factory.commit()
    assert here(factory, "diff").code == 2
    assert here(factory, "status").code == 0


def listed(factory: TinyFactory, keys: Path, *who: str) -> None:
    lines = (f"{name}@x {public_key((keys / f'{name}.pub').read_text())}\n" for name in who)
    factory.write(".alai/allowed_signers", "".join(lines))


def ask_for_signatures(factory: TinyFactory, mode: str) -> None:
    factory.edit("manifests/policy.yaml", "  sandbox: preferred", f"  sandbox: preferred\n  signatures: {mode}")


def sign(factory: TinyFactory, keys: Path, who: str, message: str = "work") -> str:
    factory.git("add", "-A")
    key = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={keys / who}")
    factory.git(*key, "commit", "-qS", "--allow-empty", "-m", message)
    return factory.head


def untrusted(factory: TinyFactory) -> None:
    """Whoever acts or looks is refused, and nothing of the commit was taken over."""
    for command in (("apply",), ("rebuild",), ("diff",), ("add", "Write more")):
        assert "is not trusted" in refused(factory, *command)
    assert not (factory.product / "work").exists()


@pytest.mark.slow
def test_signed_commits_and_the_controllers_own_are_worked_on(signed: TinyFactory, keys: Path) -> None:
    signed.task("one", "Write one")
    sign(signed, keys, "pat")
    signed.ok("apply")
    assert (signed.product / "work/one.txt").exists()
    fine(signed, "add", "Write two")
    signed.ok("apply")
    shutil.rmtree(signed.root / "state")
    fine(signed, "rebuild", "--check")
    fine(signed, "verify")
    signed.ok("apply")
    signed.task("three", "Write three")
    signed.commit("unsigned, on top of the controller's")
    assert "carries no SSH signature" in refused(signed, "apply")


@pytest.mark.slow
def test_nothing_is_accepted_because_history_was_rewritten_or_the_state_is_gone(
    signed: TinyFactory, keys: Path
) -> None:
    good = signed.head
    signed.task("evil", "Write evil")
    signed.commit("unsigned on top")
    untrusted(signed)
    shutil.rmtree(signed.root / "state")
    untrusted(signed)
    tree = signed.git("rev-parse", "HEAD^{tree}")
    root = signed.git("rev-list", "--max-parents=0", "HEAD")
    signed.git("reset", "-q", "--hard", signed.git("commit-tree", "-p", root, "-m", "rewritten", tree))
    untrusted(signed)
    signed.git("reset", "-q", "--hard", signed.git("commit-tree", "-m", "an orphan", tree))
    untrusted(signed)
    signed.git("reset", "-q", "--hard", good)
    listed(signed, keys, "pat", "mallory")
    sign(signed, keys, "mallory", "lets herself in")
    untrusted(signed)
    signed.git("reset", "-q", "--hard", good)
    signed.edit("manifests/policy.yaml", "  signatures: ", "  # signatures: ")
    signed.commit("switches signatures off")
    untrusted(signed)
    signed.git("reset", "-q", "--hard", f"{good}~1")
    fine(signed, "apply")  # what was accepted covers what it was built on, and signatures stay switched on
    signed.task("evil", "Write evil")
    signed.commit("unsigned, where no Policy asks for signatures yet")
    untrusted(signed)
    signed.git("reset", "-q", "--hard", good)
    fine(signed, "apply")


def test_in_a_fresh_clone_a_person_says_where_trust_begins(signed: TinyFactory, keys: Path, tmp_path: Path) -> None:
    clone = TinyFactory(tmp_path / "clone")
    clone.folder.mkdir()
    git(signed.root, "clone", "-q", str(signed.root), str(clone.root))
    git(signed.product, "clone", "-q", str(signed.product), str(clone.product))
    for name, value in (("user.name", "Mallory"), ("user.email", "m@x")):
        clone.git("config", name, value)
    good = clone.head
    fine(clone, "list", "tasks")
    said = refused(clone, "apply")
    assert f"nothing is pinned on this machine; look at it, then pin it: alai-reconcile trust {good[:12]}" in said
    listed(clone, keys, "mallory")
    clone.task("evil", "Write evil")
    sign(clone, keys, "mallory", "takes over")
    for command in ("apply", "rebuild"):
        assert "is not trusted" in refused(clone, command)
    assert not (clone.product / "work").exists()
    fine(clone, "trust", good)
    untrusted(clone)
    unpin(clone)
    assert "Pinned: key SHA256:" in fine(clone, "trust", str(keys / "pat.pub"))
    untrusted(clone)
    clone.git("reset", "-q", "--hard", good)
    fine(clone, "apply")


def test_switching_signatures_on_without_a_key_is_refused_with_the_way_to_go_on(
    factory: TinyFactory, keys: Path
) -> None:
    fine(factory, "apply")
    ask_for_signatures(factory, "head")
    factory.commit()
    said = refused(factory, "apply")
    assert ".alai/allowed_signers" in said
    assert "git config commit.gpgSign true" in said
    fine(factory, "trust", (keys / "pat.pub").read_text().strip())
    fine(factory, "apply")
    factory.task("one", "Write one", suspend=True)
    factory.commit()
    assert "sign it with a key" in refused(factory, "apply")
    key = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={keys / 'pat'}")
    factory.git(*key, "commit", "-q", "--amend", "-S", "--no-edit")
    fine(factory, "apply")


def test_a_commit_that_a_person_looked_at_is_pinned(signed: TinyFactory) -> None:
    signed.task("one", "Write one", suspend=True)
    unsigned = signed.commit()
    refused(signed, "apply")
    assert f"Pinned: commit {unsigned[:12]}" in fine(signed, "trust", unsigned[:12])
    fine(signed, "apply")
    assert "one" in signed.tasks()
    assert here(signed, "trust", "no-such-thing").code == 1


NOBODYS = {
    "no list": "",
    "only comments": "# pat@x {key}\n\n",
    "what is no key": "pat@x ssh-ed25519 AAAAgarbage\nnonsense\n",
    "a key without a name": "{key}\n",
    "a key for other things": 'pat@x namespaces="file" {key}\n',
    "a key whose time is over": 'pat@x valid-before="20200101" {key}\n',
}


@pytest.mark.parametrize("what", NOBODYS)
def test_signatures_are_not_switched_on_while_no_person_could_give_one(
    what: str, factory: TinyFactory, keys: Path
) -> None:
    fine(factory, "apply")
    factory.write(LIST, with_key(b"", own_key(Repository(factory.root)).public, "the controller's").decode())
    key = public_key((keys / "pat.pub").read_text())
    factory.write(".alai/allowed_signers", NOBODYS[what].format(key=key))
    ask_for_signatures(factory, "head")
    commit = factory.commit()
    for command in (("apply",), ("rebuild",), ("trust", commit)):
        said = refused(factory, *command)
        assert "nothing says whose: commit .alai/allowed_signers with a line `NAME ssh-ed25519 KEY`" in said
        assert "git config user.signingKey" in said
    factory.write(".alai/allowed_signers", f"pat@x {key}\n")
    factory.commit()
    fine(factory, "apply")


def test_a_revoked_key_is_nobodys(factory: TinyFactory, keys: Path) -> None:
    listed(factory, keys, "pat")
    factory.write(".alai/revoked_keys", (keys / "pat.pub").read_text())
    ask_for_signatures(factory, "every")
    factory.commit()
    assert "nothing says whose" in refused(factory, "apply")


def test_validate_names_lines_that_list_no_key(factory: TinyFactory, keys: Path) -> None:
    good = public_key((keys / "pat.pub").read_text())
    factory.write(".alai/allowed_signers", f"# people\npat@x {good}\n\nmallory ssh-ed25519 AAAA\n{good}\n")
    factory.write(".alai/revoked_keys", f"{good}\nnonsense\n")
    factory.write(LIST, with_key(b"", own_key(Repository(factory.root)).public, "here").decode() + "more\n")
    on_disk = here(factory, "validate", "--worktree")
    factory.commit()
    for done in (on_disk, here(factory, "validate")):
        assert done.code == 1
        places = [line.split(": ")[0] for line in done.err.splitlines()]
        assert places == [
            ".alai/allowed_signers:4:1",
            ".alai/allowed_signers:5:1",
            f"{LIST}:2:1",
            ".alai/revoked_keys:2:1",
        ]
    factory.git("reset", "-q", "--hard", "HEAD~1")
    assert here(factory, "validate").code == 0


def test_validate_says_that_a_commit_is_not_trusted_and_ends_as_it_would(signed: TinyFactory) -> None:
    assert here(signed, "validate").err == ""
    signed.task("one", "Write one")
    commit = signed.commit("unsigned")
    done = here(signed, "validate")
    assert done.code == 0
    assert f"warning: commit {commit[:12]} is not trusted: commit {commit[:12]} carries no SSH signature" in done.err
    assert here(signed, "validate", "--worktree").err == ""


def test_a_refusal_does_not_ask_for_a_listed_key_where_only_the_controllers_is(factory: TinyFactory) -> None:
    factory.write(LIST, with_key(b"", own_key(Repository(factory.root)).public, "here").decode())
    factory.commit()
    pins.update(factory.root / ".git", lambda old: msgspec.structs.replace(old, signatures="head"))
    fine(factory, "trust", factory.head)
    pins.update(factory.root / ".git", lambda old: msgspec.structs.replace(old, signatures="head"))
    factory.task("one", "Write one")
    factory.commit()
    assert "no key is listed there; pin yours" in refused(factory, "apply")
