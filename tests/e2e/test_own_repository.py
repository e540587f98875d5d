"""A stranger's repository and a local model: from `init --product` and `add` to a merged commit, by the command line.

The model is a stand-in that speaks Ollama's protocol on loopback; everything else is what `init` writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.execute.sandbox import Sandbox
from reconciler.model.spec import Limits
from tests.e2e.factory import TinyFactory, git, repository
from tests.standins.ollama import OllamaStandIn

PAGE = """\
# Install and test

Python 3 is all you need; there is nothing to install.

Run the tests:

    make test
"""
FILES = {
    "README.md": "# slugs\n\nTurns titles into slugs.\n",
    ".gitignore": "__pycache__/\n",
    "Makefile": "test:\n\tpython3 -m unittest discover -q -s tests -t .\n",
    "slugs/__init__.py": 'def slug(title: str) -> str:\n    return "-".join(title.lower().split())\n',
    "tests/__init__.py": "",
    "tests/test_slugs.py": (
        "import unittest\n\nfrom slugs import slug\n\n\nclass Slugs(unittest.TestCase):\n"
        '    def test_words_are_joined(self):\n        self.assertEqual(slug("Two Words"), "two-words")\n'
    ),
}
NAME = "document-how-to-install-and-run-the-tests"


def answer(body: dict[str, Any]) -> str:
    """What a model that follows the blueprints would say: what sort of task it is, an outline, files, a verdict."""
    schema = json.dumps(body.get("format") or "")
    if '"complexity"' in schema:
        sure = "Document" in body["messages"][1]["content"]
        return json.dumps(
            {
                "domain": "docs",
                "type": "docs",
                "complexity": 2,
                "sensitive": "no",
                "sure": sure,
                "why": "It is about a page.",
            }
        )
    if '"files"' in schema:
        return json.dumps({"files": [{"path": "docs/testing.md", "content": PAGE}], "summary": "For contributors."})
    if '"findings"' in schema:
        return json.dumps({"summary": "The page says what the Makefile does.", "findings": []})
    return "For contributors. docs/testing.md: install, run the tests. Nothing is missing."


@pytest.fixture
def model() -> Iterator[OllamaStandIn]:
    with OllamaStandIn(answer=answer, models=("qwen3:8b",), capabilities=("completion",)) as stand_in:
        yield stand_in


@pytest.fixture
def own(tmp_path: Path, model: OllamaStandIn) -> TinyFactory:
    made = TinyFactory(tmp_path, {"OLLAMA_HOST": model.url, "HOME": str(tmp_path)})
    repository(made.product)
    for path, text in FILES.items():
        (made.product / path).parent.mkdir(exist_ok=True)
        (made.product / path).write_text(text)
    git(made.product, "add", "-A")
    git(made.product, "commit", "-qm", "first")
    done = made.cli("init", "factory", "--product", "product", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "qwen3:8b" in done.stdout
    made.git("config", "user.name", "Pat")
    made.git("config", "user.email", "pat@example.org")
    if Sandbox.detect(Limits()) is None:
        made.edit("manifests/policy.yaml", "sandbox: required", "sandbox: preferred")
        made.commit("This machine has no sandbox")
    return made


def test_a_docs_task_goes_from_add_to_a_merged_commit(own: TinyFactory, model: OllamaStandIn) -> None:
    own.ok("validate")
    own.ok("add", "Document how to install and run the tests", "-p", "H")
    route = own.json("route", "Document how to install and run the tests")
    assert (route["company"], route["blueprint"], route["model"]) == ("lexicon", "docs", "qwen3:8b")
    plan = own.json("diff", code=2)
    assert [(item["address"], item["action"]) for item in plan["changes"]] == [(f"Task/{NAME}", "dispatch")]
    assert model.requests == [], "looking never asks a model"

    said = own.ok("apply", timeout=200)
    assert "Settled: nothing differs." in said
    rows = own.tasks()
    assert [(row["stage"], row["phase"]) for row in rows.values()] == [
        ("BUILD", "done"),
        ("REVIEW", "done"),
        ("SECURITY", "done"),
    ]
    assert git(own.product, "show", "main:docs/testing.md").startswith("# Install and test")
    assert (own.product / "docs/testing.md").read_text() == PAGE
    assert git(own.product, "log", "-1", "--format=%s") == "Merge: Document how to install and run the tests"
    assert git(own.product, "status", "--porcelain") == ""

    trailers = [dict(row["trailers"]) for row in own.json("log") if row["outcome"]]
    assert [item["Alai-Stage"] for item in trailers] == ["BUILD", "REVIEW", "SECURITY"]
    assert trailers[0]["Alai-Model"] == "ollama-simple/qwen3:8b@ollama"
    assert trailers[0]["Assisted-by"] == "lexicon/builder (ollama-simple/qwen3:8b)"
    assert trailers[0]["Alai-Cost-USD"] == "0.00"
    assert own.show(NAME)["tokens"] > 0
    assert (own.root / f"evidence/_/{NAME}/classification.json").exists()
    told = "\n".join(message["content"] for message in model.requests[1]["messages"])
    assert "Turns titles into slugs." in told
    assert "Document how to install and run the tests" in told

    before = own.head
    own.ok("diff")
    own.ok("apply")
    own.ok("rebuild", "--check")
    own.ok("verify")
    assert own.head == before


def test_work_that_needs_tools_goes_to_a_person_who_is_told_so(own: TinyFactory, model: OllamaStandIn) -> None:
    own.ok("add", "Add an option for the separator")
    said = own.ok("apply", code=4)
    assert "CapabilityMissing" in said
    assert "does not offer tools" in said
    [row] = own.json("queue")
    assert (row["name"], row["phase"], row["reason"]) == (
        "add-an-option-for-the-separator",
        "human",
        "CapabilityMissing",
    )
    assert len(model.requests) == 1, "it is only asked what sort of task this is"


def test_a_missing_model_and_a_silent_host_are_said_plainly(own: TinyFactory) -> None:
    own.edit("manifests/fleet.yaml", "qwen3:8b", "qwen3:14b")
    own.commit()
    own.ok("add", "Write a user guide")
    assert "ollama does not have the model qwen3:14b; run: ollama pull qwen3:14b" in own.ok("apply", code=4)
    own.edit("manifests/fleet.yaml", own.environment["OLLAMA_HOST"], "http://127.0.0.1:9")
    own.commit()
    said = own.ok("apply", "--timeout", "3s", code=2)
    assert said.count("does not answer as Ollama at http://127.0.0.1:9") == 1
    assert own.tasks()["write-a-user-guide"]["attempts"] == 0, "an unreachable host is no failed attempt"
