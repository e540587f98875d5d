"""A small product and a factory around it, and a model that does just what a test wants of it.

`Shop` is a whole factory, driven through the command line; `Bench` makes one attempt within this process and judges it
as the controller does. What a model does is a list of steps, one an answer; then it says that it is through.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from reconciler.execute.attempt import run_attempt
from reconciler.model.execution import Result
from reconciler.model.job import Brief
from reconciler.model.spec import AgentPhase, BlueprintPhase, Criterion, Limits, PolicySpec
from reconciler.model.vocabulary import Reason, Verdict
from reconciler.plan.verdict import verdict
from tests.e2e.factory import TinyFactory, build, git
from tests.execute.conftest import Make, Repo
from tests.execute.conftest import git as plain_git
from tests.standins.ollama import OllamaStandIn
from tests.standins.script import Body, Reply, calls

HELLO: dict[str, str] = {
    "README.md": "# hello\n\nGreets people by name.\n",
    "hello.py": 'def greet(name):\n    return "Hello " + name\n',
    "test_hello.py": (
        "import unittest\n\nfrom hello import greet\n\n\nclass Greeting(unittest.TestCase):\n"
        '    def test_ada(self):\n        self.assertEqual(greet("Ada"), "Hello, Ada")\n\n'
        '    def test_bo(self):\n        self.assertEqual(greet("Bo"), "Hello, Bo")\n\n\n'
        'if __name__ == "__main__":\n    unittest.main()\n'
    ),
    "Makefile": "test:\n\tpython3 -m unittest -q\n",
    ".gitignore": "__pycache__/\n",
}
"""a product whose greeting lacks its comma, and two tests that say so"""
GOOD = 'def greet(name):\n    return "Hello, " + name\n'
SMALL = Limits(memory="256MiB", processes=80, output_bytes=100_000, disk="20MiB", command="20s")

FLEET = """
apiVersion: alai.dev/v1
kind: Fleet
metadata: {name: default}
spec:
  hosts:
    - name: here
      kind: ollama
      url: URL
      capacity: CAPACITY
      models: [{name: "m:latest", numCtx: 16384, offers: [text, schema, tools]}]
  tiers:
    - {tier: 1, chain: [{backend: ollama-tool, model: "m:latest", hosts: [here]}]}
    - {tier: 5, chain: [{backend: human-queue}]}
"""
PIPELINE = """
apiVersion: alai.dev/v1
kind: Pipeline
metadata: {name: standard}
spec:
  stages: [{name: BUILD}]
  mergeAfter: BUILD
"""
CHANGE = """
apiVersion: alai.dev/v1
kind: Blueprint
metadata: {name: change}
spec:
  phases:
    - {name: change, role: builder, needs: [tools], agent: {prompt: Change it.}}
"""


def asks() -> Reply:
    return calls(("knowledge", {"query": "greet"}))


def writes(path: str, content: str) -> Reply:
    return calls(("write_file", {"path": path, "content": content}))


def runs(command: str) -> Reply:
    return calls(("run_command", {"command": command}))


def finishes(**more: Any) -> Reply:
    return calls(("finish", {"summary": "I have done all that was asked of me, and it works as it should.", **more}))


def acts(steps: Sequence[Reply | str]) -> Any:
    """The same steps in each conversation, after it has asked HiveMind; then `finish`."""

    def answer(body: Body) -> Reply | str:
        said = sum(message["role"] == "assistant" for message in body["messages"])
        return [asks(), *steps, finishes()][min(said, len(steps) + 1)]

    return answer


@dataclass
class Shop(TinyFactory):
    """A factory with one stage, one attempt and a sandbox, whose task `comma` mends the greeting of the product."""

    server: OllamaStandIn = field(default_factory=OllamaStandIn)

    def does(self, *steps: Reply | str) -> None:
        """What the model does from now on, in every conversation."""
        self.server.answer = acts(steps)

    def ask(self, name: str = "comma", **spec: Any) -> None:
        self.task(name, "Greet with a comma", **{"blueprint": "change", "complexity": 1, **spec})
        self.commit("Ask for a comma")

    def outcome(self, task: str = "comma", attempt: int = 1) -> dict[str, Any]:
        """The evidence of an attempt."""
        return json.loads((self.evidence(task, attempt) / "evidence.json").read_text())

    def evidence(self, task: str = "comma", attempt: int = 1) -> Path:
        return self.root / "evidence" / "_" / task / str(attempt)

    def merged(self) -> bool:
        """Whether the product's branch has moved."""
        return git(self.product, "rev-list", "--count", "main") != "1"

    def prompts(self) -> str:
        return json.dumps(self.server.requests, ensure_ascii=False)


@contextmanager
def shop(folder: Path, files: Mapping[str, str] = HELLO, capacity: int = 1) -> Iterator[Shop]:
    """A new one in `folder`, with its model's server."""
    made = build(folder)
    for name, content in files.items():
        path = made.product / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    git(made.product, "add", "-A")
    git(made.product, "commit", "-q", "--amend", "-m", "Begin hello")
    with OllamaStandIn(acts(()), models=("m:latest",)) as server:
        environment = {**made.environment, "XDG_CONFIG_HOME": str(folder / "config")}
        own = Shop(made.folder, environment, server=server)
        own.write("manifests/fleet.yaml", FLEET.replace("URL", server.url).replace("CAPACITY", str(capacity)).lstrip())
        own.write("manifests/pipeline.yaml", PIPELINE.lstrip())
        own.write("manifests/blueprints/change/blueprint.yaml", CHANGE.lstrip())
        own.edit("manifests/policy.yaml", "sandbox: preferred", "sandbox: required")
        own.edit("manifests/policy.yaml", "attempts: 3", "attempts: 1")
        own.commit("A model")
        yield own


@dataclass
class Tried:
    """One attempt that is over."""

    result: Result
    outcome: Verdict
    reason: Reason
    message: str
    folder: Path
    requests: list[Body]

    @property
    def gates(self) -> dict[str, str]:
        return {gate.id: str(gate.result) for gate in self.result.gates}

    @property
    def transcript(self) -> list[dict[str, Any]]:
        packed = self.folder / "evidence/transcript.jsonl.gz"
        return [json.loads(line) for line in gzip.decompress(packed.read_bytes()).decode().splitlines()]

    @property
    def told(self) -> str:
        """All that tools and commands said."""
        return "\n".join(str(line.get("output") or line.get("answer") or line.get("text")) for line in self.transcript)

    def everything(self) -> dict[str, str]:
        """All that stays of it, by path: the evidence, the journal, the prompts."""
        found = {"result": json.dumps(msgspec.to_builtins(self.result)), "prompts": json.dumps(self.requests)}
        for path in self.folder.rglob("*"):
            if path.is_file() and not path.is_relative_to(self.folder / "work"):
                data = path.read_bytes()
                data = gzip.decompress(data) if path.suffix == ".gz" else data
                found[str(path.relative_to(self.folder))] = data.decode("utf-8", "replace")
        return found

    def holding(self, text: str) -> list[str]:
        """Where it is kept."""
        return [name for name, content in self.everything().items() if text in content]


@dataclass
class Bench:
    """Attempts on a product of `files`, one after the other."""

    make: Make
    product: Repo
    folder: Path

    def brief(self, phase: BlueprintPhase, test: str | None = None, **fields: Any) -> Brief:
        """`test`: the product's test command, where it is not `make test`."""
        tip = plain_git(self.product.path, "rev-parse", "HEAD")
        made = self.make(phase, **{"policy": PolicySpec(limits=SMALL), **fields})
        assert made.product
        where = msgspec.structs.replace(made.product, path=str(self.product.path), tip=tip, start=tip, test=test)
        return msgspec.structs.replace(made, product=where, title="Greet with a comma")

    def works(self, *steps: Reply | str, **fields: Any) -> Tried:
        """An attempt by a model with tools."""
        phase = BlueprintPhase(name="change", needs=("tools",), agent=AgentPhase(prompt="Change it."))
        brief = self.brief(phase, **fields)
        with OllamaStandIn(acts(steps), models=("m:latest",)) as server:
            given = {"url": server.url, "backend": "ollama-tool", "offers": ("text", "schema", "tools")}
            model = msgspec.structs.replace(brief.model, num_ctx=16384, **given)
            return self.run(msgspec.structs.replace(brief, model=model), server.requests)

    def run(self, brief: Brief, requests: list[Body] | None = None) -> Tried:
        where = self.folder / f"run{len(list(self.folder.glob('run*')))}"
        result = asyncio.run(run_attempt(brief, where))
        return Tried(result, *verdict(brief, result), where, requests or [])


def criterion(check: str, name: str = "comma") -> tuple[Criterion, ...]:
    return (Criterion(id=name, text="it greets with a comma", check=check),)
