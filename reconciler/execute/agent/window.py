"""Keeps a conversation within the model's window: estimates its size, caps results, shortens it, sees silent cuts.

Sizes are tokens, estimated at four characters each; the server's own count, where it gives one, corrects the estimate.
Pure functions: what was left out is decided here and recorded elsewhere.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence

import msgspec

from reconciler.execute import text
from reconciler.execute.backends.port import Message, ToolSpec

CHARACTERS_PER_TOKEN = 4
_PER_MESSAGE = 4
"""tokens that a chat template adds around each"""
_CACHED = 256
"""a server that counts only what its cache did not hold reports few tokens: fewer than these say nothing"""
SMALL = 16_384
"""below it a conversation is begun anew with a summary rather than thinned out"""
_SOFT = 0.8
_LATEST_TURNS = 3
_SUMMARY = "What you did so far, shortened because the conversation grew too long:"
_NOTE = 100
_LESS = ": ask for less at a time, by lines or a narrower search"


def size(message: Message) -> int:
    characters = len(message.text) + len(message.thinking)
    for call in message.calls:
        values = [call.arguments] if isinstance(call.arguments, str) else call.arguments.values()
        characters += (
            len(call.name) + 20 + sum(len(value if isinstance(value, str) else str(value)) for value in values)
        )
    return math.ceil(characters / CHARACTERS_PER_TOKEN) + _PER_MESSAGE


def total(messages: Iterable[Message]) -> int:
    return sum(size(message) for message in messages)


def least(messages: Iterable[Message]) -> int:
    """What every way of counting counts: the words alone, without calls, tools and what a template adds."""
    return sum(len(message.text) for message in messages) // CHARACTERS_PER_TOKEN


def tools_size(specs: Sequence[ToolSpec]) -> int:
    spelled = json.dumps([[spec.name, spec.description, spec.parameters] for spec in specs])
    return math.ceil(len(spelled) / CHARACTERS_PER_TOKEN)


def result_limit(num_ctx: int) -> int:
    """Characters that one result may have, whatever tool it comes from: a sixth of the window, within reason."""
    return min(max(num_ctx // 6 * CHARACTERS_PER_TOKEN, 1_000), 30_000)


def capped(result: str, num_ctx: int) -> str:
    """What of a result goes into the conversation. Doing it twice changes nothing more."""
    return text.both_ends(result, result_limit(num_ctx), _LESS)


def without_old_thoughts(messages: Sequence[Message]) -> tuple[Message, ...]:
    """As it is sent: thinking stays only within the turn that the latest word of the user began."""
    latest = max((at for at, message in enumerate(messages) if message.role == "user"), default=-1)
    return tuple(
        msgspec.structs.replace(message, thinking="") if message.thinking and at < latest else message
        for at, message in enumerate(messages)
    )


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """One request: what was sent at least, how much of it was new since the last one, what the server says it read."""

    sent: int
    new: int
    read: int | None
    before: int | None
    """what the server read of the request before; None for the first, or after the conversation was shortened"""
    num_ctx: int


def lost(count: Count) -> str | None:
    """Why the server must have cut the prompt without a word; None where nothing shows that it did."""
    read = count.read
    if read is None:
        return None
    if read > 0.9 * count.num_ctx and read < count.sent:
        return f"the server read {read} of about {count.sent} tokens: its window of {count.num_ctx} is full"
    if read <= max(_CACHED, 2 * count.new if count.before is not None else 0):
        return None  # as few as the new part alone: the rest came from its cache
    if read < count.sent // 2:
        return f"the server read only {read} of about {count.sent} tokens"
    if count.before is not None and read < count.before * 0.9:
        return f"the conversation grew, yet the server read {read} tokens after {count.before}"
    return None


def soft_limit(num_ctx: int, max_tokens: int) -> int:
    """Where shortening begins."""
    return min(int(num_ctx * _SOFT), num_ctx - max_tokens)


def shortened(messages: Sequence[Message], room: int, num_ctx: int) -> tuple[Message, ...] | None:
    """The conversation in at most `room` tokens: instructions, task and the latest turns stay. None: nothing fits.

    In a large window the oldest results give way to a line each. Where that is not enough, or the window is small, it
    begins anew: instructions, task, a summary of what was done, the latest turns.
    """
    head, turns = _turns(messages)
    if num_ctx >= SMALL:
        thinner = _thinned(head, turns, room)
        if thinner is not None:
            return thinner
    return _anew(head, turns, room)


def _turns(messages: Sequence[Message]) -> tuple[list[Message], list[list[Message]]]:
    """What comes before the first answer, and the turns: an answer with all that followed it."""
    starts = [at for at, message in enumerate(messages) if message.role == "assistant"]
    if not starts:
        return list(messages), []
    ends = [*starts[1:], len(messages)]
    turns = [list(messages[start:end]) for start, end in zip(starts, ends, strict=True)]
    return list(messages[: starts[0]]), turns


def _thinned(head: list[Message], turns: list[list[Message]], room: int) -> tuple[Message, ...] | None:
    """Down to three quarters of the room if possible, so that the next step does not need it again."""
    kept = [list(turn) for turn in turns]
    goal, now = room * 3 // 4, total(head) + sum(total(turn) for turn in turns)
    for turn in kept[: -_LATEST_TURNS or None]:
        for at, message in enumerate(turn):
            if now <= goal:
                break
            if message.role == "tool" and len(message.text) > 2 * _NOTE:
                shorter = msgspec.structs.replace(message, text=_noted(message))
                now -= size(message) - size(shorter)
                turn[at] = shorter
    return (*head, *(message for turn in kept for message in turn)) if now <= room else None


def _anew(head: list[Message], turns: list[list[Message]], room: int) -> tuple[Message, ...] | None:
    task, mark, told = head[-1].text.partition(f"\n\n{_SUMMARY}\n") if head else ("", "", "")
    carried = told.split("\n") if mark else []
    for latest in range(min(_LATEST_TURNS, len(turns)), -1, -1):
        tail = [message for turn in turns[len(turns) - latest :] for message in turn]
        lines = carried + [line for turn in turns[: len(turns) - latest] for line in _line_a_call(turn)]
        left = room - total(head[:-1]) - len(task) // CHARACTERS_PER_TOKEN - total(tail)
        begun = [*head[:-1], *_with_summary(head[-1:], task, lines, left // 2 * CHARACTERS_PER_TOKEN)]
        # down to three quarters if possible, so that the next step does not need it again
        if total([*begun, *tail]) <= (room * 3 // 4 if latest else room):
            return (*begun, *tail)
    return None


def _with_summary(head: list[Message], task: str, lines: list[str], limit: int) -> list[Message]:
    """The task with as many of the latest lines as fit below it: two words of the user in a row confuse templates."""
    kept: list[str] = []
    for line in reversed(lines):
        limit -= len(line) + 1
        if limit < 0:
            kept.append(f"- ({len(lines) - len(kept)} earlier steps)")
            break
        kept.append(line)
    told = "\n".join([f"{task}\n\n{_SUMMARY}", *reversed(kept)]) if kept else task
    return [msgspec.structs.replace(message, text=told) for message in head]


def _line_a_call(turn: list[Message]) -> list[str]:
    """A turn in a line a call."""
    answers = {message.call: message.text for message in turn if message.role == "tool"}
    lines = []
    for call in turn[0].calls:
        given = {} if isinstance(call.arguments, str) else call.arguments
        shown = ", ".join(f"{key}={text.line(str(value), 40)}" for key, value in given.items())
        lines.append(f"- {call.name}({text.line(shown, _NOTE)}): {text.line(answers.get(call.id, ''), _NOTE)}")
    return lines or [f"- said: {text.line(turn[0].text, _NOTE)}"]


def _noted(message: Message) -> str:
    return f"[{len(message.text)} characters, dropped to save room; it began: {text.line(message.text, _NOTE)}]"
