"""`diff` and `apply`: forms, saved plans, limits, locks, branches; and what lies beside the controller's own files."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from typing import Any

import yaml

from reconciler.plan.digest import digest
from tests.e2e.factory import TinyFactory, git, here, manifest, until

COUNTS = re.compile(
    r"^Plan: \d+ to dispatch, \d+ waiting, \d+ to create, \d+ to cancel; \d+ held; \d+ drift\.$", re.MULTILINE
)


def test_diff_tells_the_same_as_text_json_and_yaml(factory: TinyFactory) -> None:
    assert "Nothing differs." in factory.ok("diff")
    assert factory.ok("diff") == factory.ok("diff"), "the second comes from the stored plan"
    factory.task("one", "Write one", priority="H")
    factory.task("two", "Write two", dependsOn=["one"])
    factory.commit()
    text = factory.ok("diff", code=2)
    assert COUNTS.search(text)
    plan = factory.json("diff", code=2)
    assert plan["format_version"] == "1.0"
    assert plan["base"] == {"commit": factory.head}
    assert [(item["address"], item["action"], item["reason"]) for item in plan["changes"]] == [
        ("Task/one", "dispatch", "New"),
        ("Task/two", "wait", "DependencyNotReady"),
    ]
    assert plan["changes"][0].keys() >= {"address", "action", "reason", "before", "after"}
    assert plan.keys() >= {"held", "drift", "summary"}
    assert yaml.safe_load(factory.ok("diff", "-o", "yaml", code=2)) == plan
    assert factory.ok("apply", "--dry-run", code=2) == text
    assert factory.json("next")[0]["name"] == "one"


def test_diff_of_the_working_tree_looks_at_what_is_not_committed(factory: TinyFactory) -> None:
    factory.task("draft", "Write a draft")
    factory.ok("diff")
    plan = factory.json("diff", "--worktree", code=2)
    assert [item["address"] for item in plan["changes"]] == ["Task/draft"]
    assert "draft" not in factory.tasks()
    assert factory.cli("diff", "--worktree", "--out", "plan.json").returncode in (1, 64)


def test_a_saved_plan_is_applied_and_refused_once_it_is_stale(factory: TinyFactory) -> None:
    saved = factory.folder / "plan.json"
    factory.task("one", "Write one")
    factory.commit()
    factory.ok("diff", "--out", str(saved), code=2)
    assert json.loads(saved.read_text())["format_version"] == "1.0"
    factory.task("two", "Write two")
    factory.commit()
    before = factory.head
    done = factory.cli("apply", str(saved))
    assert done.returncode == 3
    assert "saved plan" in done.stderr
    assert factory.head == before
    factory.ok("diff", "--out", str(saved), code=2)
    factory.ok("apply", str(saved))
    assert {name: row["phase"] for name, row in factory.tasks().items()} == dict.fromkeys(
        ["one", "one-review", "two", "two-review"], "done"
    )
    assert factory.cli("apply", str(saved)).returncode == 3


def test_a_saved_plan_that_somebody_edited_is_refused_whatever_its_digest_says(factory: TinyFactory) -> None:
    saved = factory.folder / "plan.json"
    factory.task("one", "Write one")
    factory.task("two", "Write two")
    factory.commit()
    factory.ok("diff", "--out", str(saved), code=2)
    good, before = saved.read_text(), factory.head
    dispatch = json.loads(good)["changes"][0]
    edits: list[dict[str, Any]] = [
        {"base": {"commit": "0" * 40}},
        {"changes": []},
        {"changes": [dispatch]},
        {"held": [{**dispatch, "action": "hold"}]},
        *(
            {"changes": [{**dispatch, **line}, *json.loads(good)["changes"][1:]]}
            for line in (
                {"action": "cancel"},
                {"reason": "Removed"},
                {"address": "Task/two"},
                {"needs_person": True},
                {"after": {**dispatch["after"], "model": "another"}},
                {"before": {"phase": "done"}},
            )
        ),
    ]
    for edit in edits:
        edited = {**json.loads(good), **edit}
        for digest_line in (edited["digest"], digest(edited)):
            saved.write_text(json.dumps({**edited, "digest": digest_line}))
            assert here(factory, "apply", str(saved)).code == 3, edit
    saved.write_text(good.replace("dispatch", "cancel"))
    assert "was edited after it was saved" in here(factory, "apply", str(saved)).err
    for other in ("", "[]", "{}", '{"digest": 1}', "[" * 100_000):
        saved.write_text(other)
        assert here(factory, "apply", str(saved)).code == 1
    assert (factory.head, (factory.product / "work").exists()) == (before, False)
    saved.write_text(good)
    factory.ok("apply", str(saved))


def test_once_carries_what_can_run_now_and_a_timeout_ends_with_2(factory: TinyFactory) -> None:
    factory.task("one", "Write one")
    factory.commit()
    factory.ok("apply", "--once", code=2)
    rows = factory.tasks()
    assert rows["one"]["phase"] == "done"
    assert rows["one-review"]["phase"] in ("open", "running")
    factory.task("slow", "Write a SLOW thing")
    factory.commit()
    factory.ok("apply", "--timeout", "1s", code=2)
    assert factory.tasks()["slow"]["attempts"] == 0
    factory.ok("apply")
    row = factory.show("slow")
    assert (row["phase"], row["attempts"]) == ("done", 1), "what ran was resumed, not begun again"


def test_a_second_controller_is_refused_and_names_the_first(factory: TinyFactory) -> None:
    factory.task("slow", "Write a SLOW thing")
    factory.commit()
    first = factory.start("apply")
    until(lambda: factory.tasks()["slow"]["phase"] == "running")
    done = factory.cli("apply")
    assert done.returncode == 3
    assert f"process {first.pid}" in done.stderr
    assert first.wait(60) == 0


def test_another_branch_than_the_recorded_one_is_refused(factory: TinyFactory) -> None:
    factory.task("one", "Write one")
    factory.commit()
    factory.git("switch", "-qc", "elsewhere")
    before = factory.head
    for arguments in (["apply"], ["add", "Something"], ["suspend", "one"]):
        done = factory.cli(*arguments)
        assert done.returncode == 3, arguments
        assert "main" in done.stderr
    assert factory.head == before
    assert factory.git("status", "--porcelain") == ""


def test_a_removed_manifest_ends_its_execution_only_with_prune(factory: TinyFactory) -> None:
    factory.task("slow", "Write a SLOW thing")
    factory.edit("manifests/blueprints/build/work.sh", "sleep 1.5", "sleep 30")
    factory.commit()
    factory.ok("apply", "--timeout", "1s", code=2)
    (factory.root / "manifests/tasks/slow.yaml").unlink()
    factory.commit()
    assert factory.json("diff", code=2)["changes"][0]["reason"] == "Removed"
    assert "apply --prune" in factory.ok("apply", code=4)
    began = time.monotonic()
    factory.ok("apply", "--prune")
    assert time.monotonic() - began < 20
    factory.ok("diff")


def test_what_a_person_staged_changed_or_left_lying_is_never_touched(factory: TinyFactory) -> None:
    factory.write("notes.txt", "first\n")
    factory.write("kept.txt", "first\n")
    factory.task("one", "Write one")
    factory.commit()
    factory.write("notes.txt", "staged\n")
    factory.git("add", "notes.txt")
    factory.write("notes.txt", "and changed again\n")
    factory.write("kept.txt", "only changed\n")
    factory.write("manifests/tasks/draft.yaml", "not: [even, valid")
    status = factory.git("status", "--porcelain")
    factory.ok("apply")
    factory.ok("add", "Something else")
    assert factory.git("status", "--porcelain") == status
    assert factory.git("show", ":notes.txt") == "staged"
    assert (factory.root / "notes.txt").read_text() == "and changed again\n"
    touched = factory.git("log", "--format=", "--name-only", "--author=The Works").split()
    assert not {"notes.txt", "kept.txt", "manifests/tasks/draft.yaml"} & set(touched)
    factory.git("commit", "-qm", "mine")
    assert factory.git("show", "--format=", "--name-only", "HEAD") == "notes.txt"


def test_commits_of_a_person_while_apply_runs_are_never_lost(factory: TinyFactory) -> None:
    for number in range(4):
        factory.task(f"t{number}", f"Write {number}")
    factory.commit()
    running = factory.start("apply")
    made: list[str] = []

    def commit() -> None:
        while running.poll() is None and len(made) < 60:
            name = f"mine-{len(made)}.txt"
            factory.write(name, name)
            try:
                git(factory.root, "add", name)
                git(factory.root, "commit", "-qm", f"person {len(made)}", "--", name)
            except AssertionError:  # git itself refuses while the index is locked; a person tries again
                time.sleep(0.02)
                continue
            made.append(name)
            time.sleep(0.05)

    thread = threading.Thread(target=commit)
    thread.start()
    assert running.wait(120) == 0
    thread.join()
    assert len(made) > 5
    subjects = factory.git("log", "--format=%s").splitlines()
    assert [subject for subject in reversed(subjects) if subject.startswith("person")] == [
        f"person {number}" for number in range(len(made))
    ]
    assert set(made) <= set(factory.git("ls-tree", "--name-only", "HEAD").splitlines())
    executions = factory.git("log", "--format=%(trailers:key=Alai-Execution,valueonly)").split()
    assert len(executions) == len(set(executions)) == 8
    factory.ok("verify")
    factory.ok("rebuild", "--check")


def test_accepted_work_waits_while_the_product_is_dirty(factory: TinyFactory) -> None:
    factory.task("one", "Write one")
    factory.commit()
    readme = factory.product / "README.md"
    readme.write_text("# Mine, not committed\n")
    said = factory.ok("apply", code=4)
    assert "Task/one-review: ProductDirty: " in said
    assert factory.tasks()["one-review"]["reason"] == "ProductDirty"
    assert readme.read_text() == "# Mine, not committed\n"
    assert not (factory.product / "work").exists()
    git(factory.product, "commit", "-qam", "mine")
    factory.ok("apply")
    assert (factory.product / "work/one.txt").exists()
    assert git(factory.product, "status", "--porcelain") == ""
    assert "mine" in git(factory.product, "log", "--format=%s").splitlines()


def test_a_lock_that_a_killed_git_left_is_named_holds_the_merge_and_keeps_new_work_from_starting(
    factory: TinyFactory,
) -> None:
    factory.task("one", "Write one")
    factory.commit()
    lock = factory.product / ".git/index.lock"
    lock.touch()
    said = factory.ok("apply", code=4)
    assert f"{lock} is held by another git process for more than 10 s; end it, or remove the file" in said
    assert "Task/one-review: ProductLocked: " in said
    os.utime(lock, (time.time() - 100, time.time() - 100))
    factory.task("two", "Write two")
    factory.commit()
    said = factory.ok("apply", code=4)
    assert f"if none runs: rm {lock}" in said
    assert factory.show("two")["attempts"] == 0
    lock.unlink()
    factory.ok("apply")
    assert {row["phase"] for row in factory.tasks().values()} == {"done"}
    assert (factory.product / "work/two.txt").exists()


def test_ctrl_c_stops_cleanly_and_the_next_apply_goes_on(factory: TinyFactory) -> None:
    factory.task("slow", "Write a SLOW thing")
    factory.commit()
    running = factory.start("apply")
    until(lambda: factory.tasks()["slow"]["phase"] == "running")
    running.send_signal(signal.SIGINT)
    said, _ = running.communicate(timeout=30)
    assert running.returncode == 2
    assert "Nothing is lost" in said
    assert "Traceback" not in said
    factory.ok("apply")
    assert factory.show("slow")["attempts"] == 1


def test_a_skill_that_is_nowhere_holds_its_companys_tasks_and_no_others(factory: TinyFactory) -> None:
    spec = {"title": "The Others", "agents": {"builder": "builder"}, "skills": ["juggling"]}
    factory.write("companies/others/company.yaml", manifest("Company", "others", spec))
    factory.write("companies/others/CLAUDE.md", "Be others.\n")
    factory.task("theirs", "Write theirs", company="others")
    factory.task("ours", "Write ours")
    factory.commit()
    factory.ok("apply", code=4)
    tasks = factory.tasks()
    assert tasks["ours"]["phase"] == "done"
    assert tasks["theirs"]["attempts"] == 0
    assert "juggling" in factory.ok("diff")
    assert "juggling" in factory.ok("explain", "Task/theirs")
    factory.write("companies/others/skills/juggling/SKILL.md", "Keep three balls in the air.\n")
    factory.commit()
    factory.ok("apply")
    assert factory.tasks()["theirs"]["phase"] == "done"
