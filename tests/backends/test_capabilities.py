"""Finding out what models can do: against servers that speak the real protocols, and models that lie about it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.execute.backends import BackendError
from reconciler.execute.backends.capabilities import probe_model
from reconciler.execute.backends.found import Found, FoundModels
from reconciler.execute.backends.look import look
from reconciler.model.spec import Host, HostModel
from reconciler.model.vocabulary import Reason
from tests.standins.llama import LlamaStandIn
from tests.standins.ollama import OllamaStandIn
from tests.standins.script import Reply, StandIn, calls, fails, says

MODEL = HostModel(name="tiny", num_ctx=4096)


def able(body: dict[str, Any]) -> Reply | str:
    """A model that can do all of it."""
    if body.get("tools"):
        return calls(("note_word", {"word": "ready"}))
    return '{"colour": "green"}' if body.get("format") or body.get("response_format") else "Green."


def talker(body: dict[str, Any]) -> Reply | str:
    """A model that talks instead of calling, and knows no schema."""
    return "Of course! I would call note_word now."


def host(server: StandIn) -> Host:
    kind = "ollama" if isinstance(server, OllamaStandIn) else "llama-server"
    return Host(name="anvil", kind=kind, url=server.url, models=(MODEL,))


def tried(server: StandIn, found: FoundModels | None = None) -> Found:
    known = found.same if found else lambda digest, version: None
    return asyncio.run(probe_model(host(server), MODEL, known))


@pytest.mark.parametrize("kind", [OllamaStandIn, LlamaStandIn])
def test_a_model_offers_what_it_did_in_one_call_each(kind: type[StandIn]) -> None:
    with kind(able) as server:
        found = tried(server)
    assert found.offers == ("text", "schema", "tools")
    assert found.notes == ()
    assert found.context in (4096, 32768)
    assert len(server.requests) == 3
    assert not any(
        body.get("tools") and (body.get("format") or body.get("response_format")) for body in server.requests
    )


def test_ollamas_word_for_it_is_kept_but_not_believed() -> None:
    with OllamaStandIn(talker) as server:
        found = tried(server)
    assert found.claims == ("completion", "tools")
    assert found.offers == ("text",)
    assert [note.partition(":")[0] for note in found.notes] == ["schema", "tools"]


def test_a_model_without_tools_is_not_asked_twice_and_one_that_stumbles_once_is() -> None:
    with OllamaStandIn(able, capabilities=("completion",)) as server:
        assert tried(server).offers == ("text", "schema")
    stumbled: list[int] = []

    def stumbles(body: dict[str, Any]) -> Reply | str:
        if body.get("tools") and not stumbled:
            stumbled.append(1)
            return fails("error parsing tool call: raw='{'")
        return able(body)

    with OllamaStandIn(stumbles) as server:
        assert "tools" in tried(server).offers


def test_a_window_smaller_than_the_fleet_says_is_told() -> None:
    with LlamaStandIn(able, context=2048) as server:
        assert "2048 tokens" in tried(server).notes[-1]


def test_what_was_found_is_kept_by_digest_and_served_to_other_hosts(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "models.json"
    with OllamaStandIn(able) as server:
        kept = FoundModels(path)
        kept.keep("anvil", "tiny", tried(server, kept))
        asked = len(server.requests)
        again = tried(server, FoundModels(path))
        assert len(server.requests) == asked, "the same weights under the same server are not tried again"
    FoundModels(path).keep("forge", "tiny", again)
    assert FoundModels(path).offers() == {
        (name, "tiny"): frozenset({"text", "schema", "tools"}) for name in ("anvil", "forge")
    }
    assert list(json.loads(path.read_text())["models"]) == [again.digest]
    assert [item.name for item in path.parent.iterdir()] == ["models.json"]
    path.write_text("{broken")
    assert FoundModels(path).offers() == {}


def test_a_model_or_host_that_is_not_there_is_an_error_and_not_a_finding() -> None:
    with OllamaStandIn(able, models=("other:latest",)) as server, pytest.raises(BackendError) as caught:
        tried(server)
    assert caught.value.reason is Reason.MODEL_MISSING
    with pytest.raises(BackendError) as caught:
        tried(server)
    assert caught.value.reason is Reason.HOST_UNREACHABLE
    with OllamaStandIn([fails("out of memory")]) as server, pytest.raises(BackendError) as caught:
        tried(server)
    assert caught.value.reason is Reason.BACKEND_ERROR


def test_a_look_shows_what_is_loaded_and_which_slots_are_busy() -> None:
    with OllamaStandIn() as server:
        seen = look(host(server))
        assert (seen.version, seen.slots) == ("0.0.0", None)
        [loaded] = seen.loaded
        assert (loaded.name, loaded.size, loaded.context) == ("tiny:latest", 287781682, 4096)
        assert loaded.expires
    with LlamaStandIn([says("hm", stall=True)], slots=2) as server:
        seen = look(host(server))
        assert (seen.slots, seen.version) == ((0, 2), "b0-standin")
        assert seen.loaded[0].context == 4096
    seen = look(host(server))
    assert not seen.probe.reachable
    assert server.url in seen.probe.message
