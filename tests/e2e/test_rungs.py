"""Work that a small model cannot do climbs to a larger one; a host that goes away costs no attempt."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from tests.e2e.factory import TinyFactory, build, until
from tests.standins.ollama import OllamaStandIn

PIPELINE = """\
apiVersion: alai.dev/v1
kind: Pipeline
metadata: {name: standard}
spec:
  stages: [{name: BUILD}]
"""
BLUEPRINT = """\
apiVersion: alai.dev/v1
kind: Blueprint
metadata: {name: build}
spec:
  phases:
    - name: write
      needs: [text]
      agent: {prompt: Write it., file: "work/{{ task.name }}.txt"}
"""
FLEET = """\
apiVersion: alai.dev/v1
kind: Fleet
metadata: {name: default}
spec:
  hosts:
    - {name: forge, kind: ollama, url: FORGE, models: [{name: tiny}]}
    - {name: anvil, kind: ollama, url: ANVIL, models: [{name: tiny}]}
  tiers:
    - {tier: 1, chain: [{backend: ollama-simple, model: tiny, hosts: [forge]}]}
    - {tier: 2, chain: [{backend: ollama-simple, model: tiny, hosts: [anvil]}]}
    - {tier: 5, chain: [{backend: human-queue}]}
"""
BAD = "This is a text of some length that lacks the one word which counts."
GOOD = "This is a text of some length, and it has the word PROPER in it."
CHECK = {"id": "proper", "text": "it is proper", "check": "grep -q PROPER work/$ALAI_TASK.txt"}


def factory(folder: Path, forge: str, anvil: str, attempts: int) -> TinyFactory:
    made = build(folder)
    made.edit("manifests/policy.yaml", "attempts: 3", f"attempts: {attempts}")
    made.write("manifests/pipeline.yaml", PIPELINE)
    made.write("manifests/fleet.yaml", FLEET.replace("FORGE", forge).replace("ANVIL", anvil))
    made.write("manifests/blueprints/build/blueprint.yaml", BLUEPRINT)
    return made


def evidence(made: TinyFactory, name: str) -> list[dict[str, Any]]:
    paths = sorted(made.root.glob(f"evidence/_/{name}/*/evidence.json"))
    return [json.loads(path.read_text()) for path in paths]


def test_what_fails_its_gates_twice_is_done_one_tier_higher_and_ends_at_a_person(tmp_path: Path) -> None:
    numbers = count()

    def differently(text: str) -> Callable[[dict[str, Any]], str]:
        """Doing the very same again would be no progress, another reason."""
        return lambda _: f"{text} Number {next(numbers)}."

    with OllamaStandIn(answer=differently(BAD)) as forge, OllamaStandIn(answer=differently(GOOD)) as anvil:
        made = factory(tmp_path, forge.url, anvil.url, attempts=5)
        made.task("well", "Do it well", acceptance=[CHECK])
        made.task("never", "Do it", acceptance=[{**CHECK, "check": "false"}])
        made.commit("Ask for two things")
        made.ok("apply", code=4)
    done = evidence(made, "well")
    assert [(item["tier"], item["outcome"]) for item in done] == [(1, "failed"), (1, "failed"), (2, "passed")]
    assert [item["escalation"] for item in done] == ["", "", "tier 1 -> 2: GateFailed twice"]
    assert "rung     tier 2: tier 1 -> 2: GateFailed twice" in made.ok("show", "Task/well")
    assert [item["tier"] for item in evidence(made, "never")] == [1, 1, 2, 2]
    [row] = made.json("queue")
    assert (row["name"], row["phase"], row["reason"]) == ("never", "human", "HumanTier")
    assert row["message"].endswith("after tier 1 -> 2: GateFailed twice; tier 2 -> 5: GateFailed twice")


def test_a_host_that_goes_away_in_between_is_waited_for_and_costs_no_attempt(tmp_path: Path) -> None:
    forge = OllamaStandIn(answer=lambda _: GOOD)
    forge.__enter__()

    def last(_: dict[str, Any]) -> str:
        threading.Thread(target=forge.__exit__, args=(None, None, None)).start()
        return GOOD

    forge.answer = last
    made = factory(tmp_path, forge.url, "http://127.0.0.1:9", attempts=1)
    made.task("a", "Do it first", acceptance=[CHECK])
    made.task("b", "Do it then", acceptance=[CHECK], dependsOn=["a"])
    made.commit("Ask for two things")
    controller = made.start("apply")
    until(lambda: len(evidence(made, "b")) == 1, 120)
    with OllamaStandIn(answer=lambda _: GOOD, port=forge.port):
        said, _ = controller.communicate(timeout=200)
    assert controller.returncode == 0, said
    assert [(item["outcome"], item["reason"]) for item in evidence(made, "b")] == [
        ("error", "HostUnreachable"),
        ("passed", "Passed"),
    ]
    assert "HostUnreachable" in said or "does not answer" in said
