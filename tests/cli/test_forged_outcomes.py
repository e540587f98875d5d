"""Commits that say what only a controller may say, by somebody else: they settle, lose and alter nothing."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from reconciler.controller.factory import Factory
from reconciler.controller.observe import observe
from reconciler.controller.signing import own_key
from reconciler.git import pin as pins
from reconciler.git.controllers import LIST
from reconciler.model.execution import Execution
from tests.e2e.factory import TinyFactory, build, until


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> TinyFactory:
    """One task that is done, recorded in a signed commit."""
    factory = build(tmp_path_factory.mktemp("forged") / "one")
    factory.task("plain", "Write a file")
    factory.commit()
    factory.ok("apply")
    return factory


@pytest.fixture
def factory(worked: TinyFactory) -> TinyFactory:
    """Begun anew from the same commit each time, at the same place: the key belongs to it."""
    worked.git("tag", "-f", "worked") if not worked.git("tag") else worked.git("reset", "-q", "--hard", "worked")
    return worked


EVIDENCE = "evidence/_/plain/1/evidence.json"


def outcome(factory: TinyFactory, task: str = "plain") -> str:
    return factory.git("log", "--format=%H", f"--grep=Alai-Object: Task/{task}$").splitlines()[0]


def forged(factory: TinyFactory, path: str = EVIDENCE) -> None:
    """Commit with an outcome's own trailers, for the evidence as it lies there now."""
    digest = hashlib.sha256((factory.root / path).read_bytes()).hexdigest()
    trailers = [line for line in factory.message(outcome(factory)).splitlines() if line.startswith("Alai-")]
    said = "\n".join(
        f"Alai-Evidence: sha256:{digest}" if line.startswith("Alai-Evidence") else line for line in trailers
    )
    factory.git("add", "-A")
    factory.git("commit", "-q", "--allow-empty", "-m", "BUILD: passed: forged", "-m", said)


def test_every_commit_of_the_controller_is_signed_and_git_says_so(factory: TinyFactory) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is not installed")
    made = factory.git("log", "--format=%H", "--committer=alai-reconcile@localhost").split()
    assert len(made) >= 2
    for commit in made:
        factory.git("-c", f"gpg.ssh.allowedSignersFile={LIST}", "verify-commit", commit)
    assert "every" in factory.ok("verify").lower()


def test_forged_trailers_do_not_vouch_for_edited_evidence(factory: TinyFactory) -> None:
    body = json.loads((factory.root / EVIDENCE).read_text())
    (factory.root / EVIDENCE).write_text(json.dumps({**body, "message": "all is well"}))
    forged(factory)
    assert factory.show("plain")["phase"] == "human"
    assert "EvidenceAltered" in factory.cli("diff").stdout
    done = factory.cli("verify")
    assert done.returncode == 1
    assert "claims to be a controller's" in done.stderr
    assert "counts for nothing" in factory.ok("log")
    factory.ok("rebuild", "--check")


def test_an_amended_outcome_counts_for_nothing_and_verify_names_it(factory: TinyFactory) -> None:
    factory.git("commit", "-q", "--amend", "--no-edit", "--allow-empty")
    assert outcome(factory, "plain-review") == factory.head
    assert factory.show("plain-review")["phase"] == "human"
    assert factory.head[:12] in factory.cli("verify").stderr


def test_an_empty_commit_that_names_work_in_flight_does_not_lose_it(factory: TinyFactory) -> None:
    factory.task("flying", "Write another file")
    factory.commit()
    opened = Factory.open(factory.root)
    observe(opened)
    execution = Execution(
        id="flying-1", task="flying", goal=None, generation="g", stage="BUILD", attempt=1, company="works",
        blueprint="build", tier=1, backend="embedded", model="none", host="local", priority=1, created_at=1.0,
    )  # fmt: skip
    opened.store.intend([execution])
    for trailer in ("Alai-Outcome: passed", "Alai-Event: classify"):
        factory.git("commit", "-q", "--allow-empty", "-m", "x", "-m", f"Alai-Execution: flying-1\n{trailer}")
        observe(opened)
        assert [item.execution.id for item in opened.store.live()] == ["flying-1"]
    opened.store.forget(["flying-1"])
    opened.store.close()


def test_in_a_factory_that_lists_no_key_yet_one_is_listed_before_work_begins(tmp_path: Path) -> None:
    young = build(tmp_path / "young")
    young.task("slow", "Write SLOW")
    young.commit()
    running = young.start("apply")
    until(lambda: [row["state"] for row in young.json("list", "executions")] not in ([], ["passed"]))
    assert (young.root / LIST).exists(), "what is in flight can be ended by a signed commit only"
    execution = young.json("list", "executions")[-1]["id"]
    said = f"Alai-Execution: {execution}\nAlai-Outcome: failed"
    young.git("commit", "-q", "--allow-empty", "-m", "x", "-m", said)
    assert running.wait(120) == 0, running.stdout and running.stdout.read()
    assert [attempt["outcome"] for attempt in young.show("slow")["history"]] == ["passed"]
    assert "claims to be a controller's" in young.cli("verify").stderr


def test_a_revert_by_a_person_takes_the_claim_back_and_its_revert_brings_it_again(factory: TinyFactory) -> None:
    factory.git("revert", "--no-edit", outcome(factory))
    assert factory.show("plain")["phase"] == "open"
    factory.git("revert", "--no-edit", "HEAD")
    assert factory.show("plain")["phase"] == "done"
    factory.ok("verify")


def test_a_rebuild_and_a_clone_hear_signed_commits_only(factory: TinyFactory, tmp_path: Path) -> None:
    forged(factory)
    shutil.rmtree(factory.root / "state")
    assert factory.show("plain")["phase"] == "done"
    factory.ok("rebuild")
    factory.ok("rebuild", "--check")
    factory.git("clone", "-q", str(factory.root), str(tmp_path / "factory"))
    clone = TinyFactory(tmp_path)
    rows = json.loads(clone.ok("log", "Task/plain", "-o", "json"))
    assert [row["counts"] for row in rows] == [True, False]


def test_history_from_before_the_list_counts_as_it_did(tmp_path: Path) -> None:
    """A factory that was at work before it had a list: its first signed commit brings the list, and nothing is lost."""
    old = build(tmp_path / "old")
    old.task("plain", "Write a file")
    old.commit()
    old.ok("apply")
    unsigned = old.git("log", "-1", "--format=%B", outcome(old))
    old.git("reset", "-q", "--hard", f"{outcome(old)}")
    old.git("rm", "-q", LIST)
    tree = old.git("write-tree")
    root = old.git("rev-list", "--max-parents=0", "HEAD")
    old.git("reset", "-q", "--hard", old.git("commit-tree", tree, "-p", root, "-m", unsigned))
    assert not (old.root / LIST).exists()
    assert old.show("plain")["phase"] == "done"
    old.ok("add", "Write more")
    assert (old.root / LIST).exists()
    assert old.show("plain")["phase"] == "done"
    old.ok("verify")
    forged(old)
    assert "claims to be" in old.cli("verify").stderr


def test_a_lost_or_exchanged_key_stops_who_writes_and_says_how_to_go_on(factory: TinyFactory) -> None:
    path = pins.place(factory.root / ".git", ".key")
    before = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    try:
        path.write_bytes(b"no key")
        done = factory.cli("add", "More")
        assert (done.returncode, "--new-key" in done.stderr) == (3, True)
        assert factory.show("plain")["phase"] == "done", "who looks needs no key"
    finally:
        path.write_bytes(before)


def test_a_new_key_retires_the_old_one_which_keeps_what_it_signed(factory: TinyFactory) -> None:
    repository = Factory.open(factory.root).repository
    before = own_key(repository).public
    assert "commit .alai/controllers" in factory.ok("trust", "--new-key")
    assert own_key(repository).public != before
    factory.commit("Replace the key")
    assert factory.show("plain")["phase"] == "done"
    factory.ok("add", "More")
    factory.ok("verify")
    factory.ok("rebuild", "--check")
