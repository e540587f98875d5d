"""A file of the evidence that is missing or altered is noticed, lowers its score, and lets nothing pass."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from reconciler.controller.collect import Collector
from reconciler.controller.events import silent
from reconciler.controller.factory import Factory
from reconciler.controller.jobs import JobFiles
from reconciler.controller.record import read_files
from reconciler.dispatch.port import AnyJob, Finished
from reconciler.execute.attempt import run_attempt
from reconciler.model.execution import Report, Result
from reconciler.model.job import AttemptJob, Brief
from reconciler.model.spec import Criterion
from reconciler.model.view import Live
from reconciler.model.vocabulary import Reason, Verdict
from reconciler.plan.completeness import completeness, sound
from tests.e2e.factory import TinyFactory, build
from tests.execute.conftest import Make, sh

PASSED = (Verdict.PASSED, Reason.PASSED, "fine")
LOG = "gates/acceptance-a.log"


@pytest.fixture
def done(brief: Make, tmp_path: Path) -> tuple[Brief, Result, Path]:
    """Work that passed, and the folder with its evidence."""
    job = brief(sh("touch x"), acceptance=(Criterion(id="a", text="a", check="test -f x"),))
    result = asyncio.run(run_attempt(job, tmp_path / "run"))
    return job, result, tmp_path / "run" / "evidence"


def test_complete_evidence_scores_one(done: tuple[Brief, Result, Path]) -> None:
    job, result, folder = done
    found = completeness(job, result, read_files(folder, result.files))
    assert (found.score, found.broken, found.thin) == (1.0, (), ())
    assert sound(PASSED, found) == PASSED


@pytest.mark.parametrize("path", [LOG, "GOTCHA.md", "report.json"])
@pytest.mark.parametrize("how", ["missing", "altered"])
def test_a_file_that_is_missing_or_altered_lowers_the_score_and_nothing_passes(
    done: tuple[Brief, Result, Path], path: str, how: str
) -> None:
    job, result, folder = done
    if how == "missing":
        (folder / path).unlink()
    else:
        (folder / path).write_text((folder / path).read_text() + "[exit 0]\n")
    found = completeness(job, result, read_files(folder, result.files))
    assert found.score < 1.0
    assert any(line.startswith(path) for line in found.broken)
    outcome, reason, message = sound(PASSED, found)
    assert (outcome, reason) == (Verdict.ERROR, Reason.EVIDENCE_INCOMPLETE)
    assert path in message
    failed = (Verdict.FAILED, Reason.GATE_FAILED, "bad")
    assert sound(failed, found) == failed


def test_a_log_that_was_never_reported_is_missed(done: tuple[Brief, Result, Path]) -> None:
    job, result, folder = done
    less = msgspec.structs.replace(result, files=tuple(file for file in result.files if file.path != LOG))
    found = completeness(job, less, read_files(folder, less.files))
    assert found.broken == (f"{LOG}: the log of gate acceptance/a is missing",)


def test_a_report_that_says_nothing_lowers_the_score_but_is_no_lie(done: tuple[Brief, Result, Path]) -> None:
    job, result, folder = done
    contents = read_files(folder, result.files)
    empty = Report(agent_type="", company="c", task_summary="")
    contents["report.json"] = msgspec.json.encode(empty)
    changed = msgspec.structs.replace(
        result, report=empty, files=tuple(file for file in result.files if file.path != "report.json")
    )
    found = completeness(job, changed, contents)
    assert found.score < 1.0
    assert len(found.thin) == 3


def test_a_phase_without_a_report_is_missed(done: tuple[Brief, Result, Path]) -> None:
    job, result, folder = done
    found = completeness(job, msgspec.structs.replace(result, phases=()), read_files(folder, result.files))
    assert found.thin == ("phase do: no report",)


class Engine:
    """An engine in which everything has ended with the same result."""

    def __init__(self, result: Result) -> None:
        self._end = Finished(result=msgspec.json.encode(result))
        self.submitted: list[str] = []

    def finished(self, ids: Iterable[str]) -> dict[str, Finished]:
        return dict.fromkeys(ids, self._end)

    def submit(self, job: AnyJob) -> None:
        self.submitted.append(job.id)

    def forget(self, ids: Iterable[str]) -> None:
        del ids


def test_work_whose_log_is_gone_runs_again_once_and_then_is_an_error(
    done: tuple[Brief, Result, Path], tmp_path: Path
) -> None:
    job, result, folder = done
    made = Factory.open(build(tmp_path / "tiny").root)
    kept = made.run_folder(job.execution.id)
    kept.mkdir(parents=True)
    (folder / LOG).unlink()
    folder.rename(kept / "evidence")
    jobs = JobFiles(made.state / "jobs")
    jobs.write(AttemptJob(id=job.execution.id, brief=job))
    engine = Engine(result)
    collector = Collector(made, engine, jobs, silent, lambda: None)  # type: ignore[arg-type]
    live = [Live(execution=job.execution, state="submitted")]
    made.store.intend([job.execution])
    view = made.store.view_all()
    assert collector.collect(view, live, 0.0) == []
    assert engine.submitted == [job.execution.id]
    ready = collector.collect(view, live, 0.0)
    assert engine.submitted == [job.execution.id]
    evidence = ready[0].evidence
    assert (evidence.outcome, evidence.reason) == (Verdict.ERROR, Reason.EVIDENCE_INCOMPLETE)
    assert evidence.message == f"{LOG}: missing"
    assert evidence.quality is not None
    assert 0 < evidence.quality < 1
    assert {file.path for file in evidence.files} == set(ready[0].contents)


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> TinyFactory:
    """A task that failed for good, and that a person could do."""
    made = build(tmp_path_factory.mktemp("failed"))
    made.edit("manifests/policy.yaml", "attempts: 3,", "attempts: 1,")
    made.task("hard", "Write it", acceptance=[{"id": "there", "text": "x", "check": "test -s answer.txt"}])
    made.commit("Ask for it")
    made.ok("apply", code=4)
    (made.product / "answer.txt").write_text("42\n")
    made.git("add", "-A", at=made.product)
    made.git("commit", "-qm", "Answer it", at=made.product)
    return made


def test_what_a_person_did_is_recorded_with_the_logs_of_its_checks(failed: TinyFactory, tmp_path: Path) -> None:
    own = failed.copy(tmp_path / "own")
    own.ok("done", "hard", "--reason", "I wrote it")
    evidence = json.loads((own.root / "evidence/_/hard/2/evidence.json").read_text())
    assert evidence["quality"] == 1.0
    assert (own.root / "evidence/_/hard/2/gates/acceptance-there.log").read_text().startswith("$ test -s answer.txt")
    assert own.ok("verify")


@pytest.mark.parametrize("committed", [True, False])
def test_nobody_completes_a_task_whose_log_is_missing_or_altered(
    failed: TinyFactory, tmp_path: Path, committed: bool
) -> None:
    own = failed.copy(tmp_path / "own")
    log = own.root / "evidence/_/hard/1/gates/acceptance-there.log"
    log.write_text(log.read_text().replace("exit 1", "exit 0"))
    if committed:
        own.commit("Nothing to see here")
    head = own.head
    refused = own.cli("done", "hard", "--reason", "I wrote it")
    assert refused.returncode == 3
    assert "EvidenceIncomplete" in refused.stderr
    assert "acceptance-there.log" in refused.stderr
    assert own.head == head
    assert own.cli("verify").returncode == 1
    log.unlink()
    if committed:
        own.commit("It never was there")
    assert own.cli("done", "hard", "--reason", "I wrote it").returncode == 3


def test_verify_reports_a_gate_whose_log_was_never_kept(failed: TinyFactory, tmp_path: Path) -> None:
    own = failed.copy(tmp_path / "own")
    path = own.root / "evidence/_/hard/1/evidence.json"
    evidence = json.loads(path.read_text())
    evidence["files"] = [file for file in evidence["files"] if "acceptance" not in file["path"]]
    path.write_text(json.dumps(evidence))
    own.commit("Leave one out")
    assert "missing: the log of gate acceptance/there" in own.cli("verify").stderr
