"""Is a host there? Asked over real sockets, and of this machine."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml

from reconciler.execute.backends import PERSON, offers, probe
from reconciler.model.spec import Host
from tests.standins.llama import LlamaStandIn
from tests.standins.ollama import OllamaStandIn


def host(kind: str, url: str | None = None, *command: str) -> Host:
    return Host(name="anvil", kind=kind, url=url, command=command)


def test_ollama_tells_which_models_it_has() -> None:
    with OllamaStandIn(models=("tiny:latest", "qwen3:8b")) as server:
        seen = probe(host("ollama", server.url))
        assert seen.reachable
        assert seen.models == {"tiny", "tiny:latest", "qwen3:8b"}
    gone = probe(host("ollama", server.url))
    assert not gone.reachable
    assert server.url in gone.message


def test_llama_cpps_server_is_there_when_its_model_is_loaded() -> None:
    with LlamaStandIn() as server:
        assert probe(host("llama-server", server.url)).reachable
    with LlamaStandIn(loading=True) as server:
        seen = probe(host("llama-server", server.url))
    assert not seen.reachable
    assert "still loading" in seen.message


@pytest.mark.parametrize("kind", ["ollama", "llama-server"])
def test_something_else_at_the_address_is_told_quickly(kind: str) -> None:
    with OllamaStandIn() as server:
        begin = time.monotonic()
        seen = probe(host(kind, f"{server.url}/elsewhere"))
    assert not seen.reachable
    assert time.monotonic() - begin < 2


def test_a_program_is_there_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert probe(host("command", None, "cat")).reachable
    assert "no command is named" in probe(host("command")).message
    assert "no-such-program" in probe(host("command", None, "no-such-program")).message
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    seen = probe(host("claude-cli"))
    assert not seen.reachable
    assert "claude" in seen.message


def test_a_host_of_a_kind_that_nobody_knows_is_not_there() -> None:
    seen = probe(host("oracle"))
    assert (seen.reachable, "nothing here can talk to" in seen.message) == (False, True)


FLEETS = sorted((Path(__file__).parents[2] / "examples/fleets").glob("*.yaml"))


@pytest.mark.parametrize("path", FLEETS, ids=lambda path: path.stem)
def test_the_examples_name_backends_that_are_there_and_kinds_that_can_be_asked(path: Path) -> None:
    spec = yaml.safe_load(path.read_text())["spec"]
    named = {link["backend"] for tier in spec["tiers"] for link in tier["chain"]}
    assert named <= {*offers(), PERSON}
    for kind in {item["kind"] for item in spec["hosts"]}:
        assert "nothing here can talk to" not in probe(host(kind, "http://127.0.0.1:1")).message
