"""The backends of Ollama and of llama.cpp's server: the same tests for both, against their protocols over a socket."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from reconciler.execute.backends import (
    Answer,
    BackendError,
    Call,
    ChatRequest,
    Message,
    ToolSpec,
    offers,
    open_backend,
    question,
)
from reconciler.model.job import ModelBrief
from reconciler.model.spec import CallLimits
from reconciler.model.vocabulary import Reason
from tests.standins.llama import LlamaStandIn
from tests.standins.ollama import OllamaStandIn
from tests.standins.script import Reply, StandIn, calls, fails, says

SCHEMA = {"type": "object", "properties": {"domain": {"type": "string"}}, "required": ["domain"]}
WRITE = ToolSpec(
    name="write_file",
    description="Write a file.",
    parameters={
        "type": "object",
        "properties": {"path": {"type": "string"}, "content": {"type": "string"}},
        "required": ["path", "content"],
    },
)
WROTE = ("write_file", {"path": "a.txt", "content": "hello\n"})
NORMAL = CallLimits()
QUICK = CallLimits(connect="1s", first="300ms", silence="300ms", wall="5s")
OLLAMA = ("ollama-tool", OllamaStandIn)
LLAMA = ("llama-tool", LlamaStandIn)
SERVERS = [OLLAMA, LLAMA]
Way = tuple[str, type[StandIn]]

both = pytest.mark.parametrize("way", SERVERS, ids=["ollama", "llama"])


def brief(backend: str, url: str, *, name: str | None = "tiny", limits: CallLimits = NORMAL) -> ModelBrief:
    return ModelBrief(backend=backend, name=name, host="anvil", url=url, num_ctx=4096, offers=("text",), limits=limits)


def request(**changes: Any) -> ChatRequest:
    return ChatRequest(**{"messages": question("You write.", "Say hello."), "max_tokens": 64} | changes)


def ask(
    way: Way,
    server: StandIn,
    *,
    name: str = "tiny",
    limits: CallLimits = NORMAL,
    on_token: Callable[[str], None] = lambda _: None,
    **changes: Any,
) -> Answer:
    backend = open_backend(brief(way[0], server.url, name=name, limits=limits))
    return asyncio.run(backend.chat(request(**changes), on_token))


def refused(way: Way, server: StandIn, **more: Any) -> BackendError:
    with pytest.raises(BackendError) as caught:
        ask(way, server, **more)
    assert caught.value.message.isprintable()
    return caught.value


@pytest.mark.parametrize(
    "way", [*SERVERS, ("ollama-simple", OllamaStandIn), ("llama-server", LlamaStandIn)], ids=lambda way: way[0]
)
def test_an_answer_streams_is_counted_and_costs_nothing(way: Way) -> None:
    pieces: list[str] = []
    with way[1]([Reply(("Hel", "lo", "!"), prompt_tokens=7)]) as server:
        answer = ask(way, server, on_token=pieces.append)
    assert pieces == ["Hel", "lo", "!"]
    assert answer == Answer(text="Hello!", tokens_in=7, tokens_out=3, cost_usd=0.0, ended="stop")
    assert "tools" not in server.requests[0] or server.requests[0]["tools"] == []


@both
def test_tokens_that_the_server_does_not_tell_are_unknown_and_not_zero(way: Way) -> None:
    with way[1]([says("Hello", uncounted=True)]) as server:
        answer = ask(way, server)
    assert (answer.tokens_in, answer.tokens_out, answer.cost_usd) == (None, None, 0.0)


@both
def test_a_call_of_a_tool_arrives_whole_and_with_an_object(way: Way) -> None:
    pieces: list[str] = []
    with way[1]([calls(WROTE, ("write_file", {}), text="Sure.", thinking=("I ", "see"))]) as server:
        answer = ask(way, server, tools=(WRITE,), on_token=pieces.append)
    assert answer.text == "Sure."
    assert answer.thinking == "I see"
    assert [(call.name, call.arguments) for call in answer.calls] == [WROTE, ("write_file", {})]
    assert len({call.id for call in answer.calls}) == 2
    assert answer.ended == "stop"
    assert "".join(pieces).startswith("I seeSure.write_file")
    [body] = server.requests
    [told] = body["tools"]
    assert told["function"]["name"] == "write_file"
    assert told["function"]["parameters"]["required"] == ["path", "content"]


@both
def test_an_answer_that_was_cut_says_so_even_with_calls_in_it(way: Way) -> None:
    with way[1]([says("Hel", done_reason="length"), calls(WROTE, done_reason="length")]) as server:
        assert ask(way, server).ended == "length"
        answer = ask(way, server, tools=(WRITE,))
    assert answer.ended == "length"
    assert len(answer.calls) == 1


def test_arguments_that_are_no_object_come_as_the_text_that_they_are() -> None:
    with LlamaStandIn([calls(("write_file", '{"path": "a.txt", "con'), done_reason="length")]) as server:
        answer = ask(LLAMA, server, tools=(WRITE,))
    assert answer.calls[0].arguments == '{"path": "a.txt", "con'


def test_a_server_that_cannot_read_its_models_call_says_that_the_model_said_it_badly() -> None:
    with OllamaStandIn([calls(("write_file", '{"path": "a')), Reply(("ok",), error="out of memory")]) as server:
        error = refused(OLLAMA, server, tools=(WRITE,))
        assert error.reason is Reason.BACKEND_ERROR
        assert error.said_badly
        assert not refused(OLLAMA, server, tools=(WRITE,)).said_badly


@both
@pytest.mark.parametrize(
    "words",
    [
        "error parsing tool call: raw='{\"path', err=unexpected end of JSON input",
        "Failed to parse input at pos 12: <tool_call>",
        "XML syntax error on line 4: unexpected EOF",
    ],
)
def test_an_http_500_over_what_the_model_said_may_be_asked_again(way: Way, words: str) -> None:
    with way[1]([fails(words), fails(words, 400)]) as server:
        assert refused(way, server, tools=(WRITE,)).said_badly
        assert not refused(way, server, tools=(WRITE,)).said_badly


HISTORY = (
    Message(role="system", text="You write."),
    Message(role="user", text="Say hello."),
    Message(role="assistant", text="Hello.", thinking="an earlier turn"),
    Message(role="user", text="Write it down."),
    Message(
        role="assistant",
        thinking="now then",
        calls=(
            Call(id="one", name="write_file", arguments={"path": "a.txt", "content": "hello"}),
            Call(id="two", name="write_file", arguments='{"path": broken'),
            Call(id="three", name="write_file", arguments='{"path": "b.txt"}'),
        ),
    ),
    Message(role="tool", text="written", name="write_file", call="one"),
    Message(role="tool", text="not an object", name="write_file", call="two"),
    Message(role="tool", text="content is missing", name="write_file", call="three"),
)


def test_a_conversation_is_told_again_in_ollamas_form() -> None:
    with OllamaStandIn() as server:
        ask(OLLAMA, server, messages=HISTORY, tools=(WRITE,))
    [body] = server.requests
    said = body["messages"]
    assert [message["role"] for message in said] == ["system", "user", "assistant", "user", "assistant"] + ["tool"] * 3
    assert "thinking" not in said[2], "thoughts of an earlier turn are over"
    assert said[4]["thinking"] == "now then"
    arguments = [call["function"]["arguments"] for call in said[4]["tool_calls"]]
    assert arguments == [{"path": "a.txt", "content": "hello"}, {}, {"path": "b.txt"}]
    assert said[5] == {"role": "tool", "content": "written", "tool_name": "write_file"}


def test_a_conversation_is_told_again_in_llama_cpps_form() -> None:
    with LlamaStandIn() as server:
        ask(LLAMA, server, messages=HISTORY, tools=(WRITE,))
    [body] = server.requests
    said = body["messages"]
    assert "reasoning_content" not in said[2]
    assert said[4]["reasoning_content"] == "now then"
    arguments = [json.loads(call["function"]["arguments"]) for call in said[4]["tool_calls"]]
    assert arguments == [{"path": "a.txt", "content": "hello"}, {}, {"path": "b.txt"}]
    assert said[6] == {"role": "tool", "content": "not an object", "tool_call_id": "two", "name": "write_file"}


def test_ollama_gets_one_fixed_window_a_fixed_seed_and_must_not_cut_silently() -> None:
    with OllamaStandIn() as server:
        ask(OLLAMA, server, temperature=0.5)
    [body] = server.requests
    assert body["options"] == {"num_ctx": 4096, "num_predict": 64, "temperature": 0.5, "seed": 1}
    assert (body["truncate"], body["shift"], body["stream"]) == (False, False, True)
    assert not body.get("tools")
    assert not body.get("format")
    assert "think" not in body, "with think off, a schema is ignored"


def test_llama_cpp_gets_a_bound_and_a_fixed_seed() -> None:
    with LlamaStandIn() as server:
        ask(LLAMA, server, temperature=0.5)
    [body] = server.requests
    assert (body["max_tokens"], body["temperature"], body["seed"], body["stream"]) == (64, 0.5, 1, True)
    assert "response_format" not in body


@both
def test_a_schema_is_sent_and_told_to_the_model(way: Way) -> None:
    with way[1](lambda _: '{"domain": "docs"}') as server:
        answer = ask(way, server, schema=SCHEMA)
    [body] = server.requests
    assert SCHEMA in (body.get("format"), body.get("response_format", {}).get("json_schema", {}).get("schema"))
    assert json.dumps(SCHEMA) in body["messages"][1]["content"]
    assert json.loads(answer.text) == {"domain": "docs"}


@both
def test_tools_and_a_schema_never_come_together(way: Way) -> None:
    with way[1]() as server, pytest.raises(ValueError, match="never come together"):
        ask(way, server, schema=SCHEMA, tools=(WRITE,))
    assert server.requests == []


@pytest.mark.parametrize("way", [("ollama-simple", OllamaStandIn), ("llama-server", LlamaStandIn)])
def test_a_way_without_tools_says_so_before_it_asks(way: Way) -> None:
    with way[1]() as server:
        assert refused(way, server, tools=(WRITE,)).reason is Reason.CAPABILITY_MISSING
    assert server.requests == []


def test_a_model_without_tools_is_a_missing_capability() -> None:
    with OllamaStandIn(capabilities=("completion",)) as server:
        assert refused(OLLAMA, server, tools=(WRITE,)).reason is Reason.CAPABILITY_MISSING


@both
@pytest.mark.parametrize(
    ("said", "thoughts"),
    [
        ("<think>hm, well</think>\nHello", "hm, well"),
        ("hm, well</think>Hello", "hm, well"),
        ("Hello<think>and now", "and now"),
        ("<think>a</think>Hel<think>b</think>lo", "a\nb"),
    ],
)
def test_thoughts_between_tags_are_no_part_of_the_answer(way: Way, said: str, thoughts: str) -> None:
    with way[1](lambda _: said) as server:
        answer = ask(way, server)
    assert (answer.text, answer.thinking) == ("Hello", thoughts)


def test_a_prompt_that_fills_the_context_leaves_a_note() -> None:
    with OllamaStandIn(lambda _: Reply(("ok",), prompt_tokens=4090)) as server:
        assert "4096 tokens" in ask(OLLAMA, server).note


@both
def test_a_conversation_that_does_not_fit_is_a_context_overflow(way: Way) -> None:
    with way[1](context=50) as server:
        error = refused(way, server, messages=question("You write.", "word " * 100))
    assert error.reason is Reason.CONTEXT_OVERFLOW


def test_a_missing_model_names_the_command_that_gets_it() -> None:
    with OllamaStandIn() as server:
        error = refused(OLLAMA, server, name="qwen3:8b")
    assert error.reason is Reason.MODEL_MISSING
    assert error.message == 'model "qwen3:8b" is not on host anvil: run: ollama pull qwen3:8b'


@both
def test_a_host_that_is_not_there_is_unreachable(way: Way) -> None:
    with way[1]() as server:
        pass
    error = refused(way, server)
    assert error.reason is Reason.HOST_UNREACHABLE
    assert server.url in error.message


@both
@pytest.mark.parametrize("status", [429, 503])
def test_a_host_with_too_much_to_do_is_asked_again_later(way: Way, status: int) -> None:
    with way[1]([fails("maximum pending requests exceeded", status)]) as server:
        assert refused(way, server).reason is Reason.HOST_UNREACHABLE


def test_a_server_that_loads_its_model_is_asked_again_later() -> None:
    with LlamaStandIn(loading=True) as server:
        assert refused(LLAMA, server).reason is Reason.HOST_UNREACHABLE


@both
@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(status=500, error="out of\x1b[31m memory"), "out of memory"),
        (Reply(("Hel",), error="llama runner died"), "llama runner died"),
        (Reply(("Hel",), break_off=True), "host anvil failed"),
        (Reply(("Hel",), junk=b"{nonsense"), "host anvil failed"),
        (Reply(("Hel",), junk=b'{"message": "perhaps", "choices": 1}'), "host anvil failed"),
    ],
)
def test_a_server_that_fails_is_a_backend_error_in_its_own_words(way: Way, reply: Reply, words: str) -> None:
    with way[1](lambda _: reply) as server:
        error = refused(way, server)
    assert error.reason is Reason.BACKEND_ERROR
    assert not error.said_badly
    assert words in error.message


@both
@pytest.mark.parametrize(
    ("reply", "limits", "reason", "words"),
    [
        (Reply(silent=True), QUICK, Reason.STALLED, "said nothing for 0.3 s"),
        (Reply(stall=True), QUICK, Reason.STALLED, "for 0.3 s"),
        (Reply(("Hel",), stall=True), QUICK, Reason.STALLED, "fell silent in the middle of its answer for 0.3 s"),
        (Reply(("a ",) * 100, pause=0.05), CallLimits(wall="500ms"), Reason.TIMEOUT, "did not finish within 0.5 s"),
    ],
)
def test_each_limit_of_time_ends_the_answer(
    way: Way, reply: Reply, limits: CallLimits, reason: Reason, words: str
) -> None:
    with way[1](lambda _: reply) as server:
        begin = time.monotonic()
        error = refused(way, server, limits=limits)
        assert time.monotonic() - begin < 2
        assert server.left.wait(2)
    assert error.reason is reason
    assert error.message.endswith(words)


@both
@pytest.mark.parametrize("reply", [Reply(("Hel",), stall=True), Reply(silent=True)])
def test_cancelling_closes_the_connection_within_two_seconds(way: Way, reply: Reply) -> None:
    async def cancelled(server: StandIn) -> float:
        task = asyncio.create_task(open_backend(brief(way[0], server.url)).chat(request(), lambda _: None))
        async with asyncio.timeout(5):
            while not server.in_flight:
                await asyncio.sleep(0.01)
        begin = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(server.left.wait, 2)
        return time.monotonic() - begin

    with way[1](lambda _: reply) as server:
        assert asyncio.run(cancelled(server)) < 2


def test_a_person_is_not_asked_and_a_backend_that_does_not_exist_is_refused_by_name() -> None:
    for backend, reason in (("human-queue", Reason.HUMAN_TIER), ("telepathy", Reason.CAPABILITY_MISSING)):
        with pytest.raises(BackendError) as caught:
            open_backend(brief(backend, "http://127.0.0.1:1"))
        assert caught.value.reason is reason
    assert "telepathy" in caught.value.message


def test_the_table_of_backends_says_who_offers_tools() -> None:
    table = offers()
    assert {name for name, what in table.items() if "tools" in what} >= {"ollama-tool", "llama-tool", "claude-cli"}
    assert "tools" not in table["ollama-simple"] | table["llama-server"] | table["command"]
    assert "human-queue" not in table, "a person is no backend that can be asked"
