"""Two hosts with capacity 2 and 4 under fifty tasks: never more than 2 and 4 at once, and both of them at work."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

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


def slowly(body: dict[str, Any]) -> str:
    time.sleep(0.5)
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


@pytest.mark.slow
def test_fifty_queued_tasks_never_take_more_slots_than_the_hosts_have(tmp_path: Path) -> None:
    with OllamaStandIn(answer=slowly) as anvil, OllamaStandIn(answer=slowly) as forge:
        made = factory(tmp_path, anvil.url, forge.url)
        made.ok("apply", timeout=300)
    assert {row["phase"] for row in made.tasks().values()} == {"done"}
    assert len(anvil.requests) + len(forge.requests) == TASKS
    assert 0 < anvil.most_in_flight <= CAPACITY["anvil"]
    assert 0 < forge.most_in_flight <= CAPACITY["forge"]
    used = {json.loads(path.read_text())["host"] for path in made.root.glob("evidence/_/*/1/evidence.json")}
    assert used == set(CAPACITY)
