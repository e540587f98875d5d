"""The backend that asks a program: real programs, their limits and their end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.execute.backends import Answer, BackendError, ChatRequest, Message, open_backend, question
from reconciler.model.job import ModelBrief
from reconciler.model.spec import CallLimits
from reconciler.model.vocabulary import Reason

NORMAL = CallLimits()


def brief(*command: str, limits: CallLimits = NORMAL, **more: Any) -> ModelBrief:
    return ModelBrief(
        backend="command",
        name=None,
        host="desk",
        url=None,
        num_ctx=4096,
        offers=("text",),
        limits=limits,
        command=command,
        **more,
    )


def ask(
    *command: str,
    limits: CallLimits = NORMAL,
    on_token: Callable[[str], None] = lambda _: None,
    outside: bool = False,
    **changes: Any,
) -> Answer:
    request = ChatRequest(**{"messages": question("You write.", "Say hello."), "max_tokens": 64} | changes)
    return asyncio.run(open_backend(brief(*command, limits=limits, outside=outside)).chat(request, on_token))


def refused(*command: str, **more: Any) -> BackendError:
    with pytest.raises(BackendError) as caught:
        ask(*command, **more)
    return caught.value


def test_the_prompt_is_on_its_input_the_answer_on_its_output_and_what_it_used_is_unknown() -> None:
    pieces: list[str] = []
    answer = ask("cat", on_token=pieces.append)
    assert answer == Answer(
        text="You write.\n\nSay hello.", tokens_in=None, tokens_out=None, cost_usd=None, ended="stop"
    )
    assert "".join(pieces).strip() == answer.text


def test_a_schema_is_told_and_more_than_one_question_says_who_speaks() -> None:
    assert '{"type": "object"}' in ask("cat", schema={"type": "object"}).text
    talk = (*question("You write.", "Say hello."), Message(role="assistant", text="Hello."))
    assert ask("cat", messages=talk).text == "[system]\nYou write.\n\n[user]\nSay hello.\n\n[assistant]\nHello."


def test_it_streams_while_the_program_runs_and_bytes_that_were_cut_apart_come_whole() -> None:
    script = r"printf '\303'; sleep 0.05; printf '\251'; sleep 0.05; printf '!'"
    pieces: list[str] = []
    assert ask("sh", "-c", script, on_token=pieces.append).text == "é!"
    assert len([piece for piece in pieces if piece]) > 1


def test_it_works_in_an_empty_folder_that_is_gone_afterwards() -> None:
    folder = ask("sh", "-c", "cat >/dev/null; ls -A; pwd").text
    assert not Path(folder).exists()
    assert "\n" not in folder


def test_a_program_that_reads_nothing_is_no_fault() -> None:
    assert ask("echo", "hello", messages=question("", "word " * 100_000)).text == "hello"


def test_a_program_that_fails_is_heard() -> None:
    error = refused("sh", "-c", "echo no luck >&2; exit 3")
    assert error.reason is Reason.BACKEND_ERROR
    assert error.message == "sh of host desk ended with exit status 3: no luck"


def test_a_program_that_is_not_there_is_an_unreachable_host() -> None:
    assert refused("no-such-program").reason is Reason.HOST_UNREACHABLE
    assert refused().reason is Reason.CAPABILITY_MISSING


@pytest.mark.parametrize(
    ("script", "limits", "reason"),
    [
        ("sleep 60", CallLimits(first="200ms"), Reason.STALLED),
        ("echo hm; sleep 60", CallLimits(silence="200ms"), Reason.STALLED),
        ("while echo hm; do sleep 0.05; done", CallLimits(wall="400ms"), Reason.TIMEOUT),
        ("cat /dev/zero", NORMAL, Reason.BACKEND_ERROR),
    ],
)
def test_each_limit_ends_the_program(script: str, limits: CallLimits, reason: Reason) -> None:
    begin = time.monotonic()
    assert refused("sh", "-c", script, limits=limits).reason is reason
    assert time.monotonic() - begin < 2


@pytest.mark.parametrize("outside", [True, False])
def test_cancelling_kills_all_that_the_program_started_within_two_seconds(outside: bool) -> None:
    mark = f"60.{os.getpid()}"

    async def cancelled() -> float:
        began = asyncio.Event()
        script = f"echo hm; sleep {mark}1 & sleep {mark}2"
        request = ChatRequest(messages=question("", "Say hello."), max_tokens=5)
        backend = open_backend(brief("sh", "-c", script, outside=outside))
        task = asyncio.create_task(backend.chat(request, lambda _: began.set()))
        await asyncio.wait_for(began.wait(), 10)
        begin = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - begin

    assert asyncio.run(cancelled()) < 2
    deadline = time.monotonic() + 2
    while _lives(f"sleep\0{mark}"):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _lives(words: str) -> bool:
    """Whether there is a process that was called so. Zombies have no words."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if file.read_bytes().startswith(words.encode()):
                return True
    return False
