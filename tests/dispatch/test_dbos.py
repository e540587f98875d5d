"""The real engine on SQLite with real worker processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.dispatch.dbos import DbosDispatch
from reconciler.dispatch.port import DispatchError, Finished
from reconciler.dispatch.suspects import HOPELESS
from tests.dispatch.jobs import RUNNER, job, notes, peak

HOSTS = {"anvil": 2, "forge": 4}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DbosDispatch]:
    engine = DbosDispatch(tmp_path, HOSTS, runner=RUNNER)
    engine.start()
    yield engine
    engine.stop()


def collect(engine: DbosDispatch, ids: list[str], seconds: float = 30) -> dict[str, Finished]:
    deadline = time.monotonic() + seconds
    ended: dict[str, Finished] = {}
    while len(ended) < len(ids):
        assert time.monotonic() < deadline, f"only {sorted(ended)} of {ids}"
        engine.wait(1)
        ended = engine.finished(ids)
    return ended


def until(seconds: float, condition: Callable[[], bool]) -> float:
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < seconds, "too slow"
        time.sleep(0.01)
    return time.monotonic() - begin


def worker_pid(state: Path) -> int:
    return int(str(notes(state)[-1]["pid"]))


def alive(pid: int) -> bool:
    """A zombie is not alive: nobody may be there to reap it."""
    status = Path(f"/proc/{pid}/stat")
    if sys.platform == "linux":
        return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_job_may_be_submitted_before_the_worker_is_up_and_comes_back_as_it_was_returned(
    engine: DbosDispatch, tmp_path: Path
) -> None:
    engine.submit(job("a"))
    ended = collect(engine, ["a"])
    assert json.loads(ended["a"].result or b"") == {"id": "a", "umlaut": "ä"}
    assert engine.known(["a", "unheard-of"]) == {"a": "done"}
    assert engine.finished(["unheard-of"]) == {}


def test_wait_returns_when_the_outcome_can_be_read_and_not_before(engine: DbosDispatch) -> None:
    engine.submit(job("warm"))
    collect(engine, ["warm"])
    while engine.wait(0.1):
        pass
    engine.submit(job("a", do="sleep 0.5"))
    begin = time.monotonic()
    assert engine.wait(10)
    assert 0.5 <= time.monotonic() - begin < 2
    assert "a" in engine.finished(["a"])
    assert not engine.wait(0.2)


def test_a_failing_body_is_an_error_with_its_words_and_does_not_run_again(engine: DbosDispatch, tmp_path: Path) -> None:
    engine.submit(job("a", do="fail"))
    assert collect(engine, ["a"])["a"] == Finished(error="ValueError: no such luck")
    assert [line["event"] for line in notes(tmp_path)] == ["start", "end"]


def test_submitting_twice_runs_once(engine: DbosDispatch, tmp_path: Path) -> None:
    for _ in range(4):
        engine.submit(job("a"))
    collect(engine, ["a"])
    engine.submit(job("a"))
    engine.submit(job("b"))
    collect(engine, ["a", "b"])
    assert sum(line["id"] == "a" and line["event"] == "start" for line in notes(tmp_path)) == 1


def test_a_forgotten_job_is_unknown(engine: DbosDispatch) -> None:
    engine.submit(job("a"))
    collect(engine, ["a"])
    engine.forget(["a"])
    assert engine.known(["a"]) == {}


def test_two_hosts_work_at_the_same_time_and_never_above_their_capacity(engine: DbosDispatch, tmp_path: Path) -> None:
    names = [f"{host}-{n}" for host in HOSTS for n in range(8)]
    for name in names:
        engine.submit(job(name, host=name.partition("-")[0], do="sleep 0.2"))
    collect(engine, names)
    events = notes(tmp_path)
    assert {host: peak(events, host) for host in HOSTS} == HOSTS
    assert len(events) == 2 * len(names)


def test_a_smaller_priority_runs_first(tmp_path: Path) -> None:
    engine = DbosDispatch(tmp_path, {"anvil": 1}, runner=RUNNER)
    engine.start()
    try:
        engine.submit(job("first", do="sleep 0.5"))
        until(5, lambda: bool(notes(tmp_path)))
        for name, priority in (("low", 30), ("high", 1), ("middle", 20)):
            engine.submit(job(name, priority=priority))
        collect(engine, ["low", "high", "middle"])
    finally:
        engine.stop()
    started = [line["id"] for line in notes(tmp_path) if line["event"] == "start"]
    assert started == ["first", "high", "middle", "low"]


def test_a_cancelled_job_ends_within_two_seconds_and_its_slot_stays_taken_until_then(tmp_path: Path) -> None:
    engine = DbosDispatch(tmp_path, {"anvil": 1}, runner=RUNNER)
    engine.start()
    try:
        engine.submit(job("long", do="sleep 60"))
        until(5, lambda: bool(notes(tmp_path)))
        engine.submit(job("next"))
        engine.submit(job("queued", priority=9))
        engine.cancel("queued")
        engine.cancel("long")
        begin = time.monotonic()
        collect(engine, ["next"])
        assert time.monotonic() - begin < 2.5
        assert peak(notes(tmp_path), "anvil") == 1
        assert engine.known(["long", "queued"]) == {"long": "cancelled", "queued": "cancelled"}
        assert engine.finished(["long"]) == {"long": Finished(cancelled=True)}
        engine.submit(job("long"))
        assert engine.finished(["long"]) == {"long": Finished(cancelled=True)}
    finally:
        engine.stop()
    assert not [line for line in notes(tmp_path) if line["id"] == "queued"]


def test_a_killed_worker_is_replaced_at_once_and_its_jobs_end_once(engine: DbosDispatch, tmp_path: Path) -> None:
    names = ["a", "b", "c"]
    for name in names:
        engine.submit(job(name, do="sleep 1"))
    until(5, lambda: len(notes(tmp_path)) == 2)
    os.kill(worker_pid(tmp_path), signal.SIGKILL)
    assert engine.wait(10)
    ended = collect(engine, names)
    assert all(outcome.result for outcome in ended.values())
    starts = [line["id"] for line in notes(tmp_path) if line["event"] == "start"]
    ends = [line["id"] for line in notes(tmp_path) if line["event"] == "end"]
    assert sorted(starts) == ["a", "a", "b", "b", "c"]
    assert sorted(ends) == names


def test_a_worker_that_is_killed_before_it_answers_is_replaced_and_the_next_one_answers(
    engine: DbosDispatch, tmp_path: Path
) -> None:
    engine.submit(job("a"))
    collect(engine, ["a"])
    os.kill(worker_pid(tmp_path), signal.SIGKILL)
    assert engine.known(["a"]) == {"a": "done"}
    assert engine.wait(0), "something may have ended with it"


def test_a_worker_that_is_silent_is_replaced_and_the_next_one_answers(tmp_path: Path) -> None:
    engine = DbosDispatch(tmp_path, HOSTS, runner=RUNNER, patience=2)
    engine.start()
    try:
        engine.submit(job("a"))
        collect(engine, ["a"])
        silent = worker_pid(tmp_path)
        os.kill(silent, signal.SIGSTOP)
        assert engine.known(["a"]) == {"a": "done"}
        assert not alive(silent)
    finally:
        engine.stop()


def test_only_the_worker_pays_for_importing_the_engine(tmp_path: Path) -> None:
    program = CONTROLLER.replace("time.sleep(60)", "engine.wait(10); engine.stop(); print('dbos' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_job_that_takes_the_worker_down_runs_again(engine: DbosDispatch, tmp_path: Path) -> None:
    engine.submit(job("a", do="die once"))
    assert collect(engine, ["a"])["a"].result


def test_a_job_that_always_takes_the_worker_down_is_given_up_and_ends_no_other_job(tmp_path: Path) -> None:
    """That it was there for most of its deaths already saves the test most of them."""
    (tmp_path / "starts").mkdir()
    (tmp_path / "starts" / "poison").write_text(str(HOPELESS - 2))
    engine = DbosDispatch(tmp_path, HOSTS, runner=RUNNER)
    engine.start()
    try:
        engine.submit(job("long", do="sleep 1"))
        until(30, lambda: bool(notes(tmp_path)))
        engine.submit(job("poison", do="die always", host="forge"))
        ended = collect(engine, ["poison", "long"], 120)
    finally:
        engine.stop()
    assert "died 20 times" in (ended["poison"].error or "")
    assert ended["long"].result
    starts = [line["id"] for line in notes(tmp_path) if line["event"] == "start"]
    assert sorted(starts) == ["long", "poison", "poison"], "it ran alone, after the other"


def test_a_worker_that_is_stopped_in_its_tracks_is_ended_by_the_next_one(tmp_path: Path) -> None:
    first = DbosDispatch(tmp_path, HOSTS, runner=RUNNER)
    first.start()
    first.submit(job("a", do="sleep 1"))
    until(30, lambda: bool(notes(tmp_path)))
    stopped = worker_pid(tmp_path)
    os.kill(stopped, signal.SIGSTOP)
    second = DbosDispatch(tmp_path, HOSTS, runner=RUNNER)
    second.start()
    try:
        assert collect(second, ["a"], 60)["a"].result
        assert not alive(stopped)
    finally:
        second.stop()
        first.stop()


def test_an_engine_whose_database_is_removed_says_so(engine: DbosDispatch, tmp_path: Path) -> None:
    engine.submit(job("a"))
    collect(engine, ["a"])
    (tmp_path / "engine.db").unlink()
    with pytest.raises(DispatchError, match=r"engine\.db was removed"):
        engine.submit(job("b"))


def test_stop_is_quick_lets_bodies_clean_up_and_the_next_start_runs_them_again(tmp_path: Path) -> None:
    first = DbosDispatch(tmp_path, HOSTS, runner=RUNNER)
    first.start()
    first.submit(job("done"))
    collect(first, ["done"])
    first.submit(job("a", do="sleep 1"))
    until(5, lambda: notes(tmp_path)[-1]["id"] == "a")
    begin = time.monotonic()
    first.stop()
    assert time.monotonic() - begin < 3
    assert notes(tmp_path)[-1]["event"] == "end"
    second = DbosDispatch(tmp_path, HOSTS, runner=RUNNER)
    second.start()
    try:
        assert second.finished(["done"])["done"].result
        assert collect(second, ["a"])["a"].result
    finally:
        second.stop()


CONTROLLER = """
import sys, time
from pathlib import Path
from reconciler.dispatch.dbos import DbosDispatch
from tests.dispatch.jobs import RUNNER, job
engine = DbosDispatch(Path(sys.argv[1]), {"anvil": 2}, runner=RUNNER)
engine.start()
engine.submit(job("a", do="sleep 1.5"))
time.sleep(60)
"""


def test_a_killed_controller_takes_the_worker_along_and_the_next_one_finishes_the_work(tmp_path: Path) -> None:
    controller = subprocess.Popen([sys.executable, "-c", CONTROLLER, str(tmp_path)])
    until(15, lambda: bool(notes(tmp_path)))
    pid = worker_pid(tmp_path)
    controller.kill()
    controller.wait()
    assert until(2, lambda: not alive(pid)) < 2
    engine = DbosDispatch(tmp_path, HOSTS, runner=RUNNER)
    engine.start()
    try:
        assert collect(engine, ["a"])["a"].result
    finally:
        engine.stop()


def test_an_engine_that_was_not_started_and_one_that_cannot_start_say_so(tmp_path: Path) -> None:
    with pytest.raises(DispatchError, match="not started"):
        DbosDispatch(tmp_path, HOSTS).submit(job("a"))
    (tmp_path / "worker.lock").mkdir()
    engine = DbosDispatch(tmp_path, HOSTS)
    engine.start()
    with pytest.raises(DispatchError, match=r"died 5 times.*worker\.log"):
        engine.submit(job("a"))
    engine.stop()


def test_two_hundred_trivial_jobs(tmp_path: Path) -> None:
    engine = DbosDispatch(tmp_path, {"anvil": 8, "forge": 8}, runner=RUNNER)
    begin = time.monotonic()
    engine.start()
    try:
        engine.submit(job("warm"))
        collect(engine, ["warm"])
        ready = time.monotonic()
        names = [f"job-{n}" for n in range(200)]
        for n, name in enumerate(names):
            engine.submit(job(name, host=["anvil", "forge"][n % 2]))
        submitted = time.monotonic()
        collect(engine, names)
        over = time.monotonic()
    finally:
        engine.stop()
    print(f"\nfirst job {ready - begin:.2f} s; 200 submitted in {submitted - ready:.2f} s")
    print(f"{200 / (over - ready):.0f} jobs/s")
