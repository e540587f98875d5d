"""Trees that an agent leaves to be in the way of whoever comes after it: deep, closed, oddly named."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec
import pytest

from reconciler.controller.factory import Factory
from reconciler.controller.recovery import sweep_runs
from reconciler.execute.job import run_job
from reconciler.git.repository import Repository
from reconciler.model.errors import Refused
from reconciler.model.execution import Result
from reconciler.model.job import AttemptJob
from reconciler.model.spec import Criterion
from reconciler.model.vocabulary import GateResult, Reason, Verdict
from tests.escape.conftest import Prison
from tests.execute.conftest import sh

DEEP = "python3 -c \"import os\nfor _ in range({}): os.mkdir('d'); os.chdir('d')\nopen('f','w')\""


def test_folders_nested_1500_deep_are_judged_and_gone_afterwards(prison: Prison) -> None:
    told = prison.shell(DEEP.format(1500), acceptance=(Criterion(id="there", text="It is there.", check="test -d d"),))
    assert told.result
    assert told.result.reason is Reason.PASSED
    assert all(gate.result is GateResult.PASS for gate in told.result.gates)
    assert sorted(path.name for path in (prison.outside / "run").iterdir()) == ["evidence", "progress.jsonl"]


def test_folders_nested_deeper_than_a_path_can_say_are_the_works_fault_and_gone_afterwards(prison: Prison) -> None:
    told = prison.shell(DEEP.format(2300), policy=prison.brief_policy(disk="64GiB", command="120s"))
    assert told.result
    assert told.result.ended is Verdict.FAILED
    assert told.result.reason is Reason.AGENT_FAILED
    assert "File name too long" in told.result.message
    assert sorted(path.name for path in (prison.outside / "run").iterdir()) == ["evidence", "progress.jsonl"]


def test_a_product_root_that_was_closed_is_opened_again(prison: Prison) -> None:
    told = prison.shell("echo x > new.txt; mkdir -p a/b; echo y > a/b/f; chmod 000 a/b; chmod 000 a; chmod 000 .")
    assert told.result
    assert told.result.reason is Reason.PASSED, told.result.message
    assert set(told.result.report.files_written) == {"new.txt", "a/b/f"}
    assert sorted(path.name for path in (prison.outside / "run").iterdir()) == ["evidence", "progress.jsonl"]


def test_a_name_that_is_not_utf_8_is_work_like_any_other_and_is_shown_with_its_bytes(prison: Prison) -> None:
    script = "printf 'words\\n' > \"$(printf 'b\\377\\376.md')\"; printf 'x.y\\n' > \"$(printf 'infra/b\\377')\""
    told = _job(prison, script)
    assert told.reason is Reason.PASSED, told.message
    assert "b\\xff\\xfe.md" in told.report.files_written
    assert '"b\\377\\376.md"' in (prison.outside / "state/runs/j/evidence/GOTCHA.md").read_text()


def test_a_forbidden_name_that_is_not_utf_8_is_refused_by_it(prison: Prison) -> None:
    told = _job(prison, "printf x > \"$(printf 'b\\377.lock')\"", forbid=("**/*.lock",))
    assert told.ended is Verdict.FAILED
    assert [refusal.what for refusal in told.refusals] == ['"b\\377.lock"']


def _job(prison: Prison, script: str, forbid: tuple[str, ...] = ()) -> Result:
    """Through the very bytes that the worker sends."""
    asked = prison.brief(sh(script))
    asked = msgspec.structs.replace(asked, paths=msgspec.structs.replace(asked.paths, forbid=forbid))
    (prison.outside / "state/runs").mkdir(parents=True)
    sent = asyncio.run(run_job(AttemptJob(id="j", brief=asked), prison.outside / "state"))
    return msgspec.json.decode(sent, type=Result)


def test_what_killed_workers_left_never_stops_a_start(tmp_path: Path) -> None:
    runs = tmp_path / "state/runs"
    for name in ("one", "two", "alive", "alive.merge.1"):
        (runs / name / "work").mkdir(parents=True)
    here = os.open(runs / "one/work", os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    (runs / "two/work").chmod(0)
    assert sweep_runs(Factory(tmp_path, Repository(tmp_path)), {"alive"}) == []
    assert sorted(path.name for path in runs.iterdir()) == ["alive", "alive.merge.1"]


def test_a_link_in_place_of_the_runs_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "photos/summer").mkdir(parents=True)
    (tmp_path / "state").mkdir()
    (tmp_path / "state/runs").symlink_to(tmp_path / "photos")
    with pytest.raises(Refused):
        sweep_runs(Factory(tmp_path, Repository(tmp_path)), ())
    assert (tmp_path / "photos/summer").is_dir()


def test_files_with_holes_are_not_committed_beyond_the_limit(prison: Prison) -> None:
    holes = ("run_command", {"command": "for i in $(seq 41); do truncate -s 1M part$i; done"})
    told = prison.agent(holes, holes)
    assert "of disk" in told.everything
    assert told.result
    assert told.result.ended is Verdict.FAILED
    assert "more than the 5242880 of limits.disk" in told.result.message
    assert prison.state() == prison.before
