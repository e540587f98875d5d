"""`minion`: one-shot agents on any repository, with a factory at hand and without one."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.factory import COMMAND
from tests.execute.conftest import Repo, make
from tests.lying.scenarios import FILES, FIX
from tests.standins.ollama import OllamaStandIn
from tests.standins.script import Body, Reply, calls, says

FLEET = """apiVersion: alai.dev/v1
kind: Fleet
metadata: {{name: default}}
spec:
  hosts:
    - {{name: here, kind: ollama, url: "{url}", models: [{{name: m, numCtx: 16384, offers: [text, schema, tools]}}]}}
  tiers:
    - {{tier: 1, chain: [{{backend: ollama-tool, model: m, hosts: [here]}}]}}
    - {{tier: 2, chain: [{{backend: ollama-tool, model: m, hosts: [here]}}]}}
    - {{tier: 3, chain: [{{backend: ollama-tool, model: m, hosts: [here]}}]}}
    - {{tier: 4, chain: [{{backend: human-queue}}]}}
    - {{tier: 5, chain: [{{backend: human-queue}}]}}
"""
WORDS = "Looked at calc.py and its test: add subtracts instead of adding, and one character has to change there."


def agent(body: Body) -> Reply | str:
    """A model that can do this one thing, phase by phase."""
    offered = {tool["function"]["name"] for tool in body.get("tools", ())}
    if not offered:
        return says(WORDS)
    said = " ".join(str(message.get("content")) for message in body["messages"] if message["role"] == "user")
    turn = sum(1 for message in body["messages"] if message["role"] == "assistant")
    done = ("finish", {"summary": WORDS, "decisions": ["add adds"], "blockers": []})
    if "write_file" not in offered:
        steps = [("read_file", {"path": "calc.py"}), done]
    elif "Reproduce the fault" in said:
        steps = [("run_command", {"command": "make test"}), ("knowledge", {"query": "calc"}), done]
    else:
        write = ("write_file", {"path": "calc.py", "content": FIX})
        steps = [("knowledge", {"query": "calc"}), write, ("run_command", {"command": "make test"}), done]
    return calls(steps[min(turn, len(steps) - 1)])


def run(folder: Path, *args: str, home: Path) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"XDG_STATE_HOME": str(home), "OLLAMA_HOST": "127.0.0.1:9"}
    return subprocess.run([COMMAND, *args], cwd=folder, env=env, capture_output=True, text=True, timeout=120)


@pytest.fixture
def calc(tmp_path: Path) -> Repo:
    repo = make(tmp_path / "calc")
    repo.commit(dict(FILES))
    return repo


def rows(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return json.loads(done.stdout)


@pytest.mark.slow
def test_a_minion_leaves_its_work_on_a_branch_and_its_artifacts_beside(calc: Repo, tmp_path: Path) -> None:
    factory = tmp_path / "factory"
    assert run(tmp_path, "init", str(factory), home=tmp_path).returncode == 0
    with OllamaStandIn(agent, models=("m",)) as server:
        (factory / "manifests" / "fleet.yaml").write_text(FLEET.format(url=server.url))
        subprocess.run(["git", "-C", factory, "commit", "-qam", "fleet"], check=True)
        before = subprocess.run(["git", "-C", factory, "rev-parse", "HEAD"], capture_output=True, text=True).stdout
        done = run(
            factory, "minion", "run", "Fix the addition bug", "--project", str(calc.path), "-o", "json", home=tmp_path
        )
        assert done.returncode == 0, done.stdout + done.stderr
        [row] = rows(done)
        assert row["phase"] == "done"
        assert row["branch"] == "minion/fix-the-addition-bug"
        assert calc.show(row["branch"], "calc.py") + "\n" == FIX
        assert calc.show("main", "calc.py") + "\n" == FILES["calc.py"]
        artifacts = Path(row["artifacts"])
        assert {"GOTCHA.md", "report.json", "evidence.json", "transcript.jsonl.gz"} <= {
            p.name for p in artifacts.iterdir()
        }
        assert "add adds" in (artifacts / "report.json").read_text()

        queued = run(factory, "minion", "enqueue", "Fix the addition bug", "--project", str(calc.path), home=tmp_path)
        assert queued.returncode == 0, queued.stderr
        [waiting] = rows(run(factory, "minion", "status", "-o", "json", home=tmp_path))
        assert waiting["phase"] == "suspended"
        [also] = rows(run(factory, "minion", "run", "-o", "json", home=tmp_path))
        assert (also["name"], also["phase"]) == ("fix-the-addition-bug-2", "done")
    assert [row["name"] for row in rows(run(factory, "minion", "list", "-o", "json", home=tmp_path))] == [
        "fix-the-addition-bug-2",
        "fix-the-addition-bug",
    ]
    after = subprocess.run(["git", "-C", factory, "rev-parse", "HEAD"], capture_output=True, text=True).stdout
    assert after == before


def test_without_a_factory_and_without_a_model_a_minion_waits_for_a_person(calc: Repo, tmp_path: Path) -> None:
    done = run(calc.path, "minion", "run", "Fix the addition bug", home=tmp_path / "home")
    assert done.returncode == 4, done.stdout + done.stderr
    assert "human" in done.stdout
    assert "fix-the-addition-bug" in run(calc.path, "minion", "list", home=tmp_path / "home").stdout
    assert calc.files("main") == sorted(FILES)


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        (("run", "Fix it", "--project", "empty"), 3, "at least one commit"),
        (("run", "Fix it", "--project", "absent"), 64, "does not exist"),
        (("run", "Fix it", "--project", "calc", "--task", "nope"), 1, "no factory here"),
        (("run", "  ", "--project", "calc"), 1, "title is empty"),
    ],
)
def test_what_cannot_be_done_is_said(given: tuple[str, ...], code: int, said: str, calc: Repo, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = run(tmp_path, "minion", *given, home=tmp_path / "home")
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
