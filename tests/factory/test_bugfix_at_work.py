"""The shipped bugfix blueprint with its shipped agents, done by a scripted model through real tools and the sandbox."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import yaml

from reconciler.execute.attempt import run_attempt
from reconciler.model.execution import Result
from reconciler.model.job import AgentBrief, Brief, SkillBrief
from reconciler.model.spec import AgentSpec, BlueprintSpec
from reconciler.model.vocabulary import Reason, Verdict
from tests.execute.conftest import Make, Repo, brief, factory, product
from tests.standins.ollama import OllamaStandIn
from tests.standins.script import Reply, calls

__all__ = ["brief", "factory", "product"]

ROOT = Path(__file__).resolve().parents[2]
TEST = "from app import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n"
CHECK = 'python3 -c \'import sys; sys.path.insert(0, "app"); exec(open("test_add.py").read()); test_add()\''


def shipped(path: str, kind: type[Any]) -> Any:
    return msgspec.convert(yaml.safe_load((ROOT / path).read_text())["spec"], kind)


def agents() -> dict[str, AgentBrief]:
    found: dict[str, AgentBrief] = {}
    for role in ("lead", "builder"):
        spec: AgentSpec = shipped(f"companies/codecraft/agents/{role}.yaml", AgentSpec)
        found[role] = AgentBrief(
            name=f"codecraft-{role}",
            role=role,
            prompt=spec.prompt,
            paths=spec.paths,
            writes=spec.writes,
            tools=spec.tools,
        )
    return found


def finish(summary: str) -> Reply:
    return calls(("finish", {"summary": f"{summary} That is what was seen and nothing else was done."}))


ASK = calls(("knowledge", {"query": "add"}))


def work(brief: Make, product: Repo, folder: Path, script: list[Reply]) -> tuple[Result, list[dict[str, Any]]]:
    product.commit({"app/app.py": "def add(a, b):\n    return a - b\n"})
    blueprint: BlueprintSpec = shipped("manifests/blueprints/bugfix/blueprint.yaml", BlueprintSpec)
    asked: Brief = brief(
        *blueprint.phases, test=CHECK, agents=agents(), title="Fix add",
        skills=(SkillBrief(name="debugging", text="Look.", sha256="0", description="Find the cause."),),
    )  # fmt: skip
    with OllamaStandIn(script, models=("m:latest",)) as server:
        model = msgspec.structs.replace(
            asked.model, url=server.url, backend="ollama-tool", offers=("text", "schema", "tools"), num_ctx=16384
        )
        result = asyncio.run(run_attempt(msgspec.structs.replace(asked, model=model), folder / "run"))
    return result, server.requests


GOOD = [
    ASK, calls(("write_file", {"path": "test_add.py", "content": TEST})), finish("add(1, 2) is -1 and not 3."),
    calls(("read_file", {"path": "app/app.py"})), finish("add in app/app.py subtracts."),
    calls(("edit_file", {"path": "app/app.py", "edits": [{"old_text": "a - b", "new_text": "a + b"}]})),
    finish("add adds now."),
    calls(("run_command", {"command": CHECK})), finish("The test passes, and there are no others."),
]  # fmt: skip


def test_a_fault_is_reproduced_diagnosed_mended_and_verified(brief: Make, product: Repo, tmp_path: Path) -> None:
    result, requests = work(brief, product, tmp_path, GOOD)
    assert (result.ended, result.message) == (Verdict.PASSED, "")
    assert [phase.name for phase in result.phases] == ["reproduce", "diagnose", "fix", "verify"]
    assert result.product_commit
    assert "a + b" in product.show(result.product_commit, "app/app.py")
    assert "skills/debugging/SKILL.md: Find the cause." in str(requests[0]["messages"])
    assert "HiveMind" in str(requests[0]["messages"])


def test_a_lead_that_mends_instead_of_planning_is_refused(brief: Make, product: Repo, tmp_path: Path) -> None:
    edit = calls(("write_file", {"path": "app/app.py", "content": "def add(a, b):\n    return a + b\n"}))
    result, _ = work(brief, product, tmp_path, [*GOOD[:3], edit, *GOOD[4:]])
    assert [(refusal.role, refusal.tool, refusal.what) for refusal in result.refusals] == [
        ("lead", "write_file", "app/app.py")
    ]
    assert result.ended is Verdict.PASSED


def test_a_fault_that_no_test_shows_is_not_worked_on(brief: Make, product: Repo, tmp_path: Path) -> None:
    green = TEST.replace("== 3", "== -1")
    script = [
        ASK, calls(("write_file", {"path": "test_add.py", "content": green})), finish("Shown."),
        finish("Shown again."), finish("Still shown."),
    ]  # fmt: skip
    result, requests = work(brief, product, tmp_path, script)
    assert result.reason is Reason.GATE_FAILED
    assert "All tests pass: none of them shows the fault." in result.message
    assert [phase.name for phase in result.phases] == ["reproduce"] * 3
    assert "All tests pass: none of them shows the fault." in str(requests[3]["messages"])


def test_a_fix_that_is_only_claimed_ends_at_its_gate(brief: Make, product: Repo, tmp_path: Path) -> None:
    claims = [finish(f"It is mended, for the {number}. time.") for number in (1, 2, 3)]
    result, _ = work(brief, product, tmp_path, [*GOOD[:5], *claims])
    assert (result.ended, result.reason) == (Verdict.FAILED, Reason.GATE_FAILED)
    assert result.message.startswith("phase fix after 3 tries: gate tests: exit 1")
