"""The pair example as a person runs it, and work over which a model falls silent: ended, retried, then split in two."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.factory import TinyFactory, build, environment
from tests.marks import unmarked
from tests.standins.ollama import OllamaStandIn, Reply
from tests.standins.script import Body

COMMAND = Path(sys.executable).with_name("alai-reconcile")
CHECK = 'from orders.cart import total; assert total([("tea", 3, 2500)]) == 7500'
WORK = "orders-quantity"


def run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *args], cwd=folder, env=environment(), capture_output=True, text=True, timeout=240, check=False
    )


def three_teas(product: Path) -> int:
    """0 where three teas cost three times what one does."""
    return subprocess.run([sys.executable, "-B", "-c", CHECK], cwd=product, capture_output=True, check=False).returncode


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_coder_verifier_and_final_qa_mend_the_product_and_every_evidence_path_is_real(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    made = run(tmp_path, "init", "--example", "pair", str(folder))
    assert made.returncode == 0, made.stderr
    assert three_teas(folder / "products" / "orders") != 0
    done = run(folder / "factory", "apply")
    assert done.returncode == 0, done.stdout + done.stderr
    assert three_teas(folder / "products" / "orders") == 0
    stages = [line.split()[1:3] for line in done.stdout.splitlines() if " passed " in line or " rejected " in line]
    assert stages == [
        ["passed", "BUILD"],
        ["rejected", "VERIFY"],
        ["passed", "BUILD"],
        ["passed", "VERIFY"],
        ["passed", "REVIEW"],
    ]
    every_evidence_path_is_real(folder / "factory")
    the_pair_is_measured(folder / "factory")
    assert run(folder / "factory", "diff").returncode == 0


def every_evidence_path_is_real(factory: Path) -> None:
    """Each file that a record names is there and holds what was recorded."""
    tasks: list[dict[str, Any]] = json.loads(run(factory, "list", "-o", "json").stdout)
    assert len(tasks) == 5
    for task in tasks:
        folder = factory / task["evidence"]
        evidence = json.loads((folder / "evidence.json").read_text())
        assert evidence["object"] == f"Task/{task['name']}"
        assert {file["path"] for file in evidence["files"]} >= {"report.json", "transcript.jsonl.gz"}
        for file in evidence["files"]:
            assert hashlib.sha256((folder / file["path"]).read_bytes()).hexdigest() == file["sha256"]
        for gate in evidence["gates"]:
            assert gate["log"] is None or (folder / gate["log"]).exists()
    checked = run(factory, "verify")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def the_pair_is_measured(factory: Path) -> None:
    """Builder and verifier share a thread, are two models, and the metrics name the rework that was avoided."""
    work, look = (factory / "evidence" / "_" / name / "1" for name in (WORK, f"{WORK}-verify"))
    built, verified = (json.loads((folder / "evidence.json").read_text()) for folder in (work, look))
    assert built["thread"].startswith("pair-")
    assert built["thread"] == verified["thread"]
    assert (built["model"], built["host"]) == ("scripted-coder", "desk")
    assert (verified["model"], verified["host"]) == ("scripted-verifier", "bench")
    for folder in (work, look):
        assert f"in thread {built['thread']}" in gzip.decompress((folder / "transcript.jsonl.gz").read_bytes()).decode()
    found = json.loads(run(factory, "metrics", "verifier", "-o", "json").stdout)
    assert (found["totals"]["rework_avoided"], found["totals"]["false_passes"]) == (1, 0)
    assert [row["task"] for row in found["verifications"] if row["rework_avoided"]] == [WORK]
    assert all((factory / row["evidence"] / "evidence.json").exists() for row in found["verifications"])


WRITING = """
apiVersion: alai.dev/v1
kind: Blueprint
metadata: {name: build}
spec:
  phases:
    - name: write
      role: builder
      needs: [schema]
      agent: {output: files, prompt: "Write the files. {{ task.title }}"}
"""


def silent_unless_small(body: Body) -> Reply | str:
    """A model that finds its task too large to say anything about."""
    asked = unmarked(body["messages"][-1]["content"])
    for part, path in (("(part 1 of 2)", "one.txt"), ("(part 2 of 2)", "two.txt")):
        if f"Write the files. Write two files {part}" in asked:
            return json.dumps({"summary": "Written.", "files": [{"path": path, "content": "It is here.\n"}]})
    return Reply(silent=True)


def with_model(factory: TinyFactory, port: int) -> None:
    host = {
        "name": "local",
        "kind": "ollama",
        "url": f"http://127.0.0.1:{port}",
        "capacity": 2,
        "models": [{"name": "tiny:latest", "offers": ["text", "schema"]}],
        "limits": {"connect": "2s", "first": "700ms", "silence": "700ms", "wall": "5s"},
    }
    chain = [{"backend": "ollama-simple", "model": "tiny:latest", "hosts": ["local"]}]
    fleet = yaml.safe_load((factory.root / "manifests" / "fleet.yaml").read_text())
    fleet["spec"] = {"hosts": [host], "tiers": [{"tier": 1, "chain": chain}]}
    factory.write("manifests/fleet.yaml", yaml.safe_dump(fleet))
    factory.write("manifests/blueprints/build/blueprint.yaml", WRITING.lstrip())


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_a_silent_model_is_ended_then_retried_then_its_task_is_split_in_two(tmp_path: Path) -> None:
    factory = build(tmp_path / "silent")
    with OllamaStandIn(silent_unless_small) as server:
        with_model(factory, server.port)
        criteria = [
            {"id": name, "text": f"{name}.txt is there", "check": f"test -s {name}.txt"} for name in ("one", "two")
        ]
        factory.task("large", "Write two files", acceptance=criteria)
        factory.commit()
        began = time.monotonic()
        factory.ok("apply", timeout=200)
        assert server.left.is_set()
    first, second = (
        json.loads((factory.root / f"evidence/_/large/{number}/evidence.json").read_text()) for number in (1, 2)
    )
    assert (first["outcome"], first["reason"]) == ("error", "Stalled")
    assert (second["outcome"], second["reason"]) == ("rejected", "Split")
    assert second["follow_ups"] == ["large-part1", "large-part2"]
    assert all(item["ended_at"] - item["started_at"] < 0.7 + 10 for item in (first, second))
    tasks = factory.tasks()
    assert tasks["large-part1"]["phase"] == tasks["large-part2"]["phase"] == "done"
    assert (tasks["large"]["phase"], tasks["large"]["reason"]) == ("rejected", "Superseded")
    assert (factory.product / "one.txt").exists()
    assert (factory.product / "two.txt").exists()
    assert time.monotonic() - began < 180
    factory.ok("diff")
