"""The moments in which a crash could lose work or do it twice, one by one: killed there, damaged there, run again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.controller.signing import own_key
from reconciler.git.controllers import LIST, with_key
from reconciler.git.repository import Repository
from tests.e2e.factory import TinyFactory, build, environment, git, until
from tests.e2e.kills import TOKEN, Killer, command_line, faults, in_flight, ours, send, trailers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

ONE_STAGE = """\
apiVersion: alai.dev/v1
kind: Pipeline
metadata: {name: standard}
spec:
  stages: [{name: BUILD}]
  mergeAfter: BUILD
"""


@pytest.fixture
def made(tmp_path: Path) -> TinyFactory:
    made = build(tmp_path)
    made.environment[TOKEN] = str(made.root)
    made.write("manifests/pipeline.yaml", ONE_STAGE)
    made.task("a", "Do it")
    # listed before anything is locked: it is the first thing that a run commits
    made.write(LIST, with_key(b"", own_key(Repository(made.root)).public, "here").decode())
    made.commit("Ask for one thing")
    return made


def nothing(state: Path) -> None:
    assert state.is_dir()


def without(name: str) -> Callable[[Path], None]:
    def remove(state: Path) -> None:
        for path in [state, *state.glob("*")] if name == "state" else state.glob(f"{name}*"):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    return remove


DAMAGE = {
    "nothing": nothing,
    **{name: without(name) for name in ("state", "engine.db")},
}


def kill_all(made: TinyFactory, controller: subprocess.Popen[str]) -> None:
    workers = [pid for pid in ours(made.root) if "dispatch.worker" in command_line(pid)]
    controller.kill()
    controller.wait()
    for pid in workers:
        send(pid, signal.SIGKILL)
    until(lambda: not ours(made.root))


def settled(made: TinyFactory, caught: set[str]) -> None:
    """Nothing is wrong, and what was in flight has ended under the name that it had."""
    killer = Killer(made.root, seed=0)
    killer.caught |= caught
    assert faults(made.root, [made.product], killer) == []
    assert {name: row["phase"] for name, row in made.tasks().items()} == {"a": "done"}
    assert len(trailers(made.root)) == 1


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_crash_after_the_merge_and_before_the_outcome_gives_one_of_each(made: TinyFactory, damage: str) -> None:
    """The outcome fails at the branch's lock, which a killed git left; the product has moved by then."""
    lock = made.root / ".git" / "refs" / "heads" / "main.lock"
    before = git(made.product, "rev-parse", "main")
    lock.touch()
    controller = made.start("apply")
    until(lambda: git(made.product, "rev-parse", "main") != before, 120)
    caught = in_flight(made.root)
    assert len(caught) == 1
    kill_all(made, controller)
    lock.unlink()
    DAMAGE[damage](made.root / "state")
    made.ok("apply")
    settled(made, caught)
    assert git(made.product, "log", "--merges", "--format=%s", "main") == "Merge: Do it"


@pytest.mark.parametrize("damage", ["nothing", "state"])
def test_a_crash_while_an_execution_runs_gives_one_outcome_under_the_same_name(made: TinyFactory, damage: str) -> None:
    made.task("a", "Do it SLOW")
    made.commit("Take longer")
    controller = made.start("apply")
    until(lambda: any("work.sh" in command_line(pid) for pid in ours(made.root)), 120)
    caught = in_flight(made.root)
    assert len(caught) == 1
    kill_all(made, controller)
    DAMAGE[damage](made.root / "state")
    made.ok("apply")
    settled(made, caught)


def test_a_settled_factory_without_its_state_is_settled_still(made: TinyFactory) -> None:
    made.ok("apply")
    head = made.head
    shutil.rmtree(made.root / "state")
    made.ok("apply")
    assert made.head == head
    made.ok("rebuild", "--check")


def test_a_state_that_is_removed_while_apply_runs_ends_it_with_one_line(made: TinyFactory) -> None:
    made.task("a", "Do it SLOW")
    made.commit("Take longer")
    controller = made.start("apply")
    until(lambda: bool(in_flight(made.root)), 120)
    shutil.rmtree(made.root / "state", ignore_errors=True)
    said, _ = controller.communicate(timeout=120)
    assert controller.returncode in (1, 3)
    assert "Traceback" not in said
    until(lambda: not ours(made.root), 60)
    shutil.rmtree(made.root / "state", ignore_errors=True)
    made.ok("apply")
    settled(made, set())


@pytest.mark.parametrize(("number", "moment"), [(signal.SIGINT, "starting"), (signal.SIGTERM, "working")])
def test_a_stop_ends_apply_in_order_and_loses_nothing(made: TinyFactory, number: signal.Signals, moment: str) -> None:
    """As a terminal does it: to the whole process group."""
    made.task("a", "Do it SLOW")
    made.commit("Take longer")
    word = {"starting": "reconciler.dispatch.worker", "working": "work.sh"}[moment]
    controller = subprocess.Popen(
        ["alai-reconcile", "apply"],
        executable=Path(sys.executable).parent / "alai-reconcile",
        cwd=made.root,
        env={**environment(), **made.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    until(lambda: any(word in command_line(pid) for pid in ours(made.root)), 120)
    os.killpg(controller.pid, number)
    began = time.monotonic()
    said, _ = controller.communicate(timeout=60)
    print(f"{number.name} while {moment}: {time.monotonic() - began:.2f} s")
    assert controller.returncode == 2, said
    assert "Nothing is lost" in said
    assert not ours(made.root)
    caught = in_flight(made.root)
    made.ok("apply")
    settled(made, caught)


def test_a_lock_file_of_a_dead_controller_holds_nobody_up(made: TinyFactory) -> None:
    (made.root / "state").mkdir()
    for name in ("controller", "writer", "worker"):
        (made.root / "state" / f"{name}.lock").write_text('{"pid": 1, "operation": "apply", "since": 0}')
    made.ok("apply")


def test_a_state_that_cannot_be_written_is_one_line(made: TinyFactory) -> None:
    (made.root / "state").write_text("in the way")
    done = made.cli("apply")
    assert done.returncode in (1, 3)
    assert len(done.stderr.splitlines()) == 1
    assert "state" in done.stderr
