"""`verify`: whatever is changed in the evidence is found, in the working tree and in a commit."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.controller.audit import outcome_faults
from reconciler.model.history import CommitInfo
from tests.e2e.factory import TinyFactory


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def evidence(factory: TinyFactory) -> list[str]:
    return sorted(path.relative_to(factory.root).as_posix() for path in (factory.root / "evidence").rglob("*.*"))


def test_evidence_as_it_was_written_is_accepted(told: TinyFactory) -> None:
    assert "unaltered" in told.ok("verify")
    told.ok("verify", "HEAD~3")


def test_a_flipped_byte_in_any_sort_of_evidence_file_is_found(story: TinyFactory) -> None:
    """One file of each name, all tasks looked at; each alone, in the working tree and committed."""
    from cli.main import run

    of_each_name = {path.rpartition("/")[2]: path for path in evidence(story)}
    assert {"evidence.json", "GOTCHA.md", "report.json"} <= of_each_name.keys()
    for path in of_each_name.values():
        before = (story.root / path).read_bytes()
        flip(story.root / path)
        assert run(["-C", str(story.root), "verify"]) == 1, path
        story.git("commit", "-qam", "tamper")
        assert run(["-C", str(story.root), "verify"]) == 1, path
        (story.root / path).write_bytes(before)
        story.git("commit", "-qam", "restore")
    story.ok("verify")


def test_altered_evidence_stops_its_task_until_a_person_looks(story: TinyFactory) -> None:
    flip(story.root / "evidence/_/after-review/1/evidence.json")
    done = story.cli("verify")
    assert done.returncode == 1
    assert "evidence/_/after-review/1/evidence.json" in done.stderr
    story.git("commit", "-qam", "tamper")
    assert story.cli("verify").returncode == 1
    plan = story.cli("diff")
    assert "EvidenceAltered" in plan.stdout
    assert "after-review" in plan.stdout
    assert story.cli("apply").returncode == 4
    assert story.show("after-review")["phase"] == "human"
    story.git("revert", "--no-edit", "HEAD")
    story.ok("verify")
    assert story.show("after-review")["phase"] == "done"


@pytest.mark.parametrize("change", ["remove", "add"])
def test_missing_and_smuggled_files_are_found(story: TinyFactory, change: str) -> None:
    if change == "remove":
        (story.root / "evidence/_/plain/1/GOTCHA.md").unlink()
    else:
        (story.root / "evidence/_/plain/1/more.md").write_text("trust me\n")
    done = story.cli("verify")
    assert done.returncode == 1
    assert "evidence/_/plain/1/" in done.stderr
    story.git("add", "-A")
    story.git("commit", "-qm", "tamper")
    assert story.cli("verify").returncode == 1


def test_a_reverted_outcome_is_undone_and_numbers_do_not_come_back(story: TinyFactory) -> None:
    commit = story.git("log", "--format=%H", "--grep=Alai-Object: Task/after$").splitlines()[0]
    story.git("revert", "--no-edit", "--no-commit", commit)
    story.git("commit", "-qm", "That was wrong")
    assert story.show("after")["phase"] == "open"
    story.ok("apply", code=4)
    row = story.show("after")
    assert (row["phase"], [item["attempt"] for item in row["history"]]) == ("done", [2])
    story.ok("rebuild", "--check")


def test_a_second_outcome_of_an_execution_is_a_fault() -> None:
    trailers = {"Alai-Object": "Task/a", "Alai-Execution": "a-BUILD-1", "Alai-Attempt": "1"}
    one = CommitInfo("a" * 40, 1, "alai-reconcile", "BUILD: passed: a", trailers)
    other = CommitInfo("b" * 40, 2, "alai-reconcile", "BUILD: failed: a", trailers)
    assert outcome_faults([one]) == []
    assert outcome_faults([one, other]) == ["execution a-BUILD-1: 2 outcomes", "Task/a: attempt 1 recorded 2 times"]
