"""What one `apply` made of tasks of every sort: phases, outcome commits, the product. Nothing is changed here."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import pytest

from reconciler.model.vocabulary import Verdict
from tests.e2e.factory import TinyFactory

TRAILERS = [
    "Alai-Object",
    "Alai-Execution",
    "Alai-Stage",
    "Alai-Attempt",
    "Alai-Outcome",
    "Alai-Company",
    "Alai-Model",
    "Alai-Cost-USD",
    "Alai-Evidence",
    "Alai-Product-Commit",
    "Assisted-by",
]
TASK_KEYS = {
    "name", "title", "goal", "labels", "priority", "stage", "phase", "reason", "message", "company", "agent",
    "tier", "model", "host", "parent", "attempts", "cost_usd", "tokens", "evidence", "product_commit",
    "created_at", "updated_at",
}  # fmt: skip
EVIDENCE_KEYS = {
    "execution", "object", "generation", "stage", "company", "agent", "model", "host", "prompt_sha256",
    "base_commit", "product_commit", "started_at", "ended_at", "gates", "tokens", "cost_usd", "files",
}  # fmt: skip


@pytest.fixture(scope="module")
def tasks(told: TinyFactory) -> dict[str, dict[str, Any]]:
    return told.tasks()


@pytest.fixture(scope="module")
def commits(told: TinyFactory) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """(oid, subject, trailers) of all outcome commits, oldest first."""
    text = told.git("log", "--reverse", "--format=%H%x00%s%x00%(trailers:only,unfold)%x01")
    found: list[tuple[str, str, list[tuple[str, str]]]] = []
    for entry in text.split("\x01"):
        if "Alai-Execution" in entry:
            oid, subject, trailers = entry.strip().split("\0")
            pairs = [tuple(line.split(": ", 1)) for line in trailers.strip().splitlines()]
            found.append((oid, subject, pairs))  # type: ignore[arg-type]
    return found


def test_every_task_stands_where_the_contract_says(tasks: dict[str, dict[str, Any]]) -> None:
    expected = {
        "plain": ("done", "Passed"),
        "plain-review": ("done", "Passed"),
        "after-review": ("done", "Passed"),
        "blocker-review": ("rejected", "Superseded"),
        "blocker-review-rework-review": ("done", "Passed"),
        "product-small-thing-review": ("done", "Passed"),
        "shared-b-review": ("rejected", "Superseded"),
        "shared-b-review-rework-review": ("done", "Passed"),
        "stubborn-review-rework-review-rework-review": ("human", "ReviewCycles"),
        "fails": ("failed", "RetryCap"),
        "stuck": ("waiting", "DependencyNotReady"),
        "capped": ("human", "BudgetExceeded"),
        "ceo": ("human", "PolicyPattern"),
        "tools": ("human", "CapabilityMissing"),
        "hard": ("human", "HumanTier"),
        "idle": ("suspended", "Suspended"),
        "careful-one": ("done", "Passed"),
        "careful-one-review": ("suspended", "Suspended"),
        "branchy-one-review": ("done", "Passed"),
    }
    assert {name: (tasks[name]["phase"], tasks[name]["reason"]) for name in expected} == expected


def test_a_row_has_the_keys_that_scripts_may_rely_on(told: TinyFactory, tasks: dict[str, dict[str, Any]]) -> None:
    assert all(row.keys() >= TASK_KEYS for row in tasks.values())
    assert told.show("plain").keys() >= TASK_KEYS
    assert tasks["plain"]["cost_usd"] == 0
    assert tasks["plain-review"]["parent"] == "plain"
    assert tasks["plain-review"]["title"] == "[PRODUCT-REVIEW] Code review: Write a plain thing"
    assert tasks["plain-review"]["priority"] == "M"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", tasks["plain"]["created_at"])


def test_each_execution_has_one_outcome_commit_with_the_trailers_in_order(
    told: TinyFactory, commits: list[tuple[str, str, list[tuple[str, str]]]]
) -> None:
    executions = [dict(trailers)["Alai-Execution"] for _, _, trailers in commits]
    assert len(executions) == len(set(executions)) >= 25
    for _, subject, trailers in commits:
        keys = [key for key, _ in trailers]
        assert keys == [key for key in TRAILERS if key in keys]
        assert {"Alai-Object", "Alai-Outcome", "Alai-Cost-USD", "Alai-Evidence"} <= set(keys)
        assert len(subject) <= 72
        values = dict(trailers)
        assert subject.startswith(f"{values['Alai-Stage']}: {values['Alai-Outcome']}: ")
    authors = told.git("log", "-3", "--format=%an|%cn").splitlines()
    assert all(line.startswith("The Works ") and line.endswith("|alai-reconcile") for line in authors)


def test_evidence_is_whole_and_its_digest_stands_in_the_commit(
    told: TinyFactory, commits: list[tuple[str, str, list[tuple[str, str]]]]
) -> None:
    digests = {dict(trailers)["Alai-Evidence"] for _, _, trailers in commits}
    found = sorted((told.root / "evidence").rglob("evidence.json"))
    assert len(found) == len(commits)
    for path in found:
        data = path.read_bytes()
        assert "sha256:" + hashlib.sha256(data).hexdigest() in digests
        evidence = json.loads(data)
        assert evidence.keys() >= EVIDENCE_KEYS
        names = {file["path"] for file in evidence["files"]}
        assert {"GOTCHA.md", "report.json"} <= names
        for file in evidence["files"]:
            content = (path.parent / file["path"]).read_bytes()
            assert (hashlib.sha256(content).hexdigest(), len(content)) == (file["sha256"], file["size"])
    report = json.loads((told.root / "evidence/_/plain/1/report.json").read_text())
    assert report.keys() >= {
        "agent_type", "company", "task_summary", "files_written", "key_decisions", "blockers", "verification",
    }  # fmt: skip


def test_the_outcome_and_what_follows_from_it_are_one_commit(told: TinyFactory) -> None:
    made = told.git("log", "--diff-filter=A", "--format=%s", "--", "manifests/generated/_/plain-review.yaml")
    assert made == "BUILD: passed: Write a plain thing"
    assert (
        (told.root / "manifests/generated/_/plain-review.yaml")
        .read_text()
        .startswith("# yaml-language-server: $schema=")
    )


def test_a_failing_task_was_tried_three_times_with_rising_numbers(told: TinyFactory) -> None:
    row = told.show("fails")
    assert [(item["attempt"], item["outcome"]) for item in row["history"]] == [(n, "failed") for n in (1, 2, 3)]
    starts = [item["started_at"] for item in row["history"]]
    assert starts == sorted(starts)
    assert told.show("capped")["attempts"] == 1


def test_what_a_rail_or_a_tier_gives_to_people_was_never_dispatched(told: TinyFactory) -> None:
    events = (told.folder / "applied.txt").read_text()
    for name in ("ceo", "tools", "hard", "idle", "careful-one-review", "stuck"):
        assert not re.search(rf"dispatched .* {name}: ", events)
    assert told.show("tools")["message"].count("tools") >= 1


def test_the_product_has_the_accepted_work_and_nothing_else(told: TinyFactory) -> None:
    files = set(told.git("ls-tree", "-r", "--name-only", "main", at=told.product).splitlines())
    assert {"work/plain.txt", "work/after.txt", "work/minor.txt", "work/fixed.txt", "work/shared.txt"} <= files
    assert not {"work/stubborn.txt", "work/branchy-one.txt", "work/careful-one.txt", "work/fails.txt"} & files
    assert "BLOCKER" not in told.git("show", "main:work/blocker.txt", at=told.product)
    assert "MINOR" not in told.git("show", "main:work/minor.txt", at=told.product)
    assert told.git("status", "--porcelain", at=told.product) == ""


def test_deliver_branch_leaves_the_work_on_a_branch_of_its_own(told: TinyFactory) -> None:
    commit = told.show("branchy-one")["product_commit"]
    branches = told.git("branch", "--contains", commit, "--format=%(refname:short)", at=told.product).split()
    assert branches == ["alai/branchy-one"]


def test_a_conflict_is_rejected_and_its_rework_is_merged(told: TinyFactory) -> None:
    history = told.show("shared-b-review")["history"]
    assert (history[-1]["outcome"], history[-1]["reason"]) == ("rejected", "MergeConflict")
    assert told.git("show", "main:work/shared.txt", at=told.product) == "shared-b-review-rework"


def test_a_finding_never_makes_a_second_task(told: TinyFactory, tasks: dict[str, dict[str, Any]]) -> None:
    assert [name for name in tasks if "small-thing" in name] == ["product-small-thing", "product-small-thing-review"]
    row = told.show("product-small-thing")
    assert row["parent"] == "minor-review"
    assert row["title"] == "Settle the small thing"


def test_the_queue_lists_what_waits_for_a_person(told: TinyFactory) -> None:
    names = [row["name"] for row in told.json("queue")]
    assert set(names) == {"ceo", "tools", "hard", "fails", "capped", "stubborn-review-rework-review-rework-review"}


def test_settled_means_that_a_second_apply_does_nothing(story: TinyFactory) -> None:
    before, tip = story.head, story.git("rev-parse", "main", at=story.product)
    story.ok("apply", code=4)
    assert (story.head, story.git("rev-parse", "main", at=story.product)) == (before, tip)
    assert story.git("status", "--porcelain") == ""


def test_filters_choose_by_goal_phase_and_label(story: TinyFactory) -> None:
    assert {row["name"] for row in story.json("list", "tasks", "--goal", "careful")} == {
        "careful-one",
        "careful-one-review",
    }
    assert [row["name"] for row in story.json("list", "--phase", "failed")] == ["fails"]
    story.ok("add", "Something labelled", "-l", "area=front", "-l", "team=one", "--goal", "careful")
    found = story.json("list", "tasks", "-l", "area=front")
    assert [(row["name"], row["goal"], row["labels"]) for row in found] == [
        ("something-labelled", "careful", {"area": "front", "team": "one"})
    ]
    assert story.json("list", "tasks", "-l", "area=back") == []


@pytest.mark.parametrize(
    "what", ["goals", "tasks", "executions", "companies", "agents", "blueprints", "pipelines", "policies", "fleets"]
)
def test_every_list_is_an_array(told: TinyFactory, what: str) -> None:
    assert isinstance(told.json("list", what), list)


def test_the_list_of_executions_has_those_that_are_over(told: TinyFactory) -> None:
    found = told.json("list", "executions")
    ended = [attempt["execution"] for task in told.tasks() for attempt in told.show(task)["history"]]
    assert ended
    assert sorted(row["id"] for row in found if row["state"] in list(Verdict)) == sorted(ended)
    one = found[0]
    assert (one["stage"], one["company"]) == ("BUILD", "works")
    assert told.json("list", "executions", "--goal", "careful") == [row for row in found if row["goal"] == "careful"]


def test_a_goal_shows_its_progress(told: TinyFactory) -> None:
    goal = told.json("show", "goal/careful")
    assert (goal["name"], goal["phase"], goal["members"]) == (
        "careful",
        "suspended",
        ["careful-one", "careful-one-review"],
    )
    status = told.json("status")
    assert status["revision"] == told.head
    assert {row["name"] for row in status["goals"]} == {"careful", "branchy"}
    assert told.json("pipeline", "status", "plain")[1]["name"] == "plain-review"


def test_explain_tells_why_in_order(told: TinyFactory) -> None:
    for name, words in {
        "stuck": "Task/fails",
        "ceo": "Policy rule ceo",
        "tools": "does not offer tools",
        "idle": "suspend: true",
        "capped": "1 of 1 attempts",
        "fails": "3 of 3 attempts failed",
    }.items():
        lines = told.json("explain", f"Task/{name}")
        assert words in "\n".join(lines)


def test_diff_holds_what_waits_for_people_and_ends_with_0(told: TinyFactory) -> None:
    plan = told.json("diff")
    assert plan["format_version"] == "1.0"
    assert plan["base"] == {"commit": told.head}
    assert (plan["changes"], plan["drift"]) == ([], [])
    held = {item["address"]: item for item in plan["held"]}
    assert held["Task/ceo"]["reason"] == "PolicyPattern"
    assert held["Task/ceo"]["action"] == "hold"
    assert "Task/idle" in held


def test_the_log_is_the_same_without_the_database(story: TinyFactory) -> None:
    import shutil

    before = story.json("log")
    shutil.rmtree(story.root / "state")
    after = story.json("log")
    assert after == before
    assert len(after) >= 25
    assert not (story.root / "state" / "factory.db").exists()
    only = story.json("log", "Task/fails")
    assert [row["outcome"] for row in only] == ["failed"] * 3


def test_rebuild_makes_the_same_database_from_git_alone(story: TinyFactory) -> None:
    import shutil

    before = _timeless(story.tasks())
    story.ok("rebuild", "--check")
    shutil.rmtree(story.root / "state")
    story.ok("rebuild")
    story.ok("rebuild", "--check")
    assert _timeless(story.tasks()) == before


def _timeless(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Without when a person's manifest was first seen, which a database read in one go cannot know."""
    return {
        name: {key: row[key] for key in row if key not in ("created_at", "updated_at")} for name, row in rows.items()
    }


def test_rebuild_check_sees_a_database_that_lies(story: TinyFactory) -> None:
    import sqlite3

    database = sqlite3.connect(story.root / "state" / "factory.db")
    tables = [row[0] for row in database.execute("select name from sqlite_master where type='table'")]
    table = next(name for name in tables if "attempt" in name or "evidence" in name)
    database.execute(f"delete from {table}")
    database.commit()
    database.close()
    story.ok("rebuild", "--check", code=2)
    story.ok("rebuild")
    story.ok("rebuild", "--check")
