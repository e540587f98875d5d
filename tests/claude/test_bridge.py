"""The socket between the tool server that the program starts and the worker that has the tools."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from reconciler.execute.mcp.bridge import Bridge
from tests.claude.conftest import Folder, Kept


async def ask(socket: Path, *requests: object) -> list[dict[str, Any]]:
    reader, writer = await asyncio.open_unix_connection(str(socket))
    answers: list[dict[str, Any]] = []
    for request in requests:
        writer.write((request if isinstance(request, bytes) else json.dumps(request).encode()) + b"\n")
        answers.append(json.loads(await asyncio.wait_for(reader.readline(), 5)))
    writer.close()
    return answers


def talk(tmp_path: Path, tools: Folder, journal: Kept, *requests: Any) -> list[dict[str, Any]]:
    async def scene() -> list[dict[str, Any]]:
        async with Bridge(tmp_path / "tools", tools, journal) as bridge:
            with_secret = [
                {"secret": bridge.secret, **request} if isinstance(request, dict) else request for request in requests
            ]
            return await ask(tmp_path / "tools", *with_secret)

    return asyncio.run(scene())


def test_whoever_knows_the_secret_may_list_and_call(tmp_path: Path) -> None:
    journal = Kept()
    tools = Folder(tmp_path)
    call = {"do": "call", "name": "write_file", "arguments": {"path": "a.txt", "content": "hi"}}
    listed, done, bad = talk(tmp_path, tools, journal, {"do": "list"}, call, {"do": "fly"})
    assert [tool["name"] for tool in listed["tools"]] == ["write_file", "finish"]
    assert done == {"text": "written", "ok": True}
    assert "error" in bad
    assert (tmp_path / "a.txt").read_text() == "hi"
    assert [event for event, _ in journal.events] == ["tool"]


def test_without_the_secret_nothing_is_done_and_it_is_heard_of(tmp_path: Path) -> None:
    journal = Kept()
    tools = Folder(tmp_path)
    wrong = json.dumps({"secret": "guess", "do": "call", "name": "finish", "arguments": {}}).encode()
    assert talk(tmp_path, tools, journal, wrong) == [{"error": "not allowed"}]
    assert tools.finished is None
    assert [event for event, _ in journal.events] == ["tools refused"]


def test_what_is_no_request_is_answered_so(tmp_path: Path) -> None:
    answers = talk(tmp_path, Folder(tmp_path), Kept(), b"{", b"[]", b'{"secret": 1, "do": "list"}', {"do": "list"})
    assert ["error" in answer for answer in answers] == [True, True, True, False]


def test_a_refusal_is_no_success(tmp_path: Path) -> None:
    call = {"do": "call", "name": "write_file", "arguments": {"path": "../a", "content": ""}}
    (answer,) = talk(tmp_path, Folder(tmp_path), Kept(), call)
    assert answer == {"text": "outside of the product", "ok": False}
