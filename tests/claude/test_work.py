"""Conversations of the stand-in program with tools, in the sandbox and, as far as it does not matter, without."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reconciler.execute.backends.claude_cli import ClaudeCli, probe
from reconciler.execute.backends.claude_prompt import BEGINNING
from reconciler.execute.backends.port import BackendError, ChatRequest, question
from reconciler.execute.redact import Redactor
from reconciler.execute.sandbox import Sandbox
from reconciler.model.spec import CallLimits, Host, Limits
from reconciler.model.vocabulary import Reason
from tests.claude.conftest import KEY, TERMS, Stage

WRITE = {"call": "write_file", "arguments": {"path": "page.html", "content": "<h1>Shop</h1>"}}
FINISH = {"call": "finish", "arguments": {"summary": "A page."}}
QUICK = CallLimits(first="1s", silence="1s", wall="30s")


def facts(stage: Stage) -> dict[str, Any]:
    return json.loads(next(text for text in stage.journal.said() if text.startswith("{")))


def flag(given: list[str], name: str) -> str:
    return given[given.index(name) + 1]


def test_locked_in_the_sandbox_it_does_its_work_with_our_tools_and_nothing_else(stage: Stage, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    ending = stage.run(
        {"facts": True},
        {"say": "I write the page."},
        WRITE,
        {"call": "write_file", "arguments": {"path": "../escape", "content": ""}},
        {"own": "Bash", "input": {"command": f"touch {outside}/a; echo done"}},
        {"reach": "example.com:443"},
        {"reach": "127.0.0.1:22", "direct": True},
        {"reach": "1.1.1.1:443", "direct": True},
        FINISH,
    )
    assert (ending.reason, ending.message, ending.cost_usd, ending.tokens) == (Reason.PASSED, "", 0.0125, 173)
    assert (stage.tools.path / "page.html").read_text() == "<h1>Shop</h1>"
    assert stage.tools.finished is not None
    assert list(outside.iterdir()) == []
    answers = stage.journal.answers()
    assert answers[:2] == ["written", "outside of the product"]
    assert answers[2].startswith("refused: Bash")
    assert [text.strip() for text in stage.journal.said() if ":" in text and not text.startswith("{")] == [
        "example.com:443: HTTP/1.1 403",
        "127.0.0.1:22: ConnectionRefusedError",
        "1.1.1.1:443: OSError",
    ]
    assert {(tool, what.split()[0]) for tool, what, _ in stage.refused} == {
        ("network", "example.com:443"),
        ("Bash", '{"command":'),
    }
    _sees_only_what_it_needs(facts(stage))


def _sees_only_what_it_needs(seen: dict[str, Any]) -> None:
    assert seen["prompt"] == f"{BEGINNING}\n\nAdd a page."
    assert seen["system"].startswith("You are a builder.\n\nYour tools are those")
    given = seen["flags"]
    assert [flag(given, name) for name in ("--tools", "--setting-sources", "--permission-mode")] == ["", "", "dontAsk"]
    assert [flag(given, name) for name in ("--max-turns", "--max-budget-usd", "--model")] == ["7", "0.5000", "sonnet"]
    assert flag(given, "--allowedTools") == "mcp__alai"
    assert {"--strict-mcp-config", "--no-session-persistence"} <= set(given)
    assert seen["home"] == []
    assert KEY not in json.dumps(seen)
    assert "UNRELATED_TOKEN" not in seen["variables"]
    assert seen["product"] is False


def test_it_does_not_read_what_its_prompt_mentions(plain: Stage, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("a secret of the user")
    opening = question("You are a builder.", f"Add a page, as in @{secret} and\n@{secret}")
    asyncio.run(plain.agent({"facts": True}).work(opening, plain.tools, plain.terms, plain.journal))
    seen = facts(plain)
    assert (seen["attached"], f"\\@{secret}" in seen["prompt"]) == ({}, True)
    assert seen["variables"]["CLAUDE_CODE_DISABLE_ATTACHMENTS"] == "1"


def test_without_a_credential_for_where_it_would_ask_it_is_not_started(
    plain: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.setenv("CLAUDE_CODE_OAUTH_TOKEN", "a-login-to-anthropic")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "https://gateway.example")
    with pytest.raises(BackendError, match="there is no credential for it") as trouble:
        plain.run({"say": "hm"})
    assert trouble.value.reason is Reason.HOST_UNREACHABLE
    assert plain.journal.said() == []
    monkeypatch.delenv("ANTHROPIC_BASE_URL")
    monkeypatch.setenv("ALL_PROXY", "carrier-pigeon://127.0.0.1:1")
    with pytest.raises(BackendError, match="the proxy or certificates") as trouble:
        plain.run({"say": "hm"})
    assert trouble.value.reason is Reason.HOST_UNREACHABLE


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([{"say": "I did all of it."}], Reason.UNFINISHED),
        ([{"result": {"result": ""}}], Reason.EMPTY_RESPONSE),
        ([{"say": "hm"}, {"result": None}], Reason.BACKEND_ERROR),
        ([{"raw": '{"type": "assist'}, {"raw": "null"}, {"raw": ""}, {"result": None}], Reason.BACKEND_ERROR),
        ([{"raw": "{}"}, {"raw": "not json"}, {"say": "done"}], Reason.UNFINISHED),
        ([{"raw": '{"type": "assistant", "message": [1, {}]}'}, {"result": {"result": 7}}], Reason.EMPTY_RESPONSE),
        ([{"complain": "Invalid API key"}, {"result": None, "exit": 1}], Reason.BACKEND_ERROR),
        ([{"result": {"is_error": True, "result": "API Error: 500"}}], Reason.BACKEND_ERROR),
        ([{"result": {"subtype": "error_max_turns", "is_error": True}, "exit": 1}], Reason.STEP_LIMIT),
        ([{"result": {"subtype": "error_max_budget_usd", "is_error": True}, "exit": 1}], Reason.BUDGET_EXCEEDED),
        ([{"result": {"subtype": "error_during_execution", "is_error": True}, "exit": 1}], Reason.BACKEND_ERROR),
        ([{"own": "Bash", "input": {"command": "echo done > page.html"}}], Reason.UNFINISHED),
    ],
)
def test_a_run_that_did_not_finish_ends_with_its_reason(plain: Stage, steps: list[Any], reason: Reason) -> None:
    ending = plain.run(*steps)
    assert ending.reason is reason
    assert ending.message.startswith("Claude's command line (sonnet) ")
    assert plain.tools.finished is None
    assert list(plain.tools.path.iterdir()) == []


@pytest.mark.parametrize(
    "begins",
    [
        {"mcp_servers": [{"name": "alai", "status": "failed"}]},
        {"mcp_servers": [{"name": "alai", "status": "pending"}], "tools": []},
        {"mcp_servers": []},
        {"mcp_servers": None},
        {"tools": ["mcp__alai__write_file"]},
    ],
)
def test_a_program_that_begins_without_all_of_our_tools_is_not_let_talk(plain: Stage, begins: dict[str, Any]) -> None:
    ending = plain.run({"init": begins}, {"say": "I have no tools, but it is done."}, {"sleep": 60})
    assert (ending.reason, "without the factory's tools" in ending.message) == (Reason.HOST_UNREACHABLE, True)
    assert plain.journal.said() == []


def test_a_program_that_does_not_say_what_it_begins_with_is_not_let_talk(plain: Stage) -> None:
    ending = plain.run({"init": {"subtype": "status"}}, {"say": "done"}, {"sleep": 60})
    assert ending.reason is Reason.HOST_UNREACHABLE


@pytest.mark.parametrize(
    "after",
    [
        {"result": {}},
        {"result": {"is_error": True, "api_error_status": 429}, "exit": 1},
        {"result": {"subtype": "error_max_turns", "is_error": True}, "exit": 1},
        {"result": {"subtype": "error_max_budget_usd", "is_error": True}, "exit": 1},
        {"result": None, "exit": 1},
    ],
)
def test_what_comes_after_an_accepted_finish_does_not_count(plain: Stage, after: dict[str, Any]) -> None:
    ending = plain.run(WRITE, FINISH, {**WRITE, "arguments": {"path": "late.html", "content": ""}}, after)
    assert (ending.reason, ending.message) == (Reason.PASSED, "")
    assert [path.name for path in plain.tools.path.iterdir()] == ["page.html"]
    assert plain.journal.answers()[-1] == "not done: you had finished before"
    assert ending.steps == 3


def test_a_program_that_does_not_leave_after_finish_is_ended(plain: Stage) -> None:
    began = time.monotonic()
    ending = plain.run(FINISH, {"deaf": True}, {"sleep": 60})
    assert (ending.reason, ending.cost_usd) == (Reason.PASSED, None)
    assert time.monotonic() - began < 30


def test_its_last_complaint_is_in_the_message(plain: Stage) -> None:
    ending = plain.run({"complain": "Invalid API key"}, {"result": None, "exit": 1})
    assert ending.message.endswith("ended with exit status 1: Invalid API key")
    assert (ending.tokens, ending.cost_usd) == (None, None)


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([{"deaf": True}, {"sleep": 60}], Reason.HOST_UNREACHABLE),
        ([{"say": "hm"}, {"sleep": 60}], Reason.STALLED),
    ],
)
def test_a_program_that_falls_silent_is_ended_and_one_whose_model_never_spoke_was_not_reached(
    plain: Stage, steps: list[Any], reason: Reason
) -> None:
    plain.limits = QUICK
    began = time.monotonic()
    assert plain.run(*steps).reason is reason
    assert time.monotonic() - began < 8


def test_a_program_that_talks_for_ever_is_ended(plain: Stage) -> None:
    plain.limits = CallLimits(first="20s", silence="20s", wall="2500ms")
    ending = plain.run(*[step for _ in range(100) for step in ({"say": "still at it"}, {"sleep": 0.1})])
    assert ending.reason is Reason.TIMEOUT
    assert ending.message.endswith("did not end within 2.5 s")


def test_a_program_that_says_too_much_is_ended(plain: Stage) -> None:
    for flood, told in (("x" * 20, "said a line of more than 16 MiB"), ("x" * 100_000 + "\n", "said more than 64 MiB")):
        ending = plain.run({"say": "hm"}, {"flood": flood})
        assert (ending.reason, ending.message.endswith(told)) == (Reason.BACKEND_ERROR, True)


def test_a_program_that_holds_too_much_memory_is_ended(stage: Stage) -> None:
    stage.sandbox = Sandbox.detect(Limits(memory="256MiB"))
    ending = stage.run({"say": "hm"}, {"hold": 600})
    assert ending.reason is Reason.BACKEND_ERROR
    assert ending.message.endswith(f"was ended: more than {256 * 2**20} bytes of memory")


def test_a_spent_budget_starts_nothing(plain: Stage) -> None:
    plain.terms = msgspec.structs.replace(TERMS, budget_usd=0.0)
    assert plain.run(FINISH).reason is Reason.BUDGET_EXCEEDED
    assert plain.journal.messages == []


def test_a_machine_without_the_program_is_not_reachable(plain: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(name="here", kind="claude-cli")
    monkeypatch.setenv("PATH", "/nonexistent")
    assert probe(host).message.startswith("there is no program claude on this machine: run: ")
    model = msgspec.structs.replace(plain.model(), command=())
    with pytest.raises(BackendError, match="no program claude") as trouble:
        asyncio.run(ClaudeCli(model, sandbox=plain.sandbox).work((), plain.tools, plain.terms, plain.journal))
    assert trouble.value.reason is Reason.HOST_UNREACHABLE


def test_a_host_is_probed_by_its_program_and_its_credentials(
    plain: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = probe(Host(name="here", kind="claude-cli", command=plain.command()))
    assert (named.reachable, named.message) == (True, "2.1.0 (Claude Code)")
    program = tmp_path / "bin" / "claude"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 2.2.0\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    own = Host(name="here", kind="claude-cli")
    assert probe(own).message == "2.2.0"
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    assert (probe(own).reachable, "claude setup-token" in probe(own).message) == (False, True)
    program.write_text("#!/bin/sh\nexit 3\n")
    monkeypatch.setenv("CLAUDE_CODE_OAUTH_TOKEN", "x")
    assert probe(own).message.endswith("--version ended with exit status 3")


def test_without_the_package_mcp_it_says_how_to_install_it(plain: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BackendError, match=r"-m pip install 'alai-reconcile\[mcp\]'") as trouble:
        plain.run(FINISH)
    assert trouble.value.reason is Reason.CAPABILITY_MISSING


def test_without_a_sandbox_it_is_refused_unless_somebody_says_otherwise(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sandbox, "detect", staticmethod(lambda: None))
    with pytest.raises(BackendError, match="install bubblewrap") as trouble:
        stage.run(FINISH)
    assert trouble.value.reason is Reason.SANDBOX_MISSING


def alive(stage: Stage) -> list[int]:
    """Processes that have this test's script in their command line."""
    mark = str(stage.folder / "script").encode()
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if mark in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def gone(stage: Stage, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not alive(stage):
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("sandbox", [None, Sandbox.plain()], ids=["sandbox", "plain"])
def test_cancelled_it_is_gone_within_two_seconds_even_if_it_does_not_listen(
    stage: Stage, sandbox: Sandbox | None
) -> None:
    stage.sandbox = sandbox

    async def scene() -> float:
        task = asyncio.ensure_future(stage.work({"deaf": True}, {"say": "I begin."}, {"sleep": 60}))
        while not stage.journal.said():
            assert not task.done()
            await asyncio.sleep(0.02)
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - began

    assert asyncio.run(scene()) < 2
    assert gone(stage, 1)


ORPHAN = """
import asyncio, sys
from pathlib import Path
from reconciler.execute.sandbox import Sandbox
from tests.claude.conftest import Stage
stage = Stage(Path(sys.argv[1]), sandbox=Sandbox.plain() if sys.argv[2] == "plain" else None)
stage.journal.keep = lambda message, **more: print(message.role, flush=True)
stage.run({"deaf": True}, {"say": "I begin."}, {"sleep": 60})
"""


@pytest.fixture
def worker() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("kind", ["sandbox", "plain"])
def test_it_does_not_outlive_the_worker_that_started_it_and_leaves_no_credential_behind(
    stage: Stage, worker: list[subprocess.Popen[str]], kind: str
) -> None:
    temporary = stage.folder / "tmp"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", ORPHAN, str(stage.folder / "own"), kind],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    worker.append(process)
    assert process.stdout is not None
    roles = [process.stdout.readline().strip() for _ in range(3)]
    assert roles == ["system", "user", "assistant"]
    inner = Stage.__new__(Stage)
    inner.folder = stage.folder / "own"
    assert alive(inner)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert gone(inner, 5)
    left = [path for path in temporary.rglob("*") if path.is_file()]
    assert {"settings.json", "mcp.json"} <= {path.name for path in left}
    assert [path for path in left if KEY.encode() in path.read_bytes()] == []


SCHEMA = {"type": "object", "properties": {"domain": {"type": "string"}}, "required": ["domain"]}


def test_a_question_gets_an_answer_in_its_form(plain: Stage) -> None:
    request = ChatRequest(messages=question("You sort.", "What is it?"), max_tokens=100, schema=SCHEMA)
    heard: list[str] = []
    agent = plain.agent({"facts": True}, {"result": {"structured_output": {"domain": "frontend"}}})
    answer = asyncio.run(agent.chat(request, heard.append))
    assert json.loads(answer.text) == {"domain": "frontend"}
    assert (answer.tokens_in, answer.tokens_out, answer.cost_usd) == (123, 50, 0.0125)
    seen = json.loads(heard[0])
    assert json.loads(flag(seen["flags"], "--json-schema")) == SCHEMA
    assert "--mcp-config" not in seen["flags"]
    assert seen["prompt"].startswith(f"{BEGINNING}\n\nWhat is it?")
    assert seen["system"] == "You sort."


def test_a_question_without_an_answer_is_an_error_with_a_reason(plain: Stage) -> None:
    request = ChatRequest(messages=question("", "What is it?"), max_tokens=100)
    with pytest.raises(BackendError) as trouble:
        asyncio.run(plain.agent({"result": None, "exit": 3}).chat(request, lambda _: None))
    assert (trouble.value.reason, "exit status 3" in trouble.value.message) == (Reason.BACKEND_ERROR, True)
    plain.limits = QUICK
    with pytest.raises(BackendError) as trouble:
        asyncio.run(plain.agent({"sleep": 60}).chat(request, lambda _: None))
    assert trouble.value.reason is Reason.HOST_UNREACHABLE


def test_its_credentials_are_taken_out_of_whatever_is_written_down(stage: Stage, tmp_path: Path) -> None:
    secret = "a-token-that-has-no-shape-of-its-own"
    credentials = tmp_path / "home" / ".claude" / ".credentials.json"
    credentials.parent.mkdir()
    kept = {"claudeAiOauth": {"accessToken": secret, "scopes": ["user:inference"], "subscriptionType": "max"}}
    credentials.write_text(json.dumps(kept))
    redactor = Redactor.of()
    assert redactor.text(f"x {secret} max sk-ant-stand-in-key-of-nobody") == "x [redacted] max [redacted]"
    credentials.write_text("{broken")
    assert secret not in Redactor.of().values
