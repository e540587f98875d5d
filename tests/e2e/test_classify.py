"""Tasks that a model classifies before they are routed, with a stand-in for the model: through the command line."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.execute.backends import weights
from tests.e2e.factory import TinyFactory, build, until
from tests.e2e.kills import TOKEN, command_line, in_flight, ours, send
from tests.standins.ollama import OllamaStandIn

ONE_STAGE = """\
apiVersion: alai.dev/v1
kind: Pipeline
metadata: {name: standard}
spec:
  stages: [{name: BUILD}]
  mergeAfter: BUILD
"""
FLEET = """\
apiVersion: alai.dev/v1
kind: Fleet
metadata: {name: default}
spec:
  hosts:
    - name: forge
      kind: ollama
      url: URL
      capacity: 2
      models: [{name: tiny, offers: [text, schema, classify]}]
    - {name: local, kind: embedded, capacity: 2, models: [{name: none, offers: [text, schema]}]}
  tiers:
    - {tier: 1, chain: [{backend: ollama-simple, model: tiny, hosts: [forge]}]}
    - {tier: 2, chain: [{backend: embedded, model: none, hosts: [local]}]}
    - {tier: 5, chain: [{backend: human-queue}]}
"""
ROUTING = """\
apiVersion: alai.dev/v1
kind: Routing
metadata: {name: default}
spec:
  classify: {tier: 1}
  rules:
    - {id: paint, any: [paint], domain: looks, type: drawing}
    - {id: drawn, when: {type: drawing}, blueprint: draw}
    - {id: fix, any: [fix], type: repair}
  default: {domain: code, type: feature, complexity: 2, company: works, blueprint: build}
"""
REAL = """\
apiVersion: alai.dev/v1
kind: Fleet
metadata: {name: default}
spec:
  hosts:
    - name: here
      kind: embedded
      models: [{name: NAME, numCtx: 2048, offers: [text, schema, classify]}]
  tiers:
    - {tier: 1, chain: [{backend: embedded, model: NAME, hosts: [here]}]}
    - {tier: 2, chain: [{backend: embedded, model: NAME, hosts: [here]}]}
    - {tier: 3, chain: [{backend: embedded, model: NAME, hosts: [here]}]}
    - {tier: 4, chain: [{backend: embedded, model: NAME, hosts: [here]}]}
    - {tier: 5, chain: [{backend: embedded, model: NAME, hosts: [here]}]}
"""
DRAW = """\
apiVersion: alai.dev/v1
kind: Blueprint
metadata: {name: draw}
spec: {extends: build, title: Draw}
"""
SURE = {
    "domain": "looks",
    "type": "drawing",
    "complexity": 2,
    "sensitive": "no",
    "sure": True,
    "why": "It asks for a picture.",
}


def said(**changes: Any) -> str:
    return json.dumps({**SURE, **changes})


@pytest.fixture
def server() -> Iterator[OllamaStandIn]:
    with OllamaStandIn(answer=lambda _: said(), models=("tiny:latest",)) as running:
        yield running


@pytest.fixture
def made(tmp_path: Path, server: OllamaStandIn) -> TinyFactory:
    made = asking(tmp_path, server.url)
    made.environment[TOKEN] = str(made.root)
    return made


def asking(folder: Path, url: str) -> TinyFactory:
    """A factory with one task, which asks the model at `url` what sort of task it is."""
    made = build(folder)
    made.write("manifests/pipeline.yaml", ONE_STAGE)
    made.write("manifests/fleet.yaml", FLEET.replace("URL", url))
    made.write("manifests/routing.yaml", ROUTING)
    made.write("manifests/blueprints/draw/blueprint.yaml", DRAW)
    made.task("a", "A sunset for the wall")
    made.commit("Ask for one thing")
    return made


def events(made: TinyFactory, name: str = "a") -> list[tuple[str | None, str | None]]:
    return [(row["event"], row["outcome"]) for row in made.json("log", f"Task/{name}")]


def record(made: TinyFactory, name: str = "a") -> dict[str, Any]:
    return json.loads((made.root / f"evidence/_/{name}/classification.json").read_text())


def sound(made: TinyFactory) -> None:
    made.ok("rebuild", "--check")
    made.ok("verify")
    head = made.head
    made.ok("apply")
    assert made.head == head


def test_a_task_is_classified_once_and_routed_by_what_the_model_said(made: TinyFactory, server: OllamaStandIn) -> None:
    before = made.ok("diff", code=2)
    assert "dispatch: Classify" in before
    assert not server.requests, "diff asked a model"
    made.ok("apply")
    assert events(made) == [("classify", None), (None, "passed")]
    found = record(made)
    assert (found["sure"], found["type"], found["model"], found["host"]) == (True, "drawing", "tiny", "forge")
    assert len(server.requests) == 1
    asked = server.requests[0]
    assert asked["format"]["properties"]["domain"]["enum"] == ["looks", "code"]
    assert asked["format"]["properties"]["type"]["enum"] == ["drawing", "repair", "feature"]
    assert '"drawing"' in asked["messages"][-1]["content"], "the schema is not in the prompt"
    evidence = json.loads((made.root / "evidence/_/a/1/evidence.json").read_text())
    assert (evidence["blueprint"], evidence["tier"]) == ("draw", 2)
    told = made.ok("explain", "Task/a")
    assert "Type: drawing (classified by ollama-simple/tiny@forge)" in told
    assert "It asks for a picture" in told
    assert "Classified by tiny@forge: looks, drawing, 2 of 5: It asks for a picture" in made.ok("show", "Task/a")
    assert "First ollama-simple/tiny@forge is asked" in made.ok("route", "Anything")
    message = made.message(made.json("log", "Task/a")[0]["commit"])
    assert "Alai-Model: ollama-simple/tiny@forge" in message
    assert "Alai-Cost-USD: 0.00" in message
    sound(made)


SECRET = "ghp_" + "a1B2c3D4" * 5
ANSWERS: dict[str, tuple[Callable[[dict[str, Any]], str], int, bool, str]] = {
    "unsure": (lambda _: said(sure=False, why="It may be anything."), 1, False, "It may be anything"),
    "prose": (lambda _: "I would say that this is a drawing.", 2, False, "its answer cannot be used"),
    "another": (lambda _: said(domain="astrology"), 2, False, "astrology"),
    "float": (lambda _: said().replace('"complexity": 2', '"complexity": 2.0'), 2, False, "complexity"),
    "hard": (lambda _: said(complexity=9), 2, False, "complexity"),
    "mended": (lambda body: said() if len(body["messages"]) > 2 else "```\nlooks\n```", 2, True, "a picture"),
    "secret": (lambda _: said(why=f"The key is {SECRET}"), 1, True, "redacted"),
}
"""by a word of the task's title: what the model says, how often it is asked, whether that counts, part of the reason"""


def test_every_answer_is_recorded_once_and_counts_only_where_it_fits_and_is_sure(
    made: TinyFactory, server: OllamaStandIn
) -> None:
    def word(body: dict[str, Any]) -> str:
        return next(name for name in ANSWERS if f"Do the {name} one" in body["messages"][1]["content"])

    server.answer = lambda body: ANSWERS[word(body)][0](body)
    made.git("rm", "-q", "manifests/tasks/a.yaml")
    for name in ANSWERS:
        made.task(name, f"Do the {name} one")
    made.commit("Ask for more")
    made.ok("apply")
    times = [word(body) for body in server.requests]
    for name, (_, asked, counts, why) in ANSWERS.items():
        assert events(made, name) == [("classify", None), (None, "passed")]
        assert record(made, name)["sure"] is counts
        assert why in record(made, name)["why"]
        assert times.count(name) == asked
        evidence = json.loads((made.root / f"evidence/_/{name}/1/evidence.json").read_text())
        assert evidence["blueprint"] == ("draw" if counts else "build")
    assert "was of no help: It may be anything" in made.ok("explain", "Task/unsure")
    assert SECRET not in made.git("log", "-p", "--all")
    sound(made)


def test_a_host_that_cannot_be_reached_keeps_nobody_waiting(made: TinyFactory, server: OllamaStandIn) -> None:
    made.edit("manifests/fleet.yaml", server.url, "http://127.0.0.1:9")
    made.commit("Lose the host")
    made.ok("apply")
    assert events(made) == [(None, "passed")]
    sound(made)


def test_a_task_that_a_model_takes_for_sensitive_is_a_persons_to_let_go_on(
    made: TinyFactory, server: OllamaStandIn
) -> None:
    server.answer = lambda _: said(sensitive="yes", why="Somebody loses his job.")
    made.ok("apply", code=4)
    row = made.show("a")
    assert (row["phase"], row["reason"]) == ("human", "Sensitive")
    made.ok("resume", "Task/a")
    made.ok("apply")
    assert events(made) == [("classify", None), ("resume", None), (None, "passed")]
    assert len(server.requests) == 1
    sound(made)


def test_what_the_spec_says_is_not_asked_and_a_changed_spec_is_asked_again(
    made: TinyFactory, server: OllamaStandIn
) -> None:
    made.task("b", "Say it all", domain="code", type="feature", complexity=2)
    made.commit("Ask for more")
    made.ok("apply")
    assert events(made, "b") == [(None, "passed")]
    assert len(server.requests) == 1
    made.task("a", "A sunset for the wall", description="and a moon")
    made.commit("Want more")
    made.ok("apply")
    assert events(made) == [("classify", None), (None, "passed")] * 2
    sound(made)


def test_a_real_model_classifies_within_the_schema(made: TinyFactory) -> None:
    pytest.importorskip("xllamacpp")
    name = next((name for name in weights.names() if weights.installed(name)), None)
    if name is None:
        pytest.skip(f"the weights are not in {weights.folder()}")
    made.write("manifests/fleet.yaml", REAL.replace("NAME", name))
    made.commit("Ask a model of this machine")
    ended = made.cli("apply", timeout=300).returncode
    found = record(made)
    assert found["domain"] in ("looks", "code"), found["why"]
    assert found["type"] in ("drawing", "repair", "feature")
    assert 1 <= found["complexity"] <= 5
    assert isinstance(found["sure"], bool)
    assert found["tokens"] > 0
    assert found["cost_usd"] == 0.0
    held = found["sensitive"] in ("yes", "unsure")
    assert (ended, events(made)) == ((4, [("classify", None)]) if held else (0, [("classify", None), (None, "passed")]))


def test_an_altered_record_does_not_count_and_verify_names_it(made: TinyFactory) -> None:
    made.ok("apply")
    made.edit("evidence/_/a/classification.json", '"drawing"', '"repair"')
    made.commit("Put words into its mouth")
    assert "classification.json: no commit has its digest" in made.cli("verify").stderr
    assert "Type: feature (rule default)" in made.ok("explain", "Task/a")
    made.git("revert", "--no-edit", "HEAD")
    assert "Type: drawing (classified by" in made.ok("explain", "Task/a")
    sound(made)


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("who", ["controller", "worker"])
def test_a_kill_while_a_model_is_asked_gives_one_record(made: TinyFactory, server: OllamaStandIn, who: str) -> None:
    asked, go = threading.Event(), threading.Event()

    def answer(_: dict[str, Any]) -> str:
        asked.set()
        go.wait(30)
        return said()

    server.answer = answer
    controller = made.start("apply")
    assert asked.wait(60)
    caught = in_flight(made.root)
    assert [name.split(".")[1] for name in caught] == ["0"]
    workers = [pid for pid in ours(made.root) if "dispatch.worker" in command_line(pid)]
    if who == "controller":
        controller.kill()
        controller.wait()
        until(lambda: not ours(made.root))
        go.set()
        made.ok("apply")
    else:
        for pid in workers:
            send(pid, signal.SIGKILL)
        go.set()
        said_, _ = controller.communicate(timeout=120)
        assert controller.returncode == 0, said_
    assert events(made) == [("classify", None), (None, "passed")]
    assert {record(made)["execution"]} == caught
    for folder in ("runs", "jobs"):
        assert not list((made.root / "state" / folder).glob("*"))
    sound(made)


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_a_task_cancelled_while_a_model_is_asked_leaves_no_record(made: TinyFactory, server: OllamaStandIn) -> None:
    asked, go = threading.Event(), threading.Event()

    def answer(_: dict[str, Any]) -> str:
        asked.set()
        go.wait(30)
        return said()

    server.answer = answer
    controller = made.start("apply")
    assert asked.wait(60)
    made.ok("cancel", "Task/a", "--reason", "not wanted")
    out, _ = controller.communicate(timeout=60)
    go.set()
    assert controller.returncode == 0, out
    assert not (made.root / "evidence").exists()
    assert made.show("a")["phase"] == "cancelled"
    sound(made)
