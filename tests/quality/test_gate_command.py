"""`gate check`: the quality gate by hand, on what is recorded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.model.share import share
from tests.e2e.factory import TinyFactory, build

ODD = """
[ "$ALAI_TASK" != plain ] || echo x > "work/$(printf 'b\\377\\376.txt')"
echo """


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> TinyFactory:
    """A factory with the standard quality gate, in which three tasks were worked on; one adds an odd name."""
    made = build(tmp_path_factory.mktemp("gate"))
    made.write("manifests/quality.yaml", (share("manifests") / "quality.yaml").read_text())
    made.edit("manifests/policy.yaml", "sandbox: preferred", "sandbox: preferred\n  quality: standard")
    made.edit("manifests/blueprints/build/work.sh", "\necho ", ODD)
    made.task("plain", "Write a plain thing")
    made.task("clean", "Write one more", acceptance=[{"id": "there", "text": "x", "check": "test -s work/clean.txt"}])
    made.task("later", "Write it later", suspend=True)
    made.commit("Ask for it")
    made.ok("apply")
    return made


def test_every_execution_on_the_product_records_its_points(worked: TinyFactory) -> None:
    evidence = json.loads((worked.root / "evidence/_/plain/1/evidence.json").read_text())
    assert (evidence["outcome"], evidence["points"]) == ("passed", [19, 19])
    assert evidence["quality"] == 1.0
    assert "19 of 19 points hold" in evidence["message"]


def test_it_prints_every_point_and_the_score(worked: TinyFactory) -> None:
    said = worked.ok("gate", "check", "clean")
    assert "19 of 19 points hold" in said
    for word in ("POINT", "acceptance/there", "merged-cleanly", "tests-added", "should", "must"):
        assert word in said


def test_it_fails_with_4_where_the_work_no_longer_passes_and_writes_nothing(
    worked: TinyFactory, tmp_path: Path
) -> None:
    own = worked.copy(tmp_path / "own")
    own.edit("manifests/tasks/clean.yaml", "test -s work/clean.txt", "test -s work/nowhere.txt")
    head = own.commit("Ask for more")
    checked = own.json("gate", "check", "clean", code=4)
    assert not checked["passed"]
    assert checked["missing"] == ["acceptance"]
    assert (checked["held"], checked["of"], checked["threshold"]) == (18, 19, 15)
    assert own.head == head
    assert not own.git("status", "--porcelain")
    assert not list((own.root / "state" / "runs").glob("*.check.*"))


def test_where_there_is_no_work_it_refuses(worked: TinyFactory) -> None:
    done = worked.cli("gate", "check", "later")
    assert done.returncode == 3
    assert "no work" in done.stderr


def test_the_reviewers_brief_carries_the_prepared_qa_and_what_the_builder_did(worked: TinyFactory) -> None:
    from reconciler.controller.factory import Factory
    from reconciler.controller.sessions import prepared, sessions
    from reconciler.plan.resolve import resolve

    factory = Factory.open(worked.root)
    view = factory.store.view_all()
    review = view.tasks["plain-review"]
    qa = prepared(factory, review, resolve(view, review), worked.head)
    assert qa is not None
    assert qa.points == (19, 19)
    assert qa.files == ('added "work/b\\377\\376.txt"', "added work/plain.txt"), "quoted, and text that can be sent"
    assert {"acceptance", "syntax", "tests"} <= {gate.id for gate in qa.gates}
    told = sessions(factory, review, worked.head)
    assert [(item.task, item.stage) for item in told] == [("plain", "BUILD"), ("plain-review", "REVIEW")]
    assert "work/plain.txt" in told[0].report.files_written


def test_a_policy_that_names_no_quality_gate_there_is_is_found_by_validate(worked: TinyFactory, tmp_path: Path) -> None:
    own = worked.copy(tmp_path / "own")
    own.edit("manifests/policy.yaml", "quality: standard", "quality: standrad")
    own.commit()
    wrong = own.cli("validate")
    assert wrong.returncode == 1
    assert 'there is no QualityGate "standrad"; did you mean "standard"?' in wrong.stdout + wrong.stderr
    own.edit("manifests/policy.yaml", "quality: standrad", "quality: standard")
    own.edit("manifests/quality.yaml", "check: links", "check: link")
    own.commit()
    wrong = own.cli("validate")
    assert wrong.returncode == 1
    assert 'did you mean "links"?' in wrong.stdout + wrong.stderr


def test_a_new_factory_has_the_standard_quality_gate(tmp_path: Path) -> None:
    from reconciler.controller.factory import Factory
    from reconciler.controller.init import init
    from reconciler.controller.observe import observe

    init(tmp_path / "new")
    factory = Factory.open(tmp_path / "new")
    observe(factory)
    config = factory.store.config()
    assert config.policy.quality == "standard"
    assert (len(config.quality["standard"].points), config.quality["standard"].threshold) == (19, 15)
