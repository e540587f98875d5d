"""Phases with tools as part of an attempt: real git, real tools, a scripted model behind a real socket."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reconciler.execute.attempt import run_attempt
from reconciler.model.execution import Report, Result
from reconciler.model.job import AgentBrief, Brief, SessionBrief
from reconciler.model.spec import AgentPhase, BlueprintPhase, Criterion, PolicySpec
from reconciler.model.vocabulary import Reason, Verdict
from tests.execute.conftest import Make, Repo, brief, factory, product
from tests.marks import unmarked
from tests.standins.ollama import OllamaStandIn
from tests.standins.script import Reply, Script, calls, says

__all__ = ["brief", "factory", "product"]

SUMMARY = "The page is written; it names every meal with its price and says when the box comes."
ASK = calls(("knowledge", {"query": "landing page"}))
WRITE = calls(("write_file", {"path": "app/page.html", "content": "<h1>Shop</h1>\n"}))
FINISH = calls(("finish", {"summary": SUMMARY, "decisions": ["Prices come from one table"], "blockers": []}))


def phase(name: str = "build", role: str = "builder", **fields: Any) -> BlueprintPhase:
    about = {"prompt": "Write the page for {{ task.title }}.", "max_tokens": 800} | fields
    return BlueprintPhase(name=name, role=role, needs=("tools",), agent=AgentPhase(**about))


def attempt(script: Script, asked: Brief, folder: Path, **options: Any) -> tuple[Result, OllamaStandIn]:
    with OllamaStandIn(script, models=("m:latest",), **options) as server:
        about = {"url": server.url, "backend": "ollama-tool", "offers": ("text", "schema", "tools")}
        if asked.model.backend == "ollama-tool":
            about = {"url": server.url}
        model = msgspec.structs.replace(asked.model, **about)
        result = asyncio.run(run_attempt(msgspec.structs.replace(asked, model=model), folder / "run"))
    return result, server


def log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "run" / "conversation.jsonl").read_text().splitlines()]


def report(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "run/evidence/report.json").read_text())


def test_an_agent_asks_writes_and_finishes_and_the_commit_holds_its_work(
    brief: Make, product: Repo, tmp_path: Path
) -> None:
    asked = brief(phase(), acceptance=(Criterion(id="page", text="There is a page", check="test -f app/page.html"),))
    result, server = attempt([ASK, WRITE, FINISH], asked, tmp_path)
    assert (result.ended, result.reason) == (Verdict.PASSED, Reason.PASSED)
    assert product.show("alai/shop-page", "app/page.html") == "<h1>Shop</h1>"
    done = result.phases[0]
    assert (done.by, done.steps, done.ended) == ("model", 3, "Passed")
    assert result.tokens == done.tokens
    assert result.cost_usd == 0.0
    system, user = (message["content"] for message in server.requests[0]["messages"][:2])
    assert system.startswith("You build well.")
    assert len(system) < 4000
    for part in ("Add a landing page", "at the root of the product shop", "Ask `knowledge`", "`finish`", "# Shop"):
        assert part in user


def test_the_conversation_log_has_every_turn_without_secrets_and_the_transcript_too(
    brief: Make, product: Repo, tmp_path: Path
) -> None:
    secret = "ghp_" + "a1B2" * 10
    product.commit({"notes.txt": f"token {secret}\n"})
    look = calls(("read_file", {"path": "notes.txt"}))
    attempt([ASK, look, says(f"The token is {secret}."), WRITE, FINISH], brief(phase()), tmp_path)
    turns = log(tmp_path)
    roles = [turn["role"] for turn in turns if "role" in turn]
    assert roles == ["system", "user", *["assistant", "tool"] * 2, "assistant", "user", *["assistant", "tool"] * 2]
    assert turns[2]["calls"][0]["name"] == "knowledge"
    assert turns[-1] == {
        "phase": "build", "event": "conversation ended", "reason": "Passed", "message": "finished", "steps": 5,
    }  # fmt: skip
    assert secret not in (tmp_path / "run/conversation.jsonl").read_text()
    kept = gzip.decompress((tmp_path / "run/evidence/transcript.jsonl.gz").read_bytes()).decode()
    assert "read_file" in kept
    assert secret not in kept


def test_the_report_has_the_agents_decisions_and_blockers_and_what_was_verified(brief: Make, tmp_path: Path) -> None:
    finish = calls(
        ("finish", {"summary": SUMMARY, "decisions": '["One table of prices"]', "blockers": ["No photos were given"]})
    )
    criteria = (Criterion(id="page", text="There is a page", check="test -f app/page.html"),)
    attempt([ASK, WRITE, finish], brief(phase(), acceptance=criteria), tmp_path)
    written = report(tmp_path)
    assert written["key_decisions"][0] == "One table of prices"
    assert "No photos were given" in written["blockers"]
    assert written["files_written"] == ["app/page.html"]
    assert any(line.endswith(": pass") and "page" in line for line in written["verification"])


def test_the_opening_tells_what_others_decided_on_the_same_work(brief: Make, tmp_path: Path) -> None:
    before = SessionBrief(
        task="shop-page", attempt=1, stage="BUILD", outcome="failed", evidence="evidence/shop/shop-page/1",
        report=Report(
            agent_type="builder", company="codecraft", task_summary="BUILD: x", key_decisions=("Prices in cents",),
            blockers=("gate tests: 2 failed",),
        ),
    )  # fmt: skip
    _, server = attempt([ASK, WRITE, FINISH], brief(phase(), sessions=(before,)), tmp_path)
    told = server.requests[0]["messages"][1]["content"]
    assert "decided: Prices in cents" in told
    assert "gate tests: 2 failed" in told


def test_writing_before_asking_is_refused_with_words_and_in_the_evidence(brief: Make, tmp_path: Path) -> None:
    result, server = attempt([WRITE, ASK, WRITE, FINISH], brief(phase()), tmp_path)
    assert result.ended is Verdict.PASSED
    assert "knowledge" in server.requests[1]["messages"][-1]["content"]
    assert [refusal.tool for refusal in result.refusals] == ["write_file"]


def test_a_tool_that_the_role_must_not_have_is_refused_and_in_the_evidence(brief: Make, tmp_path: Path) -> None:
    agents = {"reviewer": AgentBrief(name="r", role="reviewer", prompt="Judge.", writes="nothing")}
    finding = {"id": "no-prices", "title": "No prices", "severity": "blocker", "detail": "None is shown."}
    verdict = calls(("finish", {"summary": SUMMARY, "findings": [finding]}))
    asked = brief(phase("review", "reviewer", output="verdict"), agents=agents, read_only=True)
    result, server = attempt([WRITE, verdict], asked, tmp_path)
    assert result.ended is Verdict.PASSED
    assert [(refusal.role, refusal.tool) for refusal in result.refusals] == [("reviewer", "write_file")]
    assert [finding.id for finding in result.findings] == ["no-prices"]
    assert "write_file" not in [tool["function"]["name"] for tool in server.requests[0]["tools"]]


def test_an_edit_that_does_not_match_is_told_so_and_the_whole_file_can_be_written_instead(
    brief: Make, product: Repo, tmp_path: Path
) -> None:
    miss = calls(("edit_file", {"path": "app/main.py", "old": "print('hullo')", "new": "print('bye')"}))
    whole = calls(("write_file", {"path": "app/main.py", "content": "print('bye')\n"}))
    look = calls(("read_file", {"path": "app/main.py"}))
    result, server = attempt([ASK, look, miss, whole, FINISH], brief(phase()), tmp_path)
    assert result.ended is Verdict.PASSED
    assert result.refusals == ()
    assert server.requests[3]["messages"][-1]["role"] == "tool"
    assert product.show("alai/shop-page", "app/main.py") == "print('bye')"


@pytest.mark.parametrize(
    ("script", "verdict", "reason"),
    [
        ([ASK, WRITE, says("Done!"), says("All tests pass.")], Verdict.FAILED, Reason.UNFINISHED),
        ([ASK, WRITE, Reply(break_off=True)], Verdict.ERROR, Reason.BACKEND_ERROR),
    ],
)
def test_an_agent_that_does_not_finish_ends_the_attempt_by_name_and_its_report_stays(
    brief: Make, tmp_path: Path, script: Script, verdict: Verdict, reason: Reason
) -> None:
    result, _ = attempt(script, brief(phase()), tmp_path)
    assert (result.ended, result.reason) == (verdict, reason)
    assert [(done.ended, done.steps) for done in result.phases] == [(str(reason), len(script))]
    assert report(tmp_path)["blockers"][0].startswith("phase build: ")


def test_a_step_limit_of_the_blueprint_holds(brief: Make, tmp_path: Path) -> None:
    result, server = attempt([ASK, WRITE, FINISH], brief(phase(max_steps=2)), tmp_path)
    assert result.reason is Reason.STEP_LIMIT
    assert len(server.requests) == 2


def test_calls_that_came_as_text_are_in_the_note(brief: Make, tmp_path: Path) -> None:
    said = json.dumps({"name": "write_file", "arguments": {"path": "a.txt", "content": "A"}})
    result, _ = attempt([ASK, said, FINISH], brief(phase()), tmp_path)
    assert result.ended is Verdict.PASSED
    assert "1 of its calls came as text" in result.phases[0].note


def test_a_model_without_tools_hands_in_files_where_the_blueprint_lets_it(
    brief: Make, product: Repo, tmp_path: Path
) -> None:
    files = json.dumps({"summary": "One page.", "files": [{"path": "a.html", "content": "<p>Hi</p>\n"}]})
    asked = brief(phase(otherwise="files"))
    model = msgspec.structs.replace(asked.model, backend="ollama-tool", offers=("text", "schema"))
    result, server = attempt([files], msgspec.structs.replace(asked, model=model), tmp_path, capabilities=())
    assert result.ended is Verdict.PASSED
    assert product.show("alai/shop-page", "a.html") == "<p>Hi</p>"
    assert "handed in whole files" in result.phases[0].note
    assert "tools" not in server.requests[0] or not server.requests[0]["tools"]
    assert server.requests[0]["format"]
    assert "think" not in server.requests[0]
    assert "JSON Schema" in server.requests[0]["messages"][-1]["content"]


def test_a_small_window_gets_a_short_opening_that_says_what_was_cut(brief: Make, product: Repo, tmp_path: Path) -> None:
    product.commit({"README.md": "# Shop\n" + "long words " * 3000})
    asked = brief(phase(max_tokens=512), policy=PolicySpec(knowledge="advisory"))
    model = msgspec.structs.replace(asked.model, num_ctx=4096)
    result, server = attempt([WRITE, FINISH], msgspec.structs.replace(asked, model=model), tmp_path)
    assert result.ended is Verdict.PASSED
    assert "cut to fit" in result.phases[0].note
    assert sum(len(message["content"]) for message in server.requests[0]["messages"]) < 4096 * 2


def test_the_summary_of_a_phase_is_an_answer_for_the_next(brief: Make, tmp_path: Path) -> None:
    second = phase("explain", prompt="Explain: {{ answers.build }}")
    result, server = attempt([ASK, WRITE, FINISH, FINISH], brief(phase(), second), tmp_path)
    assert result.ended is Verdict.PASSED
    assert f"Explain: {SUMMARY}" in unmarked(server.requests[3]["messages"][1]["content"])
