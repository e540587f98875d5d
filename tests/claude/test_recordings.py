"""What the real program (2.1.197) was heard to say, read again: whether it had our tools, and how it ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.execute.backends import claude_stream
from reconciler.model.vocabulary import Reason
from tests.standins import claude

RECORDED = Path(__file__).parents[1] / "recordings" / "claude"
TOOLS = frozenset({"finish", "read_file", "write_file"})


def lines(name: str) -> list[dict[str, Any]]:
    found = [claude_stream.parsed(line) for line in (RECORDED / f"{name}.jsonl").read_bytes().splitlines()]
    return [line for line in found if line is not None]


@pytest.mark.parametrize(
    ("name", "lacking"),
    [("success", ""), ("usage-limit", ""), ("max-turns-with-finish", ""), ("tools-pending", "their server is pending")],
)
def test_its_first_line_says_whether_it_has_our_tools(name: str, lacking: str) -> None:
    said = claude_stream.lacks(lines(name)[0], "alai", TOOLS)
    assert said is not None
    assert said.startswith(lacking) if lacking else said == ""
    assert claude_stream.lacks(lines(name)[1], "alai", TOOLS) is None


@pytest.mark.parametrize(
    ("name", "finished", "expected"),
    [
        ("success", True, Reason.PASSED),
        ("success", False, Reason.UNFINISHED),
        ("max-turns-with-finish", True, Reason.PASSED),
        ("max-turns-with-finish", False, Reason.STEP_LIMIT),
        ("usage-limit", True, Reason.PASSED),
        ("usage-limit", False, Reason.HOST_UNREACHABLE),
        ("api-error-401", False, Reason.HOST_UNREACHABLE),
        ("api-error-529-with-retries", False, Reason.HOST_UNREACHABLE),
        ("refusal", False, Reason.AGENT_FAILED),
        ("stream-cut", False, Reason.UNFINISHED),
    ],
)
def test_an_accepted_finish_counts_whatever_the_last_line_says(name: str, finished: bool, expected: Reason) -> None:
    found = claude_stream.outcome(lines(name)[-1])
    assert claude_stream.ending(found, 0, "", finished=finished, steps=1).reason is expected


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"api_error_status": 404}, Reason.MODEL_MISSING),
        ({"api_error_status": 403}, Reason.HOST_UNREACHABLE),
        ({"api_error_status": 502}, Reason.HOST_UNREACHABLE),
        ({"api_error_status": 400, "result": "Credit balance is too low"}, Reason.HOST_UNREACHABLE),
        ({"api_error_status": 400, "result": "Prompt is too long"}, Reason.CONTEXT_OVERFLOW),
        ({"api_error_status": 400, "result": "tools.0: bad"}, Reason.BACKEND_ERROR),
    ],
)
def test_what_the_api_refused_is_told_by_what_can_be_done_about_it(more: dict[str, Any], expected: Reason) -> None:
    found = claude_stream.outcome({**lines("api-error-401")[-1], **more})
    assert claude_stream.ending(found, 1, "", finished=False, steps=1).reason is expected


def test_tokens_are_those_of_all_models_that_were_asked() -> None:
    found = claude_stream.outcome(lines("stream-cut")[-1])
    used = lines("stream-cut")[-1]["modelUsage"].values()
    given = sum(one["inputTokens"] + one["cacheReadInputTokens"] + one["cacheCreationInputTokens"] for one in used)
    assert claude_stream.tokens(found) == given + sum(one["outputTokens"] for one in used) > 0


def test_each_block_of_an_answer_is_a_line_under_the_id_of_the_answer() -> None:
    spoken = [line for line in lines("success") if line["type"] == "assistant"]
    assert [len(line["message"]["content"]) for line in spoken] == [1] * len(spoken)
    assert len({claude_stream.answer_id(line) for line in spoken}) < len(spoken)


def test_the_stand_in_says_what_the_program_says() -> None:
    assert set(claude.GOOD) <= set(lines("success")[-1])
    assert {"tools", "mcp_servers", "model", "claude_code_version"} <= set(lines("success")[0])
    assert json.dumps(lines("tools-pending")[0]["mcp_servers"]) == '[{"name": "alai", "status": "pending"}]'
