"""The loop against both servers' protocols: how models of one's own go wrong, and how each conversation ends."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from reconciler.execute.agent.loop import Loop
from reconciler.execute.agent.port import Terms
from reconciler.execute.backends import Answer, Backend, ChatRequest, OnToken, open_backend, question
from reconciler.model.vocabulary import Reason
from tests.agent.conftest import STAND_INS, Desk, Hold, Notes, model
from tests.standins.script import BROKEN_CALL, Reply, Script, calls, fails, says

WRITE = calls(("write_file", {"path": "a.txt", "content": "A"}))
FINISH = calls(("finish", {"summary": "It is written."}))
PARSE_ERROR = fails(BROKEN_CALL.format(raw='{"path": '))


def read(path: str) -> Reply:
    return calls(("read_file", {"path": path}))


def test_a_model_that_calls_and_finishes_has_passed(hold: Hold) -> None:
    held = hold([WRITE, FINISH])
    assert held.ending.reason is Reason.PASSED
    assert (held.ending.steps, held.ending.spoken_calls) == (2, 0)
    assert held.desk.files == {"a.txt": "A"}
    assert held.ending.tokens is not None
    assert held.ending.tokens > 100
    assert held.ending.cost_usd == 0.0
    assert [message["role"] for message in held.sent()] == ["system", "user", "assistant", "tool"]


def test_history_only_grows_and_each_turn_is_kept_before_the_next_request(hold: Hold) -> None:
    notes = Notes()
    kept: list[int] = []

    def step(reply: Reply) -> Any:
        def answer(body: dict[str, Any]) -> Reply:
            kept.append(len(notes.turns) - len(body["messages"]))
            return reply

        return answer

    held = hold([step(WRITE), step(read("a.txt")), step(FINISH)], notes=notes)
    assert kept == [0, 0, 0]
    for before, after in pairwise(held.server.requests):
        assert after["messages"][: len(before["messages"])] == before["messages"]
    assert [turn.role for turn in notes.turns] == ["system", "user", *["assistant", "tool"] * 3]


def test_several_calls_of_one_answer_are_done_in_order_and_those_after_finish_are_not(hold: Hold) -> None:
    both = calls(
        ("write_file", {"path": "a.txt", "content": "A"}),
        ("finish", {"summary": "done"}),
        ("write_file", {"path": "b.txt", "content": "B"}),
    )
    held = hold([both])
    assert held.ending.reason is Reason.PASSED
    assert held.desk.files == {"a.txt": "A"}
    answers = [turn.text for turn in held.notes.turns if turn.role == "tool"]
    assert len(answers) == 3
    assert "not done" in answers[2]


def test_an_unknown_tool_is_answered_like_any_other_call(hold: Hold) -> None:
    held = hold([calls(("delete_everything", {"now": True})), WRITE, FINISH])
    assert held.ending.reason is Reason.PASSED
    assert held.sent(1)[-1]["role"] == "tool"
    assert "no tool" in held.sent(1)[-1]["content"]


def test_a_tool_named_in_camel_case_with_camel_case_arguments_is_understood(hold: Hold) -> None:
    held = hold([calls(("writeFile", {"Path": "a.txt", "content": "A", "line": "3", "append": "true"})), FINISH])
    assert held.desk.asked[0] == ("write_file", {"path": "a.txt", "content": "A", "line": 3, "append": True})


# -- 4.3: prompt cut silently


@pytest.mark.parametrize(("estimated", "said"), [(9000, 4097), (15_000, 2050)])
def test_a_prompt_that_the_server_cut_silently_ends_as_overflow_and_its_answer_is_not_acted_on(
    hold: Hold, estimated: int, said: int
) -> None:
    reply = calls(("write_file", {"path": "a.txt", "content": "A"}), prompt_tokens=said)
    held = hold([reply], task="x" * estimated * 4, num_ctx=32_768)
    assert held.ending.reason is Reason.CONTEXT_OVERFLOW
    assert "cut silently" in held.ending.message
    assert held.desk.asked == []


def test_a_full_window_with_fewer_tokens_than_were_sent_ends_as_overflow(hold: Hold) -> None:
    reply = calls(("finish", {"summary": "x"}), prompt_tokens=8100)
    held = hold([reply], task="x" * 4 * 8200, num_ctx=8900, max_tokens=100)
    assert held.ending.reason is Reason.CONTEXT_OVERFLOW


def test_a_conversation_that_grew_while_the_server_read_less_ends_as_overflow(hold: Hold) -> None:
    desk = Desk(files={"big": "word " * 3000})
    script = [
        calls(("read_file", {"path": "big"}), prompt_tokens=3000),
        calls(("write_file", {"path": "a", "content": "A"}), prompt_tokens=7400),
        calls(("write_file", {"path": "b", "content": "A"}), prompt_tokens=4100),
    ]
    held = hold(script, desk=desk, task="x" * 9000, num_ctx=32_768)
    assert held.ending.reason is Reason.CONTEXT_OVERFLOW
    assert "the conversation grew" in held.ending.message


def test_a_server_that_counts_only_what_its_cache_did_not_hold_raises_no_alarm(hold: Hold) -> None:
    few = {"prompt_tokens": 40}
    script = [
        calls(("write_file", {"path": "a.txt", "content": "A"}), **few),
        calls(("read_file", {"path": "a.txt"}), **few),
        calls(("finish", {"summary": "done"}), **few),
    ]
    assert hold(script, task="x" * 12_000).ending.reason is Reason.PASSED


def test_what_cannot_fit_is_never_sent(hold: Hold) -> None:
    held = hold([FINISH], task="x" * 4 * 9000, num_ctx=8192)
    assert held.ending.reason is Reason.CONTEXT_OVERFLOW
    assert held.server.requests == []
    assert held.ending.steps == 0


def test_the_servers_own_refusal_of_a_long_prompt_ends_as_overflow(hold: Hold) -> None:
    held = hold([FINISH], task="x" * 4 * 3000, num_ctx=8192, context=2048)
    assert held.ending.reason is Reason.CONTEXT_OVERFLOW


@pytest.mark.parametrize("num_ctx", [4096, 20_000])
def test_a_long_conversation_is_shortened_and_keeps_instructions_task_and_latest_turns(
    hold: Hold, num_ctx: int
) -> None:
    """After it, servers that look for the user's query still find one."""
    desk = Desk(files={f"{number}": f"{number} " + "word " * (num_ctx // 16) for number in range(24)})
    held = hold([*(read(str(number)) for number in range(24)), FINISH], desk=desk, num_ctx=num_ctx)
    assert held.ending.reason is Reason.PASSED
    assert any(event == "shortened" for event, _ in held.notes.events)
    last = held.sent()
    assert [message["role"] for message in last[:2]] == ["system", "user"]
    assert last[1]["content"].startswith("Write a.txt.")
    assert last[-1]["content"].startswith("23 word")
    for request in held.server.requests:
        assert sum(len(message.get("content") or "") for message in request["messages"]) // 4 < num_ctx - 512
    assert len([turn for turn in held.notes.turns if turn.role == "tool"]) == 25


def test_a_result_too_long_for_the_window_is_cut_in_the_middle_and_says_how_to_see_the_rest(hold: Hold) -> None:
    held = hold([read("big"), FINISH], desk=Desk(files={"big": "first " + "x" * 30_000 + " last"}), num_ctx=8192)
    shown = held.sent()[-1]["content"]
    assert shown.startswith("first")
    assert shown.endswith("last")
    assert len(shown) < 7000
    assert "characters left out" in shown
    assert "narrower" in shown


# -- 4.3: calls printed as text


@pytest.mark.parametrize(
    "said",
    [
        '{"name": "write_file", "arguments": {"path": "a.txt", "content": "A"}}',
        '<tool_call>\n{"name": "write_file", "arguments": {"path": "a.txt", "content": "A"}}\n</tool_call>',
        "<tool_call>\n<function=write_file>\n<parameter=path>\na.txt\n</parameter>\n"
        "<parameter=content>\nA\n</parameter>\n</function>\n</tool_call>",
        'I write it.\n```json\n{"name": "write_file", "arguments": {"path": "a.txt", "content": "A"}}\n```',
        '<think>I call {"name": "finish"} later.</think>{"name": "write_file", "parameters": '
        '{"path": "a.txt", "content": "A"}}',
    ],
)
def test_a_call_printed_as_text_is_done_and_counted(hold: Hold, said: str) -> None:
    held = hold([said, FINISH])
    assert held.ending.reason is Reason.PASSED
    assert held.desk.files == {"a.txt": "A"}
    assert held.ending.spoken_calls == 1
    assert held.sent(1)[-2]["tool_calls"][0]["function"]["name"] == "write_file"


def test_text_that_names_no_known_tool_or_says_more_is_only_talk(hold: Hold) -> None:
    talk = [
        '{"name": "rm", "arguments": {"path": "/"}}',
        'Call {"name": "finish", "arguments": {"summary": "x"}} when done.',
    ]
    held = hold([WRITE, *talk])
    assert held.ending.reason is Reason.UNFINISHED
    assert [name for name, _ in held.desk.asked] == ["write_file"]


# -- 4.3: 500 over the model's own output


def test_a_server_that_cannot_parse_a_call_is_asked_again_with_words(hold: Hold) -> None:
    held = hold([WRITE, PARSE_ERROR, PARSE_ERROR, FINISH])
    assert held.ending.reason is Reason.PASSED
    assert all("Your previous response caused an error" in told for told in held.told())
    assert len(held.told()) == 2
    assert held.ending.tokens is None
    assert held.ending.cost_usd == 0.0


def test_after_two_failures_in_a_row_the_last_turn_is_taken_back_once(hold: Hold) -> None:
    held = hold([WRITE, read("a.txt"), PARSE_ERROR, PARSE_ERROR, PARSE_ERROR, FINISH])
    assert held.ending.reason is Reason.PASSED
    last = held.sent()
    assert [call["function"]["name"] for message in last for call in message.get("tool_calls") or []] == ["write_file"]
    assert "taken out" in last[-1]["content"]


def test_endless_failures_over_what_was_said_end_as_format_errors(hold: Hold) -> None:
    held = hold([WRITE], then=PARSE_ERROR)
    assert held.ending.reason is Reason.FORMAT_ERRORS
    assert held.ending.steps == 5


def test_a_failure_that_has_nothing_to_do_with_the_model_ends_at_once(hold: Hold) -> None:
    held = hold([WRITE, fails("CUDA error: out of memory")])
    assert held.ending.reason is Reason.BACKEND_ERROR
    assert len(held.server.requests) == 2


# -- 4.3: badly written arguments


def test_arguments_that_are_no_object_are_repaired_or_explained_and_never_sent_back_as_text(
    hold: Hold, protocol: str
) -> None:
    script = [calls(("write_file", '{"path": "a.txt", "content": "A",}')), calls(("write_file", '{"path')), FINISH]
    held = hold(script)
    assert held.ending.reason is Reason.PASSED
    if protocol == "llama-tool":  # Ollama reads them itself, and fails where it cannot
        assert held.desk.files == {"a.txt": "A"}
        assert "not a JSON object" in held.sent()[-1]["content"]
        assert '"required"' in held.sent()[-1]["content"]


def test_three_unusable_calls_in_a_row_end_as_format_errors(hold: Hold) -> None:
    bad = [calls(("write_file", {"path": f"{number}.txt"})) for number in range(3)]
    held = hold(bad)
    assert held.ending.reason is Reason.FORMAT_ERRORS
    assert held.desk.asked == []
    fine = hold([bad[0], bad[1], WRITE, bad[2], FINISH])
    assert fine.ending.reason is Reason.PASSED


# -- 4.3: thinking


def test_thinking_is_sent_back_within_the_turn_and_dropped_after_the_user_spoke(hold: Hold, protocol: str) -> None:
    key = "thinking" if protocol == "ollama-tool" else "reasoning_content"
    thinks = calls(("write_file", {"path": "a.txt", "content": "A"}), thinking=("I will ", "write."))
    held = hold([thinks, "Is that all?", FINISH])
    assert held.sent(1)[2][key] == "I will write."
    assert held.sent(1)[2]["tool_calls"]
    assert key not in held.sent(2)[2]


def test_think_tags_are_no_part_of_what_was_said(hold: Hold) -> None:
    held = hold(
        [
            calls(("write_file", {"path": "a.txt", "content": "A"}), text="<think>secret plan</think>Writing."),
            "still thinking</think>",
            FINISH,
        ]
    )
    assert [turn.text for turn in held.notes.turns if turn.role == "assistant"] == ["Writing.", "", ""]


def test_no_schema_is_ever_sent_along_with_tools(hold: Hold) -> None:
    held = hold([WRITE, FINISH])
    assert all(not body.get("format") and "response_format" not in body for body in held.server.requests)


def test_every_request_asks_for_the_same_window(hold: Hold, protocol: str) -> None:
    if protocol == "ollama-tool":
        held = hold([WRITE, read("a.txt"), FINISH])
        assert {body["options"]["num_ctx"] for body in held.server.requests} == {8192}


# -- 4.3: empty, cut off, only talk, circles


def test_nothing_said_is_asked_about_once_and_then_ends_as_empty_response(hold: Hold) -> None:
    assert hold(["", FINISH]).ending.reason is Reason.PASSED
    held = hold([WRITE, "", ""])
    assert held.ending.reason is Reason.EMPTY_RESPONSE
    assert len(held.told()) == 1


def test_calls_of_an_answer_that_was_cut_off_are_not_done(hold: Hold) -> None:
    cut = calls(("write_file", {"path": "a.txt", "content": "half"}), done_reason="length")
    held = hold([cut, FINISH])
    assert held.ending.reason is Reason.PASSED
    assert held.desk.files == {}
    assert "cut off after 512 tokens" in held.sent(1)[-1]["content"]
    assert hold([cut], then=cut).ending.reason is Reason.FORMAT_ERRORS


def test_a_model_that_only_talks_is_asked_twice_and_then_lacks_the_capability(hold: Hold) -> None:
    held = hold(["I will write the file now.", "Here is the file.", "All done!"])
    assert held.ending.reason is Reason.CAPABILITY_MISSING
    assert len(held.told()) == 2
    assert held.ending.steps == 3


def test_a_model_that_says_done_without_finishing_is_reminded_once_and_not_believed(hold: Hold) -> None:
    held = hold([WRITE, "All tests pass, the task is done.", "It really is done."])
    assert held.ending.reason is Reason.UNFINISHED
    assert len(held.told()) == 1


def test_a_server_that_knows_no_tools_for_this_model_ends_as_capability_missing(hold: Hold) -> None:
    held = hold([FINISH], capabilities=("completion",))
    assert held.ending.reason in (Reason.CAPABILITY_MISSING, Reason.PASSED)
    if held.ending.reason is Reason.PASSED:  # llama-server takes tools for every model
        assert held.server.requests[0]["tools"]


def test_the_same_call_with_the_same_result_is_steered_at_four_and_ended_at_five(hold: Hold) -> None:
    held = hold([WRITE], then=read("a.txt"))
    assert held.ending.reason is Reason.NO_PROGRESS
    assert held.ending.steps == 6
    assert len(held.told()) == 1
    assert hold([WRITE, *[read("a.txt")] * 4, FINISH]).ending.reason is Reason.PASSED


def test_going_back_and_forth_between_two_calls_ends_as_no_progress(hold: Hold) -> None:
    desk = Desk(files={"a": "A", "b": "B"})
    held = hold([read("a"), read("b")] * 5, desk=desk)
    assert held.ending.reason is Reason.NO_PROGRESS
    assert held.ending.steps == 7


def test_the_same_error_over_and_over_ends_as_no_progress(hold: Hold) -> None:
    held = hold([read(f"missing-{number}") for number in range(5)])
    assert held.ending.reason is Reason.NO_PROGRESS
    assert held.ending.steps == 4


def test_the_same_call_with_new_results_is_no_circle(hold: Hold) -> None:
    desk = Desk(files={"log": [f"line {number}" for number in range(8)]})
    assert hold([*[read("log")] * 8, FINISH], desk=desk).ending.reason is Reason.PASSED


# -- limits


def test_steps_are_limited(hold: Hold) -> None:
    script = [calls(("write_file", {"path": f"{number}", "content": "x"})) for number in range(9)]
    held = hold(script, max_steps=5)
    assert held.ending.reason is Reason.STEP_LIMIT
    assert held.ending.steps == len(held.server.requests) == 5


def test_an_answer_without_counts_makes_the_sum_unknown(hold: Hold) -> None:
    held = hold([WRITE, calls(("finish", {"summary": "done"}), uncounted=True)])
    assert held.ending.reason is Reason.PASSED
    assert held.ending.tokens is None


@pytest.mark.parametrize(
    ("script", "limits", "reason"),
    [
        ([WRITE, Reply(silent=True)], {"first": "300ms"}, Reason.STALLED),
        ([WRITE, Reply(pieces=("I",), stall=True)], {"silence": "300ms"}, Reason.STALLED),
        ([WRITE, says("word " * 200, pause=0.05)], {"wall": "400ms"}, Reason.TIMEOUT),
        ([WRITE, Reply(pieces=("I",), break_off=True)], {}, Reason.BACKEND_ERROR),
    ],
)
def test_a_server_that_stalls_or_breaks_off_ends_the_conversation_by_name(
    hold: Hold, script: Script, limits: dict[str, str], reason: Reason
) -> None:
    held = hold(script, limits=limits)
    assert held.ending.reason is reason
    assert held.ending.tokens is None
    assert held.desk.files == {"a.txt": "A"}


def test_a_model_that_is_not_there_and_a_host_that_does_not_answer_are_named(hold: Hold, protocol: str) -> None:
    if protocol == "ollama-tool":
        assert hold([FINISH], models=("other",)).ending.reason is Reason.MODEL_MISSING
    with STAND_INS[protocol]([]) as server:
        nobody = model(server, protocol)
    terms = Terms(max_steps=3, max_tokens=512, num_ctx=8192)
    ending = asyncio.run(Loop(open_backend(nobody)).work(question("a", "b"), Desk(), terms, Notes()))
    assert ending.reason is Reason.HOST_UNREACHABLE


def test_cancelling_in_the_middle_of_a_tool_still_answers_every_call(protocol: str) -> None:
    async def go() -> None:
        desk, notes = Desk(slow=asyncio.Event()), Notes()
        with STAND_INS[protocol]([calls(*WRITE.calls, *FINISH.calls)], models=("m:latest",)) as server:
            backend = open_backend(model(server, protocol))
            terms = Terms(max_steps=3, max_tokens=512, num_ctx=8192)
            task = asyncio.create_task(Loop(backend).work(question("a", "b"), desk, terms, notes))
            while not desk.asked:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert [turn.text for turn in notes.turns if turn.role == "tool"] == [
            "not done: the conversation was ended"
        ] * 2

    asyncio.run(go())


def test_of_very_many_calls_at_once_only_some_are_done_and_all_are_answered(hold: Hold) -> None:
    many = calls(*[("write_file", {"path": f"{number}", "content": "x"}) for number in range(40)])
    held = hold([many, FINISH], num_ctx=32_768)
    assert held.ending.reason is Reason.PASSED
    assert len(held.desk.files) == 32
    assert [turn.text for turn in held.notes.turns if turn.role == "tool"].count(
        "not done: at most 32 calls at a time"
    ) == 8


class Paid:
    """A model that costs ten cents an answer."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def chat(self, request: ChatRequest, on_token: OnToken) -> Answer:
        return msgspec.structs.replace(await self._backend.chat(request, on_token), cost_usd=0.1)


def test_no_answer_is_asked_for_once_the_budget_is_spent(protocol: str) -> None:
    with STAND_INS[protocol]([WRITE, read("a.txt"), WRITE, FINISH], models=("m:latest",)) as server:
        backend = Paid(open_backend(model(server, protocol)))
        terms = Terms(max_steps=9, max_tokens=512, num_ctx=8192, budget_usd=0.2)
        ending = asyncio.run(Loop(backend).work(question("a", "b"), Desk(), terms, Notes()))
        assert len(server.requests) == 2
    assert ending.reason is Reason.BUDGET_EXCEEDED
    assert ending.cost_usd == pytest.approx(0.2)
