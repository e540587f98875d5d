"""kill -9 in the middle of what agents do: of a call of a model, a command, the gates, a program with tools of ours."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.crew import NOTE, Crew, crew
from tests.e2e.factory import TinyFactory, until
from tests.e2e.kills import Edits, Killer, command_line, faults, in_flight, ours, processes, send, workers
from tests.standins.script import Body, Reply, calls

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

ONE_STAGE = """\
apiVersion: alai.dev/v1
kind: Pipeline
metadata: {name: standard}
spec:
  stages: [{name: BUILD}]
  mergeAfter: BUILD
"""
MOMENT = 2.0
"""seconds within which nothing of an execution is left"""


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crew]:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-stand-in-key-of-nobody")
    with crew(tmp_path) as team:
        team.made.write("manifests/pipeline.yaml", ONE_STAGE)
        team.made.commit("One stage is enough")
        yield team


def runs(made: TinyFactory, words: str) -> bool:
    return any(words in command_line(pid) for pid in ours(made.root))


def named(argv: str) -> int:
    """How many processes of this machine were started just so; inside a sandbox nothing else tells whose they are."""
    return sum(1 for pid in processes() if command_line(pid) == argv)


def kill(made: TinyFactory, who: str, controller: int) -> None:
    # the controller first: it would start another worker
    found = workers(made.root) if who in ("worker", "both") else []
    for pid in ([controller] if who in ("controller", "both") else []) + found:
        send(pid, signal.SIGKILL)


def test_agents_that_are_killed_at_every_kind_of_work_do_it_once(team: Crew) -> None:
    """The lead's notes and proposals come once, too, and nothing is left of anybody."""
    made = team.made
    edits = [Edits.make(made.root), Edits.make(made.product, tracked=False)]
    made.task("a", "Do thing a", complexity=2)
    made.task("lead", "LEAD it", complexity=1, blueprint="lead")
    made.git("add", "manifests")
    made.git("commit", "-qm", "Ask for work", "--", "manifests")
    moments: list[tuple[str, Callable[[], bool]]] = [
        ("both", lambda: team.llama.in_flight > 0),
        ("worker", lambda: runs(made, "sleep 0.7")),
        ("controller", lambda: runs(made, "sleep 0.5")),
    ]
    killer = Killer(made.root, seed=0)
    controller = killer.start()
    for who, met in moments:
        until(met, 120)
        killer.caught |= in_flight(made.root)
        kill(made, who, controller.pid)
        if who != "worker":
            controller.wait()
            until(lambda: not ours(made.root), 10)
            controller = killer.start()
    assert controller.wait(200) == 0, killer.tail()
    assert faults(made.root, [made.product], killer) == []
    assert [fault for each in edits for fault in each.faults()] == []
    assert {name: row["phase"] for name, row in made.tasks().items()} == dict.fromkeys(
        ("a", "lead", "part-one", "part-two"), "done"
    )
    assert len(made.git("log", "--format=%H", "--", NOTE).splitlines()) == 1
    assert len(killer.caught) >= 2


def test_a_program_that_is_deaf_to_signals_dies_with_whoever_started_it(team: Crew, tmp_path: Path) -> None:
    pytest.importorskip("mcp")
    made = team.made
    made.task("page", "Make page", complexity=3)
    made.commit("Ask for a page")
    killer = Killer(made.root, seed=0)
    controller = killer.start()
    script = str(tmp_path / "claude" / "script.json")

    def started() -> list[int]:
        return [pid for pid in processes() if script in command_line(pid)]

    until(lambda: runs(made, "sleep 0.7") and bool(started()), 60)
    killer.caught |= in_flight(made.root)
    first = set(started())
    kill(made, "controller", controller.pid)
    until(lambda: not first & set(started()), MOMENT + 1.0)
    controller.wait()
    controller = killer.start()
    assert controller.wait(200) == 0, killer.tail()
    assert faults(made.root, [made.product], killer) == []
    assert made.tasks()["page"]["phase"] == "done"


def silent(body: Body) -> Reply:
    return Reply(silent=True) if len(body["messages"]) > 2 else calls(("knowledge", {"query": "anything"}))


def crowded(body: Body) -> Reply:
    many = "i=0; while [ $i -lt 300 ]; do sleep 7711 & i=$((i+1)); done; wait"
    step = ("run_command", {"command": many}) if len(body["messages"]) > 2 else ("knowledge", {"query": "anything"})
    return calls(step)


@pytest.mark.parametrize(("answer", "words"), [(silent, ""), (crowded, "sleep 7711")])
def test_a_task_that_is_cancelled_has_ended_two_seconds_later(
    team: Crew, answer: Callable[[Body], Reply], words: str
) -> None:
    made = team.made
    team.ollama.answer = answer
    made.task("a", "Do thing a", complexity=1)
    made.commit("Ask for work")

    def busy() -> bool:
        return named(words) > 100 if words else len(team.ollama.requests) > 1 and team.ollama.in_flight > 0

    controller = made.start("apply")
    until(busy, 120)
    made.ok("cancel", "Task/a", "--reason", "not wanted")
    seen = time.monotonic()
    until(lambda: (named(words) if words else team.ollama.in_flight) == 0, MOMENT + 1.0)
    print(f"ended after {time.monotonic() - seen:.2f} s")
    said, _ = controller.communicate(timeout=60)
    assert controller.returncode == 0, said
    assert made.show("a")["phase"] == "cancelled"
    evidence = json.loads((made.root / "evidence/_/a/1/evidence.json").read_text())
    assert (evidence["outcome"], evidence["reason"]) == ("cancelled", "Cancelled")
    assert faults(made.root, [made.product], Killer(made.root, seed=0)) == []


def test_a_model_server_that_dies_in_the_middle_of_a_call_costs_no_attempt(team: Crew) -> None:
    made, asked = team.made, threading.Event()
    port = team.ollama.port
    steps = team.ollama.answer

    def breaks(_: Body) -> Reply:
        asked.set()
        return Reply(pieces=("I ", "begin"), pause=0.2, break_off=True)

    team.ollama.answer = breaks
    made.task("a", "Do thing a", complexity=1)
    made.commit("Ask for work")
    controller = made.start("apply")
    assert asked.wait(120)
    team.ollama.__exit__(None, None, None)
    until(lambda: (made.root / "evidence/_/a/1/evidence.json").exists(), 120)
    team.ollama.answer, team.ollama.port = steps, port
    team.ollama.__enter__()
    said, _ = controller.communicate(timeout=120)
    assert controller.returncode == 0, said
    assert made.tasks()["a"]["phase"] == "done"
