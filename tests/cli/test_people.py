"""What people do: hold, let go, retry, give up, answer, complete. Each is one commit that edits one file."""

from __future__ import annotations

import json

import pytest

from reconciler.controller.factory import to_nobody
from reconciler.controller.manage import edit_object
from reconciler.controller.pinning import open_to_act
from reconciler.desired import edit
from reconciler.model.objects import Object
from reconciler.model.refs import Ref
from tests.e2e.factory import TinyFactory

TEXT = """\
# Why this task exists: nobody knows.
apiVersion: alai.dev/v1
kind: Task
metadata: {name: one, labels: {area: front}}   # keep me
spec:
  # the title
  title:   "Write one"      # odd spacing
  priority: L
---
# a second one in the same file
apiVersion: alai.dev/v1
kind: Task
metadata: {name: two}
spec: {title: Write two}
"""


@pytest.fixture
def written(factory: TinyFactory) -> TinyFactory:
    factory.write("manifests/tasks/both.yaml", TEXT)
    factory.commit()
    return factory


def comments(text: str) -> list[str]:
    return [line.partition("#")[2] for line in text.splitlines() if "#" in line]


@pytest.mark.parametrize("name", ["one", "two"])
def test_suspend_and_resume_are_commits_that_leave_every_other_byte(written: TinyFactory, name: str) -> None:
    path = written.root / "manifests/tasks/both.yaml"
    written.ok("suspend", f"task/{name}")
    assert written.git("log", "-1", "--format=%s|%an") == f"suspend: Task/{name}|Pat"
    trailers = written.git("log", "-1", "--format=%(trailers:only)").splitlines()
    assert trailers == [f"Alai-Object: Task/{name}", "Alai-Event: suspend"]
    assert written.git("status", "--porcelain") == ""
    assert comments(path.read_text()) == comments(TEXT)
    assert written.tasks()[name]["phase"] == "suspended"
    head = written.head
    written.ok("suspend", name)
    assert written.head == head, "said twice is said once"
    written.ok("resume", name)
    assert path.read_text() == TEXT
    assert written.tasks()[name]["phase"] == "open"


def test_an_edit_is_of_the_file_as_it_is_when_it_is_committed(written: TinyFactory) -> None:
    ref = Ref("Task", "one")
    factory = open_to_act(written.root, to_nobody)
    asked: list[str] = []

    def change(text: str, item: Object) -> str:
        asked.append(text)
        if len(asked) == 1:  # somebody else is faster
            written.edit("manifests/tasks/both.yaml", "Write one", "Write it better")
            written.commit("Better")
        return edit.set_spec(text, ref, "suspend", True, item.owner)

    edit_object(factory, ref, "suspend", change)
    assert len(asked) == 2
    done = (written.root / "manifests/tasks/both.yaml").read_text()
    assert ("Write it better" in done, "suspend: true" in done) == (True, True)
    assert written.git("status", "--porcelain") == ""


def test_cancel_settles_and_resume_takes_it_back(written: TinyFactory) -> None:
    written.ok("cancel", "one", "--reason", "not needed")
    assert "not needed" in written.message()
    written.ok("suspend", "two")
    assert written.show("one")["phase"] == "cancelled"
    assert "not needed" in written.show("one")["message"]
    written.ok("apply")
    assert [row["event"] for row in written.json("log", "one")] == ["cancel"]
    written.ok("resume", "one")
    assert written.show("one")["phase"] == "open"
    assert comments((written.root / "manifests/tasks/both.yaml").read_text()) == comments(TEXT)


def test_a_file_that_a_person_is_editing_is_refused_and_others_work(written: TinyFactory) -> None:
    path = written.root / "manifests/tasks/both.yaml"
    path.write_text(TEXT + "# in the middle of something\n")
    done = written.cli("suspend", "one")
    assert done.returncode == 3
    assert "both.yaml" in done.stderr
    assert path.read_text().endswith("something\n")
    written.ok("add", "Another")
    assert path.read_text().endswith("something\n")


def test_a_whole_goal_and_a_task_inside_it_are_held_in_the_goals_file(factory: TinyFactory) -> None:
    factory.write(
        "manifests/goal.yaml",
        "apiVersion: alai.dev/v1\nkind: Goal\nmetadata: {name: g}\nspec:\n  title: G\n"
        "  tasks:\n    - name: a   # first\n      title: Write a\n    - {name: b, title: Write b}\n",
    )
    before = (factory.root / "manifests/goal.yaml").read_text()
    factory.commit()
    factory.ok("suspend", "g-b")
    assert {name: row["phase"] for name, row in factory.tasks().items()} == {"g-a": "open", "g-b": "suspended"}
    factory.ok("suspend", "goal/g")
    assert {row["phase"] for row in factory.tasks().values()} == {"suspended"}
    factory.ok("resume", "goal/g")
    factory.ok("resume", "g-b")
    assert (factory.root / "manifests/goal.yaml").read_text() == before
    factory.ok("cancel", "g-b")
    assert {name: row["phase"] for name, row in factory.tasks().items()} == {"g-a": "open", "g-b": "cancelled"}


def test_retry_lets_a_failed_task_go_on_with_rising_numbers(story: TinyFactory) -> None:
    done = story.cli("retry", "ceo")
    assert done.returncode == 3
    story.ok("retry", "fails")
    assert story.tasks()["fails"]["phase"] == "open"
    story.edit("manifests/blueprints/build/work.sh", "exit 1;;", ";;")
    story.commit()
    story.ok("apply", code=4)
    row = story.show("fails")
    assert (row["phase"], row["attempts"], row["history"][-1]["attempt"]) == ("done", 4, 4)
    assert story.tasks()["stuck"]["phase"] == "done", "what depended on it went on"
    story.ok("rebuild", "--check")
    story.ok("verify")


def test_passing_an_answer_is_an_outcome_with_evidence(story: TinyFactory) -> None:
    story.ok("answer", "ceo", "--pass", "--reason", "Decided on Monday")
    values = dict(line.split(": ", 1) for line in story.git("log", "-1", "--format=%(trailers:only)").splitlines())
    assert (values["Alai-Object"], values["Alai-Outcome"], values["Alai-Event"]) == ("Task/ceo", "passed", "answer")
    assert "Decided on Monday" in story.message()
    row = story.show("ceo")
    assert row["phase"] == "done"
    evidence = json.loads((story.root / row["evidence"] / "evidence.json").read_text())
    assert (evidence["outcome"], evidence["agent"], evidence["model"]) == ("passed", "Pat", None)
    assert story.cli("answer", "ceo", "--pass", "--reason", "again").returncode == 3
    story.ok("verify")
    story.ok("rebuild", "--check")


def test_passing_a_review_merges_the_work_and_rejecting_it_makes_a_rework(story: TinyFactory) -> None:
    name = "stubborn-review-rework-review-rework-review"
    other = story.copy(story.folder.parent / "other")
    story.ok("answer", name, "--pass", "--reason", "It is good enough")
    assert "STUBBORN" in story.git("show", "main:work/stubborn.txt", at=story.product)
    assert story.show(name)["phase"] == "done"
    other.ok("answer", name, "--reject", "--reason", "Write it in Norwegian")
    row = other.show(name)
    assert row["phase"] == "rejected"
    rework = other.show(row["follow_ups"][0])
    assert rework["parent"] == name
    assert "Write it in Norwegian" in [finding["title"] for finding in rework["spec"]["from"]["findings"]]


def test_a_reason_of_any_form_never_makes_a_manifest_that_cannot_be_read(story: TinyFactory) -> None:
    reason = "First line\nsecond \x1b[31mred\u202e " + "and so on " * 60
    story.ok("answer", "stubborn-review-rework-review-rework-review", "--reject", "--reason", reason)
    story.ok("validate")
    story.ok("cancel", "idle", "--reason", reason)
    story.ok("validate")
    story.ok("verify")
    assert "\x1b" not in story.ok("log") + story.message()


def test_done_is_refused_without_proof_and_accepted_with_it(factory: TinyFactory) -> None:
    check = [{"id": "there", "text": "the page is there", "check": "test -s page.txt"}]
    factory.task("page", "Write prose", acceptance=check)
    factory.task("bare", "Write prose, too")
    factory.commit()
    before = factory.head
    done = factory.cli("done", "page", "--reason", "I wrote it")
    assert done.returncode == 3
    assert "there" in done.stderr
    assert factory.cli("done", "bare", "--reason", "I wrote it").returncode == 3
    assert factory.head == before
    (factory.product / "page.txt").write_text("A page\n")
    factory.git("add", "-A", at=factory.product)
    factory.git("commit", "-qm", "page", at=factory.product)
    factory.ok("done", "page", "--reason", "I wrote it")
    row = factory.show("page")
    assert (row["phase"], row["product_commit"]) == ("done", factory.git("rev-parse", "HEAD", at=factory.product))
    assert [(gate["id"], gate["result"]) for gate in row["history"][0]["gates"]] == [("acceptance/there", "pass")]
    factory.ok("verify")


def test_wait_ends_with_0_once_it_is_so_and_with_2_when_time_is_up(story: TinyFactory) -> None:
    assert "done" in story.ok("wait", "plain", "--for", "done", "--timeout", "5s")
    story.ok("wait", "Task/fails", "--for", "phase=failed", "--timeout", "1s")
    story.ok("wait", "goal/branchy", "--for", "settled", "--timeout", "1s")
    story.ok("wait", "fails", "--for", "done", "--timeout", "0s", code=2)


def test_admitting_a_generated_task_is_resuming_it(story: TinyFactory) -> None:
    story.ok("resume", "careful-one-review")
    story.ok("apply", code=4)
    assert story.tasks()["careful-one-review"]["phase"] == "done"
    assert "work/careful-one.txt" in story.git("ls-tree", "-r", "--name-only", "main", at=story.product)


def test_putting_a_task_into_a_pipeline_is_a_commit(written: TinyFactory) -> None:
    written.ok("pipeline", "create", "one", "--pipeline", "standard")
    assert written.show("one")["spec"]["pipeline"] == "standard"
    assert written.cli("pipeline", "create", "one", "--pipeline", "standrad").returncode == 1
    assert comments((written.root / "manifests/tasks/both.yaml").read_text()) == comments(TEXT)
