"""Only the pinned branch is acted on, and of it only what is trusted: everything through the command line."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from reconciler.controller import hosts
from reconciler.controller.factory import to_nobody
from reconciler.controller.minion_home import open_home
from reconciler.controller.signing import own_key
from reconciler.git import pin as pins
from reconciler.git.controllers import LIST, with_key
from reconciler.git.repository import Repository
from reconciler.git.signature import public_key
from tests.e2e.factory import TinyFactory, git, here, manifest

SPY = 'echo "$0 $*" >> {spied}\n'
ACTING = (
    ("apply",),
    ("apply", "--once"),
    ("add", "Write more"),
    ("suspend", "Task/one"),
    ("resume", "Task/one"),
    ("retry", "Task/one"),
    ("cancel", "Task/one"),
    ("answer", "one", "--pass", "--reason", "fine"),
    ("done", "one", "--reason", "mine"),
    ("pipeline", "create", "one"),
    ("gate", "check", "one"),
    ("fleet", "--probe"),
    ("rebuild",),
    ("minion", "enqueue", "Write a page", "--project", "../product"),
)


def pin_of(factory: TinyFactory) -> pins.Pin:
    found = pins.read(factory.root / ".git")
    assert found is not None
    return found


def unpin(factory: TinyFactory) -> None:
    pins.place(factory.root / ".git").unlink(missing_ok=True)


def refused(factory: TinyFactory, *command: str) -> str:
    done = here(factory, *command)
    assert done.code == 3, (command, done)
    assert len(done.err.strip().splitlines()) == 1, done.err
    return done.err


def fine(factory: TinyFactory, *command: str) -> str:
    done = here(factory, *command)
    assert done.code == 0, (command, done)
    return done.out


def test_work_of_another_branch_or_of_a_detached_head_is_refused_before_anything_happens(factory: TinyFactory) -> None:
    factory.ok("apply")  # in a process of its own, which leaves no open database behind
    before = git(factory.product, "rev-parse", "main")
    factory.git("checkout", "-q", "-b", "feature/unreviewed")
    factory.task("one", "Write one")
    factory.commit("unreviewed")
    state = sorted(path.name for path in (factory.root / "state").rglob("*"))
    for command in ACTING:
        said = refused(factory, *command)
        assert "has feature/unreviewed checked out, not main, which is pinned; run: git switch main" in said
    factory.git("checkout", "-q", "--detach")
    assert "a detached HEAD" in refused(factory, "apply")
    assert git(factory.product, "rev-parse", "main") == before
    assert sorted(path.name for path in (factory.root / "state").rglob("*")) == state
    factory.git("checkout", "-q", "main")
    assert "Settled" in fine(factory, "apply")


def test_a_new_key_is_made_on_the_pinned_branch_alone(factory: TinyFactory) -> None:
    own_key(Repository(factory.root))
    place = pins.place(factory.root / ".git", ".key")
    before = (place.read_bytes(), pin_of(factory), factory.git("status", "--porcelain"))
    factory.git("checkout", "-q", "-b", "side")
    assert "has side checked out, not main, which is pinned" in refused(factory, "trust", "--new-key")
    factory.git("checkout", "-q", "--detach")
    assert "a detached HEAD" in refused(factory, "trust", "--new-key")
    assert (place.read_bytes(), pin_of(factory), factory.git("status", "--porcelain")) == before
    factory.git("checkout", "-q", "main")
    assert "A new key is kept" in fine(factory, "trust", "--new-key")


def test_who_looks_hears_which_commit_is_spoken_of(factory: TinyFactory) -> None:
    main = factory.head
    factory.git("checkout", "-q", "-b", "side")
    factory.task("one", "Write one")
    side = factory.commit()
    for command in (("status",), ("list", "tasks"), ("diff",), ("queue",), ("route", "Write one"), ("diff",)):
        done = here(factory, *command)
        assert done.code == 0
        told = f"This speaks of commit {main[:12]} of the pinned branch main; side is checked out.\n"
        assert done.err == told
    assert side[:12] in here(factory, "validate").out
    unpin(factory)
    done = here(factory, "diff")
    assert done.code == 2
    assert f"commit {side[:12]} (side, as it is checked out); no branch is pinned" in done.err


def test_a_branch_that_relaxes_the_policy_or_names_itself_changes_nothing(factory: TinyFactory) -> None:
    factory.task("one", "Prepare the CEO decision")
    factory.commit()
    assert here(factory, "apply").code == 4
    factory.git("checkout", "-q", "-b", "relax")
    text = (factory.root / "manifests/policy.yaml").read_text()
    relaxed = text[: text.index("  human:")] + "  branch: relax\n"
    factory.write("manifests/policy.yaml", relaxed)
    factory.commit()
    assert "relax checked out" in refused(factory, "apply")
    assert not (factory.product / "work").exists()
    assert 'unknown key "branch"' in here(factory, "validate").err
    factory.git("checkout", "-q", "main")
    assert here(factory, "apply").code == 4


def spying(factory: TinyFactory) -> Path:
    """Commit a Fleet whose host is a program that leaves a trace wherever it runs."""
    spied, program = factory.folder / "spied", factory.folder / "evil.sh"
    program.write_text(SPY.format(spied=spied))
    host = {"name": "desk", "kind": "claude-cli", "capacity": 1, "command": ["sh", str(program)]}
    host["models"] = [{"name": "y", "offers": ["text", "schema", "tools"]}]
    chain = [{"backend": "claude-cli", "model": "y", "hosts": ["desk"]}]
    spec = {"hosts": [host], "tiers": [{"tier": tier, "chain": chain} for tier in (1, 2, 3, 4)]}
    factory.write("manifests/fleet.yaml", manifest("Fleet", "default", spec))
    factory.commit("An innocent improvement")
    return spied


def test_no_command_runs_a_program_that_an_untrusted_commit_names(factory: TinyFactory) -> None:
    factory.git("checkout", "-q", "-b", "pr-from-outside")
    spied = spying(factory)
    for command in (("fleet",), ("status",), ("diff",), ("route", "Fix x"), ("validate",), ("verify",)):
        here(factory, *command)
    for command in (("fleet", "--probe"), ("apply",), ("minion", "run", "Write", "--project", "../product")):
        assert here(factory, *command).code == 3
    unpin(factory)
    done = here(factory, "fleet")
    assert done.code == 0
    assert "nothing is pinned here" in done.out.replace("\n", " ")
    assert not spied.exists()


def test_in_a_clone_the_checked_out_branch_is_pinned_once_and_said(factory: TinyFactory, tmp_path: Path) -> None:
    clone = TinyFactory(tmp_path / "elsewhere")
    clone.folder.mkdir()
    git(factory.root, "clone", "-q", str(factory.root), str(clone.root))
    git(factory.product, "clone", "-q", str(factory.product), str(clone.product))
    (clone.root / "state/jobs").mkdir(parents=True)
    (clone.root / "state/jobs/planted.json").write_text("{}")
    first, second = here(clone, "apply"), here(clone, "apply")
    assert (first.code, second.code) == (0, 0)
    assert f"Pinned: branch main of {clone.root} at {clone.head[:12]}" in first.err
    assert second.err == ""
    assert pin_of(clone).branch == "main"
    assert not (clone.root / "state/jobs/planted.json").exists()


def test_a_repository_made_anew_at_a_path_is_pinned_anew(tmp_path: Path, factory: TinyFactory) -> None:
    pins.update(factory.root / ".git", lambda old: pins.Pin(**{**_fields(old), "hosts": {"desk": "digest"}}))
    shutil.rmtree(factory.root)
    git(factory.product, "clone", "-q", str(factory.product), str(factory.root))
    git(factory.root, "checkout", "-q", "-b", "trunk")
    factory.write("manifests/policy.yaml", manifest("Policy", "default", {"sandbox": "preferred"}))
    factory.git("config", "user.name", "Pat")
    factory.git("config", "user.email", "pat@example.org")
    factory.commit()
    done = here(factory, "rebuild")
    assert "Pinned: branch trunk" in done.err, done.err
    assert (pin_of(factory).branch, pin_of(factory).hosts) == ("trunk", {})


def _fields(pin: pins.Pin) -> dict[str, object]:
    return {name: getattr(pin, name) for name in pin.__struct_fields__}


def test_the_branch_is_moved_by_a_person(factory: TinyFactory) -> None:
    factory.git("checkout", "-q", "-b", "trunk")
    factory.task("one", "Write one", suspend=True)
    factory.commit()
    refused(factory, "apply")
    assert "Pinned: branch trunk" in fine(factory, "trust", "--branch", "trunk")
    assert "branch      trunk" in fine(factory, "trust")
    fine(factory, "apply")
    assert "one" in factory.tasks()
    factory.git("checkout", "-q", "main")
    assert "which is pinned; run: git switch trunk" in refused(factory, "apply")
    assert here(factory, "trust", "--branch", "nowhere").code == 1
    assert here(factory, "trust", "--branch", "main", "HEAD").code == 64
    factory.git("branch", "-D", "trunk")
    assert "the pinned branch trunk has no commit" in refused(factory, "apply")


def desk(factory: TinyFactory, *command: str) -> None:
    """Commit a Fleet with the program `desk`."""
    host = {"name": "desk", "kind": "command", "capacity": 1, "command": list(command)}
    host["models"] = [{"name": "y", "offers": ["text"]}]
    tiers = [{"tier": tier, "chain": [{"backend": "command", "model": "y", "hosts": ["desk"]}]} for tier in (1, 2)]
    factory.write("manifests/fleet.yaml", manifest("Fleet", "default", {"hosts": [host], "tiers": tiers}))
    factory.commit()


def test_a_program_runs_outside_of_the_sandbox_by_a_persons_word_for_its_entry(factory: TinyFactory) -> None:
    desk(factory, "cat")
    assert "no host forge of kind command; there are: desk" in here(factory, "trust", "--host", "forge").err
    assert "runs in the sandbox" in " ".join(fine(factory, "fleet").split())
    assert "with your own rights: cat" in fine(factory, "trust", "--host", "desk")
    assert "host        desk" in fine(factory, "trust")
    assert "runs outside of the sandbox" in " ".join(fine(factory, "fleet").split())
    home, _ = open_home(factory.root, to_nobody)
    here_too = next(host for host in home.store.config().fleet.hosts if host.name == "desk")
    assert hosts.outside(home, here_too), "minions work with what was allowed at the factory at hand"
    desk(factory, "cat", "-u")
    assert "runs in the sandbox" in " ".join(fine(factory, "fleet").split())
    home, _ = open_home(factory.root, to_nobody)
    assert not hosts.outside(home, home.store.config().fleet.hosts[0])
    factory.git("checkout", "-q", "-b", "side")
    assert "which is pinned" in refused(factory, "trust", "--host", "desk")
    assert here(factory, "trust", "--host", "desk", "--new-key").code == 64


@pytest.mark.parametrize("killed", ["before its repository was there", "before its first commit"])
def test_a_home_of_minions_whose_making_was_killed_is_made_all_the_same(factory: TinyFactory, killed: str) -> None:
    place = factory.root / "state/minions"
    pins.create(place / ".git", "main")
    if killed == "before its first commit":
        Repository.create(place, "main")
    home, _ = open_home(factory.root, to_nobody)
    assert home.root == place
    assert home.repository.commit(home.repository.head()).subject == "Take over the machinery"
    pin = pins.read(place / ".git")
    assert pin is not None
    assert pin.trusted == (home.repository.head(),)


@pytest.mark.slow
def test_an_answer_that_merges_moves_the_product_only_where_it_can_be_recorded(factory: TinyFactory) -> None:
    factory.edit("manifests/pipeline.yaml", "mergeAfter: REVIEW", "mergeAfter: BUILD")
    check = {"id": "there", "text": "It is there.", "check": "test -s work/one.txt"}
    look = {"id": "look", "text": "It is pretty.", "person": True}
    factory.task("one", "Write one", acceptance=[check, look])
    factory.commit()
    factory.ok("apply", code=4)
    before = git(factory.product, "rev-parse", "main")
    lock = factory.root / ".git/index.lock"
    lock.touch()
    done = here(factory, "answer", "one", "--pass", "--reason", "pretty")
    assert done.code == 1
    assert git(factory.product, "rev-parse", "main") == before
    lock.unlink()
    factory.git("checkout", "-q", "-b", "side")
    refused(factory, "answer", "one", "--pass", "--reason", "pretty")
    assert git(factory.product, "rev-parse", "main") == before
    factory.git("checkout", "-q", "main")
    factory.ok("answer", "one", "--pass", "--reason", "pretty")
    assert (factory.product / "work/one.txt").exists()


# --- signatures


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
