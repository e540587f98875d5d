"""What `claude -p --output-format stream-json` says, line by line, and what its end means. Pure.

Fields as the official SDK reads them. A field that is missing or of another type is unknown, never assumed to be well.
"""

from __future__ import annotations

import json
from typing import Any, cast

import msgspec

from reconciler.execute import text
from reconciler.execute.agent.port import Ending
from reconciler.execute.backends.port import Call, Message, counted, money
from reconciler.model.vocabulary import Reason

_ENDS = {
    "error_max_turns": (Reason.STEP_LIMIT, "used up its steps before it was done"),
    "error_max_budget_usd": (Reason.BUDGET_EXCEEDED, "used up its budget before it was done"),
    "error_max_structured_output_retries": (Reason.FORMAT_ERRORS, "could not give its answer the form asked for"),
    "error_during_execution": (Reason.BACKEND_ERROR, "failed while it ran"),
}
_NO_CREDIT = ("credit balance", "usage limit", "session limit", "hour limit", "weekly limit")
_TOO_LONG = ("prompt is too long", "context window", "maximum context")


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The result line. `cost_usd` and tokens are None where it does not say; `errors` are its own words."""

    subtype: str
    failed: bool
    text: str
    structured: Any
    cost_usd: float | None
    tokens_in: int | None
    tokens_out: int | None
    turns: int | None
    errors: tuple[str, ...]
    denied: tuple[tuple[str, str], ...]
    """names of tools it was denied, with what it wanted of them"""
    api_status: int | None = None
    """HTTP's, where the API refused: the program calls that a success that is an error"""
    refused: bool = False
    """the model would not do it"""


def parsed(line: bytes) -> dict[str, Any] | None:
    """The line's object; None where it is none."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) and isinstance(value.get("type"), str) else None


def outcome(line: dict[str, Any]) -> Outcome:
    """A line of type `result`."""
    given, made = _tokens(line)
    return Outcome(
        subtype=str(line.get("subtype", "")),
        failed=line.get("is_error") is not False,
        text=_text(line.get("result")),
        structured=line.get("structured_output"),
        cost_usd=money(line.get("total_cost_usd")),
        tokens_in=given,
        tokens_out=made,
        turns=counted(line.get("num_turns")),
        errors=tuple(text.line(str(error), 300) for error in _list(line.get("errors"))),
        denied=tuple(
            (text.line(str(item.get("tool_name", "?")), 60), text.line(json.dumps(item.get("tool_input")), 200))
            for item in map(_object, _list(line.get("permission_denials")))
        ),
        api_status=counted(line.get("api_error_status")),
        refused=line.get("stop_reason") == "refusal",
    )


_INPUTS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
_MODEL_INPUTS = ("inputTokens", "cacheCreationInputTokens", "cacheReadInputTokens")


def _tokens(line: dict[str, Any]) -> tuple[int | None, int | None]:
    """Tokens in and out: of all models that were asked, which `usage` leaves some of out; None where unknown."""
    models = [_object(used) for used in _object(line.get("modelUsage")).values()]
    if not models:
        models, inputs, output = [_object(line.get("usage"))], _INPUTS, "output_tokens"
    else:
        inputs, output = _MODEL_INPUTS, "outputTokens"
    known = [count for used in models for key in inputs if (count := counted(used.get(key))) is not None]
    made = [count for used in models if (count := counted(used.get(output))) is not None]
    return (sum(known) if known else None), (sum(made) if made else None)


def messages(line: dict[str, Any]) -> list[Message]:
    """What a line of type `assistant` or `user` adds to the conversation."""
    blocks = [_object(block) for block in _list(_object(line.get("message")).get("content"))]
    if line["type"] == "user":
        return [
            Message(role="tool", text=_text(block.get("content")), call=str(block.get("tool_use_id", "")))
            for block in blocks
            if block.get("type") == "tool_result"
        ]
    said = "".join(_text(block.get("text")) for block in blocks if block.get("type") == "text")
    thought = "".join(_text(block.get("thinking")) for block in blocks if block.get("type") == "thinking")
    calls = tuple(
        Call(id=str(block.get("id", "")), name=str(block.get("name", "")), arguments=_object(block.get("input")))
        for block in blocks
        if block.get("type") == "tool_use"
    )
    return [Message(role="assistant", text=said, thinking=thought, calls=calls)] if said or thought or calls else []


def lacks(line: dict[str, Any], server: str, tools: frozenset[str]) -> str | None:
    """What is missing of our `tools` where the program says what it begins with, or begins without having said it.

    Empty: all is there. None: the line says nothing of it. Without our tools the program would only talk.
    """
    if line["type"] == "assistant":
        return "it did not say that it had them"
    if line.get("subtype") != "init":
        return None
    servers = [_object(entry) for entry in _list(line.get("mcp_servers"))]
    status = next(
        (text.line(str(entry.get("status")), 40) for entry in servers if entry.get("name") == server), "absent"
    )
    if status != "connected":
        why = "if it stays so, do rules of your organisation for Claude Code forbid it?"
        return f"their server is {text.line(status, 40)} ({why})"
    missing = sorted({f"mcp__{server}__{name}" for name in tools} - {str(name) for name in _list(line.get("tools"))})
    return f"{', '.join(missing[:5])} missing" if missing else ""


def answer_id(line: dict[str, Any]) -> str:
    """Which answer of the model a line of type `assistant` is a part of: there is a line for each block."""
    return _text(_object(line.get("message")).get("id"))


def trouble(found: Outcome | None, status: int, complaints: str) -> tuple[Reason, str] | None:
    """Why a run that has ended is no success, whatever it did; None where nothing speaks against it."""
    told = text.line(complaints.strip().splitlines()[-1], 300) if complaints.strip() else ""
    if found is None:
        how = f"with exit status {status}" if status else "without a result"
        return Reason.BACKEND_ERROR, f"ended {how}{': ' + told if told else ''}"
    words = "; ".join(found.errors) or text.line(found.text, 300) or told
    suffix = f": {words}" if words else ""
    if found.subtype in _ENDS:
        reason, what = _ENDS[found.subtype]
        return reason, what + ("" if reason is Reason.STEP_LIMIT else suffix)
    if found.failed or found.subtype != "success":
        return _refusal(found, words.lower()), f"{'would not do it' if found.refused else 'failed'}{suffix}"
    if status:
        return Reason.BACKEND_ERROR, f"ended with exit status {status}{': ' + told if told else ''}"
    return None


def _refusal(found: Outcome, words: str) -> Reason:
    """What can be done about it: wait for the host, name another model, shorten the question, or try once more."""
    status = found.api_status or 0
    if found.refused:
        return Reason.AGENT_FAILED
    if any(sign in words for sign in _TOO_LONG):
        return Reason.CONTEXT_OVERFLOW
    if status == 404:
        return Reason.MODEL_MISSING
    if status in (401, 402, 403, 408, 429) or status >= 500 or any(sign in words for sign in _NO_CREDIT):
        return Reason.HOST_UNREACHABLE
    return Reason.BACKEND_ERROR


def ending(found: Outcome | None, status: int, complaints: str, *, finished: bool, steps: int) -> Ending:
    """How a conversation with tools ended. `finished`: `finish` was accepted, and nothing that came after it matters.

    Saying that it is done is not calling `finish`.
    """
    wrong = trouble(found, status, complaints)
    if finished:
        reason, message = Reason.PASSED, ""
    elif wrong is not None:
        reason, message = wrong
    elif found is None or not found.text.strip():
        reason, message = Reason.EMPTY_RESPONSE, "ended without a word and without finishing"
    else:
        reason, message = Reason.UNFINISHED, f"stopped without calling finish: {text.line(found.text, 200)}"
    return Ending(
        reason=reason,
        message=message,
        steps=steps if found is None or found.turns is None else found.turns,
        tokens=tokens(found),
        cost_usd=found.cost_usd if found else None,
    )


def tokens(found: Outcome | None) -> int | None:
    """All tokens of a run, where it said how many."""
    if found is None or found.tokens_in is None or found.tokens_out is None:
        return None
    return found.tokens_in + found.tokens_out


def _object(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _text(value: object) -> str:
    """A text, or the texts of a list of blocks."""
    if isinstance(value, str):
        return value
    return "\n".join(_text(_object(block).get("text")) for block in _list(value))
