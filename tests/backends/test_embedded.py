"""Real inference on the embedded model, where its package and weights are installed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from reconciler.execute.backends import (
    BackendError,
    Call,
    ChatRequest,
    Message,
    ToolSpec,
    embedded,
    open_backend,
    probe,
    question,
    weights,
)
from reconciler.model.job import ModelBrief
from reconciler.model.spec import Host
from reconciler.model.vocabulary import Reason
from tests.backends.test_standin import shape
from tests.standins.llama import LlamaStandIn, Reply

MODEL = ModelBrief(backend="embedded", name=None, host="laptop", url=None, num_ctx=2048, offers=("text", "schema"))
SCHEMA = {
    "type": "object",
    "properties": {"domain": {"enum": ["docs", "code"]}, "count": {"type": "integer", "minimum": 1, "maximum": 5}},
    "required": ["domain", "count"],
    "additionalProperties": False,
}
QUESTION = ChatRequest(messages=question("You write short texts.", "Describe a lunch box."), max_tokens=40)


@pytest.fixture
def real() -> Iterator[None]:
    pytest.importorskip("xllamacpp")
    if weights.installed() is None:
        pytest.skip(f"the weights are not in {weights.folder()}")
    yield
    embedded.stop_servers()


def test_it_answers_streams_keeps_to_a_schema_and_survives_the_death_of_its_server(real: None) -> None:
    async def talk() -> None:
        backend = open_backend(MODEL)
        pieces: list[str] = []
        begin = time.monotonic()
        first = await backend.chat(QUESTION, pieces.append)
        loaded = time.monotonic()
        again = await backend.chat(QUESTION, lambda _: None)
        print(f"\n40 tokens: {loaded - begin:.2f} s with loading, {time.monotonic() - loaded:.2f} s without")
        assert len(pieces) > 5
        assert "".join(pieces).strip() == first.text
        assert (first.text, first.tokens_out, first.cost_usd) == (again.text, again.tokens_out, 0.0)
        assert first.tokens_in
        assert first.ended == "length"

        asked = ChatRequest(messages=question("You classify.", "Write the README."), max_tokens=60, schema=SCHEMA)
        answer = json.loads((await backend.chat(asked, lambda _: None)).text)
        assert answer["domain"] in ("docs", "code")
        assert 1 <= answer["count"] <= 5

        [server] = embedded._servers.values()  # pyright: ignore[reportPrivateUsage]
        assert server._process is not None  # pyright: ignore[reportPrivateUsage]
        os.kill(server._process.pid, signal.SIGKILL)  # pyright: ignore[reportPrivateUsage]
        server._process.wait()  # pyright: ignore[reportPrivateUsage]
        assert (await backend.chat(QUESTION, lambda _: None)).text == first.text

        too_long = ChatRequest(messages=question("", "word " * 5000), max_tokens=5)
        with pytest.raises(BackendError, match="does not fit") as caught:
            await backend.chat(too_long, lambda _: None)
        assert caught.value.reason is Reason.CONTEXT_OVERFLOW

    asyncio.run(talk())


WRITE = ToolSpec(
    name="write_file",
    description="Write a file.",
    parameters={
        "type": "object",
        "properties": {"path": {"type": "string"}, "content": {"type": "string"}},
        "required": ["path", "content"],
    },
)


def example(number: int, path: str, content: str) -> tuple[Message, ...]:
    call = Call(id=f"call_{number}", name="write_file", arguments={"path": path, "content": content})
    return (
        Message(role="user", text=f"Create the file {path} that contains: {content}"),
        Message(role="assistant", calls=(call,)),
        Message(role="tool", text="written", name="write_file", call=call.id),
    )


def test_a_task_is_classified_within_its_schema_and_a_file_is_written_by_a_real_call_of_a_tool(real: None) -> None:
    async def work() -> None:
        backend = open_backend(MODEL)
        schema = {
            "type": "object",
            "properties": {"domain": {"enum": ["docs", "frontend", "backend"]}, "complexity": {"enum": [1, 2, 3]}},
            "required": ["domain", "complexity"],
            "additionalProperties": False,
        }
        asked = question("You classify tasks.", "Describe the order form in the README.")
        answer = await backend.chat(ChatRequest(messages=asked, max_tokens=60, schema=schema), lambda _: None)
        jsonschema.validate(json.loads(answer.text), schema)

        opening = (Message(role="system", text="You write files with the tool write_file."),)
        examples = example(1, "a.txt", "apple") + example(2, "notes.md", "buy milk")
        wanted = Message(role="user", text="Create the file hello.txt that contains: hello world")
        messages = (*opening, *examples, wanted)
        answer = await backend.chat(ChatRequest(messages=messages, max_tokens=80, tools=(WRITE,)), lambda _: None)
        [call] = answer.calls
        assert (call.name, call.arguments) == ("write_file", {"path": "hello.txt", "content": "hello world"})
        assert answer.ended == "stop"
        assert answer.tokens_in
        assert answer.cost_usd == 0.0

    asyncio.run(work())


def test_the_stand_in_answers_in_the_shapes_of_the_real_server(real: None) -> None:
    async def address() -> str:
        backend = open_backend(MODEL)
        assert isinstance(backend, embedded.Embedded)
        return await backend.address()

    body = {
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 3,
    }
    url = asyncio.run(address())
    with LlamaStandIn([Reply(("a", "b"))]) as stand_in, httpx.Client(trust_env=False) as client:
        for path in ("/health", "/props", "/slots", "/v1/models"):
            ours, real_one = (client.get(f"{server}{path}").json() for server in (stand_in.url, url))
            assert is_part(shape(ours), shape(real_one)), path
        ours, real_one = (
            [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
            for text in (client.post(f"{server}/v1/chat/completions", json=body).text for server in (stand_in.url, url))
        )
        for at in (0, 1, -2, -1):
            assert is_part(shape(ours[at]), shape(real_one[at])), at


def is_part(ours: Any, real_one: Any) -> bool:
    """All that we send is there in the real answer, too, with the same types."""
    if isinstance(ours, dict) and isinstance(real_one, dict):
        return all(key in real_one and is_part(value, real_one[key]) for key, value in ours.items())
    if isinstance(ours, list) and isinstance(real_one, list):
        return not ours or (bool(real_one) and is_part(ours[0], real_one[0]))
    return ours == real_one


def test_cancelling_takes_less_than_two_seconds_and_frees_the_model(real: None) -> None:
    async def cancel() -> None:
        backend = open_backend(MODEL)
        began = asyncio.Event()
        endless = ChatRequest(messages=question("", "Count to a million."), max_tokens=1500)
        task = asyncio.create_task(backend.chat(endless, lambda _: began.set()))
        await asyncio.wait_for(began.wait(), 30)
        begin = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - begin < 2
        await backend.chat(QUESTION, lambda _: None)
        assert time.monotonic() - begin < 10

    asyncio.run(cancel())


def test_missing_weights_name_the_command_that_gets_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("xllamacpp")
    monkeypatch.setenv(weights.FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(BackendError, match=weights.FETCH_COMMAND) as caught:
        asyncio.run(open_backend(MODEL).chat(QUESTION, lambda _: None))
    assert caught.value.reason is Reason.MODEL_MISSING
    seen = probe(Host(name="laptop", kind="embedded"))
    assert seen.reachable
    assert seen.models == frozenset()
    assert weights.FETCH_COMMAND in seen.message


OWNER = """
import asyncio, sys, time
from reconciler.execute.backends import embedded, open_backend
from tests.backends.test_embedded import MODEL, QUESTION
asyncio.run(open_backend(MODEL).chat(QUESTION, lambda _: None))
[server] = embedded._servers.values()
print(server._process.pid, flush=True)
time.sleep(60)
"""


def test_the_server_dies_with_the_process_that_started_it(real: None) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    server = int(owner.stdout.readline())
    owner.kill()
    owner.wait()
    owner.stdout.close()
    deadline = time.monotonic() + 2
    while is_running(server):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("gone", ["stdin", "stdout"])
def test_a_server_whose_owner_dies_while_it_loads_ends_too(real: None, gone: str) -> None:
    """Without input there is no owner any more; without a reader nobody can hear where the server listens."""
    command = [sys.executable, "-m", "reconciler.execute.backends.embedded_server", str(weights.installed()), "512"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        getattr(server, gone).close()
        try:
            assert server.wait(60) == 0
        finally:
            server.kill()


def is_running(pid: int) -> bool:
    """A zombie is not: nobody may be there to reap it."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")
