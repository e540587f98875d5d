"""The stand-in for Ollama answers in the shapes that were recorded from the real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.standins.ollama import OllamaStandIn, calls

RECORDED = Path(__file__).parents[1] / "recordings" / "ollama"


@pytest.fixture
def server() -> Iterator[OllamaStandIn]:
    with OllamaStandIn() as server:
        yield server


def shape(value: Any) -> Any:
    """Keys and types, without the values; a list is as its first element."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value[:1]]
    return type(value).__name__


def recorded(name: str) -> Any:
    return json.loads((RECORDED / name).read_text())


@pytest.mark.parametrize(("path", "name"), [("tags", "tags"), ("ps", "ps"), ("version", "version")])
def test_pages_have_the_recorded_shape(server: OllamaStandIn, path: str, name: str) -> None:
    assert shape(httpx.get(f"{server.url}/api/{path}").json()) == shape(recorded(f"{name}.json"))


def test_show_has_the_recorded_keys(server: OllamaStandIn) -> None:
    answer = httpx.post(f"{server.url}/api/show", json={"model": "tiny"}).json()
    assert answer.keys() == recorded("show.json").keys()
    assert set(answer["model_info"]) <= set(recorded("show.json")["model_info"])


def test_a_stream_has_the_recorded_lines(server: OllamaStandIn) -> None:
    body = {"model": "tiny", "messages": [{"role": "user", "content": "hello there"}]}
    answer = httpx.post(f"{server.url}/api/chat", json=body)
    real = [json.loads(line) for line in (RECORDED / "chat_stream.ndjson").read_text().splitlines()]
    ours = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert shape(ours[0]) == shape(real[0])
    assert shape(ours[-1]) == shape(real[-1])


def test_a_whole_answer_has_the_recorded_shape(server: OllamaStandIn) -> None:
    body = {"model": "tiny", "messages": [], "stream": False}
    assert shape(httpx.post(f"{server.url}/api/chat", json=body).json()) == shape(recorded("chat_format.json"))


def test_a_missing_model_is_the_recorded_404(server: OllamaStandIn) -> None:
    answer = httpx.post(f"{server.url}/api/chat", json={"model": "nope", "messages": []})
    assert answer.status_code == 404
    assert answer.json() == recorded("e404.json")


def test_calls_of_tools_have_the_recorded_shape_whole_or_streamed() -> None:
    wanted = ("write_file", {"path": "hello.txt", "content": "hello world"})
    tools = [{"type": "function", "function": {"name": "write_file", "parameters": {"type": "object"}}}]
    body = {"model": "tiny", "messages": [{"role": "user", "content": "hello"}], "tools": tools}
    with OllamaStandIn([calls(wanted, done_reason="length")] * 2) as server:
        streamed = httpx.post(f"{server.url}/api/chat", json=body).text
        whole = httpx.post(f"{server.url}/api/chat", json={**body, "stream": False}).json()
    real = [json.loads(line) for line in (RECORDED / "chat_tools_stream_true.json").read_text().splitlines()]
    ours = [json.loads(line) for line in streamed.splitlines()]
    assert [shape(line) for line in ours] == [shape(line) for line in real]
    assert ours[0]["message"]["tool_calls"][0]["function"] == real[0]["message"]["tool_calls"][0]["function"]
    assert ours[-1]["done_reason"] == real[-1]["done_reason"] == "length"
    assert shape(whole) == shape(recorded("chat_tools_stream_false.json"))


def test_history_in_another_servers_form_is_refused() -> None:
    call = {"function": {"name": "write_file", "arguments": '{"path": "a"}'}}
    messages = [{"role": "assistant", "content": "", "tool_calls": [call]}]
    with OllamaStandIn() as server:
        answer = httpx.post(f"{server.url}/api/chat", json={"model": "tiny", "messages": messages})
    assert answer.status_code == 400
    assert shape(answer.json()) == shape(recorded("e400.json"))
