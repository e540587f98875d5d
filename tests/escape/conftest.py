"""A prison with something worth stealing outside: keys, a controller, a factory, a server, a product's git folder."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reconciler.execute import evidence
from reconciler.execute.agent.port import ToolResult
from reconciler.execute.agent.toolbox import open_tools
from reconciler.execute.attempt import run_attempt
from reconciler.execute.sandbox import Sandbox
from reconciler.execute.work import Work
from reconciler.execute.workspace import checkout, fresh
from reconciler.model.execution import Result
from reconciler.model.job import AgentBrief, Brief
from reconciler.model.spec import AgentPhase, BlueprintPhase, Limits, Paths, PolicySpec
from tests.execute.conftest import Make, Repo, brief, factory, git, product, sh
from tests.standins.ollama import OllamaStandIn
from tests.standins.script import calls

__all__ = ["brief", "factory", "product"]

CANARY = "canary-of-value"
"""never to be seen inside, whatever is tried"""
LIMITS = Limits(memory="256MiB", processes=80, output_bytes=100_000, disk="5MiB", command="15s")


@dataclass
class Told:
    """What an attempt left behind: what its tools answered, and the evidence as people read it."""

    answers: list[ToolResult] = field(default_factory=list[ToolResult])
    gotcha: str = ""
    transcript: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    result: Result | None = None

    @property
    def everything(self) -> str:
        return self.gotcha + json.dumps(self.transcript) + "".join(answer.text for answer in self.answers)


@dataclass
class Prison:
    """`shell` runs a phase's command through a whole attempt; `tools` has an agent call tools in a real worktree."""

    make: Make
    factory: Repo
    product: Repo
    outside: Path
    port: int
    listener: socket.socket
    before: str = ""

    def shell(self, script: str, **fields: Any) -> Told:
        run_dir = self.outside / "run"
        result = asyncio.run(run_attempt(self.brief(sh(script), **fields), run_dir))
        return self._read(run_dir / "evidence", Told(result=result))

    def tools(self, *calls: tuple[str, dict[str, Any]], **fields: Any) -> Told:
        phase = BlueprintPhase(name="build", role="builder", needs=("tools",), agent=AgentPhase(prompt="p"))
        return asyncio.run(self._call(self.brief(phase, **fields), phase, calls))

    def agent(self, *wanted: tuple[str, dict[str, Any]], **fields: Any) -> Told:
        """A whole attempt by a model that wants just this, and says then that it is through."""
        end = ("finish", {"summary": "I have done all that was asked, and it works as it should."})
        script = [calls(("knowledge", {"query": "anything"})), *(calls(call) for call in wanted), calls(end)]
        phase = BlueprintPhase(name="build", role="builder", needs=("tools",), agent=AgentPhase(prompt="p"))
        asked = self.brief(phase, **fields)
        with OllamaStandIn(script, models=("m:latest",)) as server:
            model = msgspec.structs.replace(
                asked.model, url=server.url, backend="ollama-tool", offers=("text", "schema", "tools")
            )
            run_dir = self.outside / "run"
            result = asyncio.run(run_attempt(msgspec.structs.replace(asked, model=model), run_dir))
        return self._read(run_dir / "evidence", Told(result=result))

    def brief_policy(self, **limits: Any) -> PolicySpec:
        return PolicySpec(limits=msgspec.structs.replace(LIMITS, **limits))

    def brief(self, phase: BlueprintPhase, **fields: Any) -> Brief:
        given = {"policy": PolicySpec(limits=LIMITS), "paths": Paths(forbid=("infra/**",)), **fields}
        return self.make(phase, **given)

    async def _call(self, made: Brief, phase: BlueprintPhase, calls: tuple[tuple[str, dict[str, Any]], ...]) -> Told:
        run_dir = self.outside / "run"
        folder = fresh(run_dir)
        sandbox = Sandbox.detect(made.policy.limits)
        assert sandbox
        assert made.product
        work = Work(brief=made, root=run_dir / "work", run_dir=run_dir, sandbox=sandbox)
        told = Told()
        async with checkout(made.product.path, made.product.start, work.root), open_tools(work, phase) as tools:
            await tools.call("knowledge", {"query": "anything"})
            told.answers = [await tools.call(name, arguments) for name, arguments in calls]
        summary = evidence.Summary(ended="passed", gates=(), changes=(), sandbox=sandbox.name, commit=None, before=None)
        evidence.write(work, summary, folder)
        return self._read(folder, told)

    def _read(self, folder: Path, told: Told) -> Told:
        told.gotcha = (folder / "GOTCHA.md").read_text()
        packed = folder / "transcript.jsonl.gz"
        lines = gzip.decompress(packed.read_bytes()).decode().splitlines() if packed.exists() else []
        told.transcript = [json.loads(line) for line in lines]
        return told

    def state(self) -> str:
        """A digest of all that must stay as it is: the factory, the product's git, and what lies around."""
        places = [self.factory.path, self.outside / "home", self.product.path / ".git/hooks"]
        files = [path for place in places for path in sorted(place.rglob("*")) if path.is_file()]
        files = [path for path in files if not path.is_relative_to(self.factory.path / "state/cache")]
        files += [self.product.path / ".git/config"]
        digests = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        around = sorted(path.name for path in self.outside.iterdir() if path.name != "run")
        return json.dumps([digests, around, git(self.product.path, "rev-parse", "main")])

    def visited(self) -> bool:
        """Did anybody reach the server outside?"""
        try:
            self.listener.accept()[0].close()
        except BlockingIOError:
            return False
        return True


@pytest.fixture
def prison(
    brief: Make, factory: Repo, product: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Prison]:
    factory.commit({
        "manifests/policy.yaml": "kind: Policy\n",
        "companies/codecraft/CLAUDE.md": "soul",
        "manifests/blueprints/bp/check.sh": "exit 1\n",
        "evidence/shop/old/1/evidence.json": "{}",
    })  # fmt: skip
    product.commit({"infra/secret": "infra\n", "tests/test_app.py": "def test(): assert True\n"})
    for path in (factory.path / "state/index.db", tmp_path / "home/.ssh/id_ed25519"):
        path.parent.mkdir(parents=True)
        path.write_text(CANARY)
    monkeypatch.setenv("ALAI_CANARY", CANARY)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        made = Prison(brief, factory, product, tmp_path, server.getsockname()[1], server)
        made.before = made.state()
        yield made


def builder(**fields: Any) -> dict[str, AgentBrief]:
    agent = AgentBrief(name="codecraft-builder", role="builder", prompt="Build.")
    return {"builder": msgspec.structs.replace(agent, **fields)}
