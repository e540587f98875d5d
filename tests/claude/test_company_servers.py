"""A company's tool servers: started in the sandbox, filtered, and no end of anything where they fail."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from reconciler.execute.agent.toolbox import open_tools
from reconciler.execute.enclosure import python
from reconciler.execute.mcp.schema import flat
from reconciler.execute.redact import Redactor, forced
from reconciler.execute.sandbox import Sandbox
from reconciler.execute.work import Work
from reconciler.model.job import McpBrief
from reconciler.model.spec import BlueprintPhase, Outside, PolicySpec
from tests.execute.conftest import Make

SERVER = Path(__file__).parents[1] / "standins" / "mcp_server.py"


def server(name: str, *command: str, **more: Any) -> McpBrief:
    given: dict[str, Any] = {"env": {}, "tools": None, "network": False, "sha256": "0" * 64, **more}
    return McpBrief(name=name, command=command, **given)


def work(brief: Make, tmp_path: Path, *servers: McpBrief) -> Work:
    (tmp_path / "run").mkdir()
    (tmp_path / "work").mkdir()
    sandbox = Sandbox.detect()
    assert sandbox is not None
    policy = PolicySpec(outside=Outside(environment=("COMPANY_KEY",)))
    return Work(
        brief=brief(mcp=servers, policy=policy),
        root=tmp_path / "work",
        run_dir=tmp_path / "run",
        sandbox=sandbox,
    )


PHASE = BlueprintPhase(name="build", role="builder")


def test_tools_of_servers_are_offered_behind_ours_and_those_that_do_not_start_are_noted(
    brief: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPANY_KEY", "company-key-0123456789")
    monkeypatch.setenv("UNRELATED_TOKEN", "this-must-stay-outside")
    argv, _, variables = python("mcp")
    docs = server(
        "docs",
        *argv,
        str(SERVER),
        env={**variables, "COMPANY_KEY": "${COMPANY_KEY}"},
        tools=("look_*",),
    )
    done = work(
        brief,
        tmp_path,
        docs,
        server("gone", "no-such-server"),
        server("dies", sys.executable, "-c", "import sys; sys.exit('no licence')"),
        server("nosy", sys.executable, env={"KEY": "${HOME}"}),
    )

    async def scene() -> dict[str, str]:
        async with open_tools(done, PHASE) as tools:
            offered = {spec.name: spec for spec in tools.specs}
            assert [name for name in offered if name.startswith("mcp__")] == [
                "mcp__docs__look_up", "mcp__docs__look_around", "mcp__docs__look_broken",
            ]  # fmt: skip
            assert "write_file" in offered
            assert offered["mcp__docs__look_up"].description == "look_up something"
            assert offered["mcp__docs__look_up"].parameters["properties"] == {"host": {"type": "string"}}
            names = ("look_around", "look_up", "delete_all", "look_broken")
            results = {name: await tools.call(f"mcp__docs__{name}", {}) for name in names}
            assert [results[name].ok for name in names] == [True, True, False, False]
            return {name: result.text for name, result in results.items()}

    with forced(Redactor.of()):
        said = asyncio.run(scene())
    # the key reached it, and what it said of the key did not reach the agent; nothing else of this machine did
    assert said["look_around"].startswith("{'home': [], 'key': '[redacted]', 'leaked': None}")
    assert said["look_around"].endswith('{"left out": "image"}')
    assert said["look_up"].startswith("OSError")
    assert said["delete_all"].startswith("there is no tool")
    assert said["look_broken"].startswith("mcp__docs__look_broken failed: ")
    notes = {entry["mcp"]: entry["note"] for entry in done.transcript if "mcp" in entry}
    assert notes == {
        "gone": "not there: there is no program no-such-server on this machine",
        "dies": "not there: no licence",
        "nosy": "not there: the Policy does not let it have the variable HOME",
    }


def test_a_strangers_schema_is_made_flat() -> None:
    schema = {
        "$defs": {"Place": {"type": "object", "properties": {"deep": {"$ref": "#/$defs/Place"}}, "title": "Place"}},
        "properties": {
            "at": {"$ref": "#/$defs/Place", "description": "where"},
            "when": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
            "either": {"anyOf": [{"type": "integer"}, {"type": "string"}], "description": "which"},
            "all": {"type": "array", "items": {"$ref": "#/$defs/Nowhere"}},
            "odd": True,
        },
    }
    found = flat(schema)
    assert found["type"] == "object"
    assert found["properties"]["when"] == {"type": "integer"}
    assert found["properties"]["either"] == {"description": "which"}
    assert found["properties"]["all"] == {"type": "array", "items": {}}
    assert found["properties"]["odd"] == {}
    assert found["properties"]["at"]["description"] == "where"
    assert "$" not in str(found)
    assert flat({}) == {"type": "object", "properties": {}}


def test_a_server_that_floods_is_ended_and_holds_up_nobody(
    brief: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "somebody")
    argv, _, variables = python()
    flood = server("wild", *argv, str(SERVER.with_name("mcp_flood.py")), env=variables)
    done = work(brief, tmp_path, flood)

    async def scene() -> dict[str, str]:
        async with open_tools(done, PHASE) as tools:
            began = time.process_time()
            said = {}
            for name in ("noise", "deep", "shown", "flood", "shown"):
                said[name, len(said)] = (await tools.call(f"mcp__wild__{name}", {})).text
            assert time.process_time() - began < 5
            return {f"{name} {at}": told for (name, at), told in said.items()}

    said = asyncio.run(scene())
    assert said["noise 0"] == said["deep 1"] == "done"
    assert "somebody" not in said["shown 2"].split()
    ended = "mcp__wild__flood failed: it was ended: said a line of more than 4 MiB"
    assert said["flood 3"] == ended
    assert said["shown 4"] == ended.replace("flood", "shown")


def test_a_server_that_floods_before_it_is_asked_is_noted(brief: Make, tmp_path: Path) -> None:
    done = work(brief, tmp_path, server("wild", sys.executable, "-c", "while True: print('x' * 65536, end='')"))

    async def scene() -> None:
        async with open_tools(done, PHASE):
            pass

    asyncio.run(scene())
    notes = [entry["note"] for entry in done.transcript if "mcp" in entry]
    assert notes == ["not there: it was ended: said a line of more than 4 MiB"]
