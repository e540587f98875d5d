"""Two hosts with capacity 2 and 4 under fifty tasks: never more than 2 and 4 at once, and both of them at work."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

from tests.e2e.factory import TinyFactory, build
from tests.standins.ollama import OllamaStandIn

TASKS = 50
CAPACITY = {"anvil": 2, "forge": 4}
PIPELINE = """\
apiVersion: alai.dev/v1
kind: Pipeline
metadata: {name: standard}
spec:
  stages: [{name: LOOK, readOnly: true}]
"""
BLUEPRINT = """\
apiVersion: alai.dev/v1
kind: Blueprint
metadata: {name: build}
spec:
  phases:
    - {name: look, role: reviewer, needs: [text, schema], agent: {prompt: Look at it., output: verdict}}
"""
FLEET = """\
apiVersion: alai.dev/v1
kind: Fleet
metadata: {name: default}
spec:
  hosts:
    - {name: anvil, kind: ollama, url: ANVIL, capacity: 2, models: [{name: tiny}]}
    - {name: forge, kind: ollama, url: FORGE, capacity: 4, models: [{name: tiny}]}
  tiers:
    - {tier: 1, chain: [{backend: ollama-simple, model: tiny, hosts: [anvil, forge]}]}
"""


class Busy:
    """Answers after a moment, and knows the highest number of questions that it ever had at once."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._now = 0
        self.most = 0
        self.served = 0

    def __call__(self, body: dict[str, Any]) -> str:
        with self._lock:
            self._now += 1
            self.served += 1
            self.most = max(self.most, self._now)
        time.sleep(self._seconds)
        with self._lock:
            self._now -= 1
        return json.dumps({"summary": "All is as it should be, as far as one can see.", "findings": []})


def factory(folder: Path, anvil: str, forge: str) -> TinyFactory:
    made = build(folder)
    made.edit("manifests/policy.yaml", "  product: {repository: ../product, branch: main}\n", "")
    made.write("manifests/pipeline.yaml", PIPELINE)
    made.write("manifests/fleet.yaml", FLEET.replace("ANVIL", anvil).replace("FORGE", forge))
    made.write("manifests/blueprints/build/blueprint.yaml", BLUEPRINT)
    for number in range(TASKS):
        made.task(f"t-{number:02}", f"Look at part {number}")
    made.commit("Ask for much")
    return made


def test_fifty_queued_tasks_never_take_more_slots_than_the_hosts_have(tmp_path: Path) -> None:
    anvil, forge = Busy(0.5), Busy(0.5)
    with OllamaStandIn(answer=anvil) as first, OllamaStandIn(answer=forge) as second:
        made = factory(tmp_path, first.url, second.url)
        made.ok("apply", timeout=300)
    assert {row["phase"] for row in made.tasks().values()} == {"done"}
    assert anvil.served + forge.served == TASKS
    assert 0 < anvil.most <= CAPACITY["anvil"]
    assert 0 < forge.most <= CAPACITY["forge"]
    used = {json.loads(path.read_text())["host"] for path in made.root.glob("evidence/_/*/1/evidence.json")}
    assert used == set(CAPACITY)
