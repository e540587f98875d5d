"""Only the pinned branch is acted on, and of it only what is trusted: everything through the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from reconciler.controller import hosts
from reconciler.controller.factory import to_nobody
from reconciler.controller.init import init
from reconciler.controller.minion_home import open_home
from reconciler.controller.signing import own_key
from reconciler.git import pin as pins
from reconciler.git.repository import Repository
from tests.cli.trusting import fine, pin_of, refused, unpin
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


@pytest.fixture
def another(factory: TinyFactory) -> TinyFactory:
    """A repository of somebody else's at the path of one that was pinned, with a key and a host allowed."""
    own_key(Repository(factory.root))
    pins.update(factory.root / ".git", lambda old: msgspec.structs.replace(old, hosts={"desk": "digest"}))
    shutil.rmtree(factory.root)
    git(factory.product, "clone", "-q", str(factory.product), str(factory.root))
    factory.write("manifests/policy.yaml", manifest("Policy", "default", {"sandbox": "preferred"}))
    factory.git("config", "user.name", "Pat")
    factory.git("config", "user.email", "pat@example.org")
    factory.commit()
    return factory


def test_the_pin_of_a_repository_that_lay_at_this_path_lets_nobody_act(another: TinyFactory) -> None:
    before, head = pin_of(another), another.head
    for command in ACTING[:-1]:  # without companies it is nothing that a minion would ask
        said = refused(another, *command)
        assert "what is pinned is of another repository, which lay at this path" in said
        assert f"alai-reconcile trust {head[:12]}" in said
    refused(another, "trust", "--new-key")
    refused(another, "trust", "--host", "desk")
    assert pin_of(another) == before
    done = here(another, "diff")
    assert (done.code, "what is pinned on this machine is of another repository" in done.err) == (0, True)


def test_a_person_pins_such_a_repository_anew_and_hears_what_is_gone(another: TinyFactory) -> None:
    key = pins.place(another.root / ".git", pins.KEY).read_bytes()
    said = fine(another, "trust", another.head)
    assert "What was pinned of another repository, which lay at this path, is gone." in said
    kept = Path(said.split("it now lies in ")[1].split(", and a new one")[0])
    assert kept.read_bytes() == key
    assert (pin_of(another).trusted, pin_of(another).hosts) == ((another.head,), {})
    assert here(another, "rebuild").err == ""


def test_where_only_the_pin_was_lost_the_new_key_is_told_and_the_old_one_is_kept(factory: TinyFactory) -> None:
    own_key(Repository(factory.root))
    key = pins.place(factory.root / ".git", pins.KEY).read_bytes()
    unpin(factory)
    done = here(factory, "add", "Write more")
    assert done.code == 0, done
    kept = Path(done.err.split("it now lies in ")[1].split(", and a new one")[0])
    assert kept.read_bytes() == key
    assert "Pinned: branch main" in done.err
    assert here(factory, "add", "Write more still").err == ""


def test_a_new_key_leaves_the_one_before_where_it_is_said(factory: TinyFactory) -> None:
    own_key(Repository(factory.root))
    key = pins.place(factory.root / ".git", pins.KEY).read_bytes()
    kept = Path(fine(factory, "trust", "--new-key").split("The one before is kept as ")[1].strip().removesuffix("."))
    assert kept.read_bytes() == key
    assert kept.stat().st_mode & 0o777 == 0o600


def test_init_replaces_pin_and_key_of_a_repository_that_lay_there(tmp_path: Path) -> None:
    first = init(tmp_path / "factory")
    assert not any("it now lies in" in line for line in first)
    before = pins.read(tmp_path / "factory/.git")
    shutil.rmtree(tmp_path / "factory")
    assert any("it now lies in" in line for line in init(tmp_path / "factory"))
    after = pins.read(tmp_path / "factory/.git")
    assert before is not None
    assert after is not None
    assert after.trusted != before.trusted
    assert after.controller != before.controller


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
