"""The Ollama backend against the real protocol over a socket."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable

import pytest

from reconciler.execute.backends import BackendError, ChatRequest, Limits, offers, open_backend, probe, question
from reconciler.execute.backends.ollama_simple import OllamaSimple
from reconciler.execute.backends.port import DEFAULT_LIMITS, Answer
from reconciler.model.job import ModelBrief
from reconciler.model.spec import Host
from reconciler.model.vocabulary import Reason
from tests.standins.ollama import OllamaStandIn, Reply

SCHEMA = {"type": "object", "properties": {"domain": {"type": "string"}}, "required": ["domain"]}
QUICK = Limits(connect=1, first=0.3, silence=0.3, wall=5)


def brief(url: str, name: str = "tiny") -> ModelBrief:
    return ModelBrief(backend="ollama-simple", name=name, host="anvil", url=url, num_ctx=4096, offers=("text",))


def request(**changes: object) -> ChatRequest:
    values: dict[str, object] = {"messages": question("You write.", "Say hello."), "max_tokens": 64} | changes
    return ChatRequest(**values)  # type: ignore[arg-type]


def ask(
    server: OllamaStandIn,
    *,
    limits: Limits = DEFAULT_LIMITS,
    on_token: Callable[[str], None] = lambda _: None,
    name: str = "tiny",
    **changes: object,
) -> Answer:
    return asyncio.run(OllamaSimple(brief(server.url, name), limits).chat(request(**changes), on_token))


def refused(server: OllamaStandIn, **more: object) -> BackendError:
    with pytest.raises(BackendError) as caught:
        ask(server, **more)  # type: ignore[arg-type]
    return caught.value


def test_an_answer_streams_and_is_counted() -> None:
    pieces: list[str] = []
    with OllamaStandIn(lambda _: Reply(("Hel", "lo", "!"), prompt_tokens=7)) as server:
        answer = ask(server, on_token=pieces.append)
    assert pieces == ["Hel", "lo", "!"]
    assert answer == Answer(text="Hello!", tokens_in=7, tokens_out=3, cost_usd=0.0, ended="stop")


def test_the_request_carries_context_limits_and_a_fixed_seed_and_never_tools() -> None:
    with OllamaStandIn() as server:
        ask(server, temperature=0.5)
    [body] = server.requests
    assert body["options"] == {"num_ctx": 4096, "num_predict": 64, "temperature": 0.5, "seed": 1}
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert body["stream"] is True
    assert not body.get("tools")
    assert not body.get("format")


def test_a_schema_is_sent_as_format_and_told_to_the_model() -> None:
    with OllamaStandIn(lambda _: '{"domain": "docs"}') as server:
        answer = ask(server, schema=SCHEMA)
    [body] = server.requests
    assert body["format"] == SCHEMA
    assert json.dumps(SCHEMA) in body["messages"][1]["content"]
    assert json.loads(answer.text) == {"domain": "docs"}


@pytest.mark.parametrize(
    "said",
    [
        "<think>hm, well</think>\nHello",
        "hm, well</think>Hello",
        "Hello<think>and now",
        "<think>a</think>Hel<think>b</think>lo",
    ],
)
def test_thoughts_are_no_part_of_the_answer(said: str) -> None:
    with OllamaStandIn(lambda _: said) as server:
        assert ask(server).text == "Hello"


def test_an_answer_that_was_cut_says_so() -> None:
    with OllamaStandIn(lambda _: Reply(("Hel",), done_reason="length")) as server:
        assert ask(server).ended == "length"


def test_a_prompt_that_fills_the_context_leaves_a_note() -> None:
    with OllamaStandIn(lambda _: Reply(("ok",), prompt_tokens=4090)) as server:
        assert "4096 tokens" in ask(server).note


def test_a_missing_model_names_the_command_that_gets_it() -> None:
    with OllamaStandIn() as server:
        error = refused(server, name="qwen3:8b")
    assert error.reason is Reason.MODEL_MISSING
    assert error.message == 'model "qwen3:8b" is not on host anvil: run: ollama pull qwen3:8b'


def test_a_host_that_is_not_there_is_unreachable() -> None:
    with OllamaStandIn() as server:
        pass
    error = refused(server)
    assert error.reason is Reason.HOST_UNREACHABLE
    assert server.url in error.message


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(status=500, error="out of\x1b[31m memory"), "out of [31m memory"),
        (Reply(("Hel",), error="llama runner died"), "llama runner died"),
        (Reply(("Hel",), break_off=True), "host anvil failed"),
        (Reply(("Hel",), junk=b"{nonsense"), "host anvil failed"),
        (Reply(("Hel",), junk=b'{"done": "perhaps"}'), "host anvil failed"),
    ],
)
def test_a_server_that_fails_is_a_backend_error_in_its_own_words(reply: Reply, words: str) -> None:
    with OllamaStandIn(lambda _: reply) as server:
        error = refused(server)
    assert error.reason is Reason.BACKEND_ERROR
    assert words in error.message
    assert error.message.isprintable()


@pytest.mark.parametrize(
    ("reply", "limits", "words"),
    [
        (Reply(stall=True), QUICK, "said nothing for 0.3 s"),
        (Reply(("Hel",), stall=True), QUICK, "fell silent in the middle of its answer for 0.3 s"),
        (Reply(("a ",) * 100, pause=0.05), Limits(wall=0.5), "did not finish within 0.5 s"),
    ],
)
def test_each_limit_of_time_ends_the_answer(reply: Reply, limits: Limits, words: str) -> None:
    with OllamaStandIn(lambda _: reply) as server:
        begin = time.monotonic()
        error = refused(server, limits=limits)
        assert time.monotonic() - begin < 2
        assert server.left.wait(2)
    assert error.reason is Reason.TIMEOUT
    assert error.message == f"tiny on host anvil {words}"


def test_cancelling_closes_the_connection_within_two_seconds() -> None:
    async def cancelled(server: OllamaStandIn) -> float:
        began = asyncio.Event()
        backend = OllamaSimple(brief(server.url))
        task = asyncio.create_task(backend.chat(request(), lambda _: began.set()))
        await asyncio.wait_for(began.wait(), 5)
        begin = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(server.left.wait, 2)
        return time.monotonic() - begin

    with OllamaStandIn(lambda _: Reply(("Hel",), stall=True)) as server:
        assert asyncio.run(cancelled(server)) < 2


def test_a_probe_tells_which_models_a_host_has() -> None:
    with OllamaStandIn(models=("tiny:latest", "qwen3:8b")) as server:
        seen = probe(Host(name="anvil", kind="ollama", url=server.url))
        assert seen.reachable
        assert seen.models == {"tiny", "tiny:latest", "qwen3:8b"}
    gone = probe(Host(name="anvil", kind="ollama", url=server.url))
    assert not gone.reachable
    assert server.url in gone.message


def test_a_probe_of_something_else_is_quick_and_says_that_it_is_no_ollama() -> None:
    with OllamaStandIn() as server:
        begin = time.monotonic()
        seen = probe(Host(name="anvil", kind="ollama", url=f"{server.url}/elsewhere"))
    assert not seen.reachable
    assert time.monotonic() - begin < 2


def test_a_backend_that_does_not_exist_is_refused_by_name() -> None:
    assert offers()["ollama-simple"] == {"text", "schema"}
    model = ModelBrief(backend="telepathy", name=None, host="anvil", url=None, num_ctx=4096, offers=())
    with pytest.raises(BackendError, match="telepathy") as caught:
        open_backend(model)
    assert caught.value.reason is Reason.CAPABILITY_MISSING
