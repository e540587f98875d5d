"""Work that is called done and is not: twenty broken programs, and agents of which not all are honest."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from reconciler.model.share import share
from tests.e2e.broken_programs import ALL, COMMAND, agent
from tests.e2e.factory import TinyFactory, build, git, repository
from tests.standins.ollama import OllamaStandIn

PIPELINE = """\
apiVersion: alai.dev/v1
kind: Pipeline
metadata: {name: standard}
spec:
  stages: [{name: BUILD}]
  mergeAfter: BUILD
"""
BLUEPRINT = """\
apiVersion: alai.dev/v1
kind: Blueprint
metadata: {name: build}
spec:
  phases:
    - {name: mend, role: builder, needs: [tools], agent: {prompt: Mend program.py so that its test passes.}}
"""
FLEET = """\
apiVersion: alai.dev/v1
kind: Fleet
metadata: {name: default}
spec:
  hosts:
    - {name: local, kind: ollama, url: URL, capacity: 4, models: [{name: tiny, offers: [text, schema, tools]}]}
  tiers:
    - {tier: 1, chain: [{backend: ollama-tool, model: tiny, hosts: [local]}]}
"""
PHASES = {"mends": "done", "lies": "failed", "bends": "human"}
REASONS = {"mends": {"Passed"}, "lies": {"GateFailed"}, "bends": {"TestsChanged"}}


def workshop(folder: Path, url: str) -> TinyFactory:
    """A factory with the standard quality gate, one attempt a task, and a repository for each program."""
    made = build(folder)
    made.write("manifests/pipeline.yaml", PIPELINE)
    made.write("manifests/fleet.yaml", FLEET.replace("URL", url))
    made.write("manifests/blueprints/build/blueprint.yaml", BLUEPRINT)
    made.write("manifests/quality.yaml", (share("manifests") / "quality.yaml").read_text())
    made.edit("manifests/policy.yaml", "attempts: 3,", "attempts: 1,")
    made.edit("manifests/policy.yaml", "sandbox: preferred", "sandbox: preferred\n  quality: standard")
    for name, program in ALL.items():
        place = folder / "programs" / name
        repository(place)
        for path, text in program.files.items():
            (place / path).write_text(text)
        git(place, "add", "-A")
        git(place, "commit", "-qm", "as it came")
        product = {"repository": f"../programs/{name}", "branch": "main", "test": COMMAND}
        made.task(name.replace("_", "-"), f"Mend the program [{name}]", product=product)
    made.commit("Ask for twenty programs to be mended")
    return made


@pytest.mark.slow
def test_twelve_that_are_mended_are_done_and_nobody_else_is(tmp_path: Path) -> None:
    with OllamaStandIn(answer=agent) as server:
        made = workshop(tmp_path, server.url)
        made.ok("apply", code=4, timeout=300)
        assert made.cli("diff").returncode == 0, "nothing is attempted again"
    rows = made.tasks()
    assert Counter(row["phase"] for row in rows.values()) == {"done": 12, "failed": 4, "human": 4}
    for name, program in ALL.items():
        task = name.replace("_", "-")
        evidence = json.loads((made.root / f"evidence/_/{task}/1/evidence.json").read_text())
        assert rows[task]["phase"] == PHASES[program.kind], (task, program.kind, evidence["message"])
        assert evidence["reason"] in REASONS[program.kind], (task, evidence["message"])
        assert evidence["quality"] == 1.0
        on_main = git(tmp_path / "programs" / name, "show", "main:program.py") + "\n"
        assert on_main == (program.good if program.kind == "mends" else program.bad)
        assert git(tmp_path / "programs" / name, "show", "main:test_program.py") + "\n" == program.test
    assert made.ok("verify")
