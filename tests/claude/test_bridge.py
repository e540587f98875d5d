"""The socket between the tool server that the program starts and the worker that has the tools."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from reconciler.execute.mcp.bridge import Bridge
from reconciler.execute.patience import Patience
from reconciler.model.spec import CallLimits
from reconciler.model.vocabulary import Reason
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


def test_arguments_are_fitted_to_the_tools_schema_before_the_tool_sees_them(tmp_path: Path) -> None:
    loose = {"do": "call", "name": "write_file", "arguments": {"Path": "a.json", "content": {"a": 1}}}
    short = {"do": "call", "name": "write_file", "arguments": {"path": "b.txt"}}
    done, missing = talk(tmp_path, Folder(tmp_path), Kept(), loose, short)
    assert done["ok"]
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": 1}
    assert not missing["ok"]
    assert "`content` is missing" in missing["text"]


def test_while_a_tool_is_at_work_silence_is_no_reason_to_give_up(tmp_path: Path) -> None:
    async def scene() -> tuple[bool, bool, bool]:
        patience = Patience(CallLimits(first="5s", silence="100ms", wall="5s"))
        async with Bridge(tmp_path / "tools", Folder(tmp_path, pause=0.4), Kept()) as bridge:
            call = {"secret": bridge.secret, "do": "call", "name": "finish", "arguments": {}}
            asking = asyncio.ensure_future(ask(tmp_path / "tools", call))
            patience.heard()
            await asyncio.sleep(0.3)
            during = patience.over(bridge.pulse()) is None and patience.over() is not None
            await asking
            just_after = patience.over(bridge.pulse()) is None
            await asyncio.sleep(0.15)
            return during, just_after, patience.over(bridge.pulse()) == (Reason.STALLED, "fell silent for 0.1 s")

    assert asyncio.run(scene()) == (True, True, True)
