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

import pytest

from reconciler.execute.backends import BackendError, ChatRequest, embedded, open_backend, probe, question, weights
from reconciler.model.job import ModelBrief
from reconciler.model.spec import Host
from reconciler.model.vocabulary import Reason

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
        with pytest.raises(BackendError, match="refused") as caught:
            await backend.chat(too_long, lambda _: None)
        assert caught.value.reason is Reason.BACKEND_ERROR

    asyncio.run(talk())


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
    command = [sys.executable, "-m", "reconciler.execute.backends.llama_server", str(weights.installed()), "512"]
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
