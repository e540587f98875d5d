"""What the end of a run means, by its last line, its exit status and whether `finish` was called."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.execute.backends import claude_stream
from reconciler.execute.backends.claude_stream import Outcome, outcome
from reconciler.model.vocabulary import Reason
from tests.standins.claude import GOOD


def result(**changed: Any) -> Outcome:
    return outcome({key: value for key, value in {**GOOD, **changed}.items() if value is not None})


def reason(found: Outcome | None, *, status: int = 0, finished: bool = False) -> Reason:
    return claude_stream.ending(found, status, "", finished=finished, steps=1).reason


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, Reason.UNFINISHED),
        ({"result": ""}, Reason.EMPTY_RESPONSE),
        ({"subtype": "error_max_turns", "is_error": True}, Reason.STEP_LIMIT),
        ({"subtype": "error_max_turns"}, Reason.STEP_LIMIT),
        ({"subtype": "error_max_budget_usd", "is_error": True}, Reason.BUDGET_EXCEEDED),
        ({"subtype": "error_during_execution", "is_error": True}, Reason.BACKEND_ERROR),
        ({"subtype": "error_that_nobody_knows_yet"}, Reason.BACKEND_ERROR),
        ({"is_error": True, "result": "API Error: 529 overloaded"}, Reason.BACKEND_ERROR),
        ({"is_error": True, "result": "Prompt is too long"}, Reason.CONTEXT_OVERFLOW),
        ({"is_error": None}, Reason.BACKEND_ERROR),
        ({"is_error": "no"}, Reason.BACKEND_ERROR),
        ({"subtype": None}, Reason.BACKEND_ERROR),
    ],
)
def test_a_run_without_an_accepted_finish_is_judged_by_its_result_line(
    changed: dict[str, Any], expected: Reason
) -> None:
    assert reason(result(**changed)) is expected
    assert reason(result(**changed), finished=True) is Reason.PASSED


def test_without_finish_nothing_that_is_said_is_success() -> None:
    assert reason(result(), finished=False) is Reason.UNFINISHED
    assert reason(result(result=""), finished=False) is Reason.EMPTY_RESPONSE
    assert reason(result(result=None), finished=False) is Reason.EMPTY_RESPONSE


def test_a_missing_result_line_or_a_bad_exit_status_is_an_error_where_nothing_was_finished() -> None:
    assert reason(None) is Reason.BACKEND_ERROR
    assert reason(None, status=1) is Reason.BACKEND_ERROR
    assert reason(result(), status=1) is Reason.BACKEND_ERROR
    assert "no such option" in claude_stream.ending(None, 1, "x\nno such option", finished=False, steps=0).message


def test_unknown_cost_and_tokens_stay_unknown() -> None:
    assert (result().cost_usd, claude_stream.tokens(result())) == (0.0125, 173)
    silent = result(total_cost_usd=None, usage=None)
    assert (silent.cost_usd, claude_stream.tokens(silent)) == (None, None)
    odd = result(total_cost_usd="free", usage={"input_tokens": True, "output_tokens": -1}, num_turns="many")
    assert (odd.cost_usd, odd.tokens_in, odd.tokens_out, odd.turns) == (None, None, None, None)


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"{}", b'{"type": 1}', b"\xff\xfe", b"[" * 100_000])
def test_a_line_that_is_no_message_is_no_message(line: bytes) -> None:
    assert claude_stream.parsed(line) is None


def test_messages_are_read_with_their_thoughts_calls_and_answers() -> None:
    said = {"type": "assistant", "message": {"content": [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "I write."},
        {"type": "tool_use", "id": "1", "name": "mcp__alai__write_file", "input": {"path": "a"}},
    ]}}  # fmt: skip
    (message,) = claude_stream.messages(json.loads(json.dumps(said)))
    assert (message.text, message.thinking, message.calls[0].arguments) == ("I write.", "hm", {"path": "a"})
    answered = {"type": "user", "message": {"content": [
        {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "written"}]},
        {"type": "text", "text": "not an answer"},
    ]}}  # fmt: skip
    assert [(one.call, one.text) for one in claude_stream.messages(answered)] == [("1", "written")]
    assert claude_stream.messages({"type": "assistant", "message": "odd"}) == []
