"""Names that nothing has are faults of the document that names them, in full and fast alike."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from reconciler.desired.read import read_file
from reconciler.execute import backends
from reconciler.execute.agent import commands, files, finish, knowledge, looking, proposals
from reconciler.execute.backends import probes
from reconciler.execute.backends.port import ToolSpec
from reconciler.kinds import check, names
from reconciler.kinds.rules import Place
from reconciler.model.spec import BlueprintPhase
from reconciler.model.spec.machinery import BACKENDS, HOST_KEYS, HOST_KINDS, MODEL_BACKENDS
from reconciler.model.tools import TOOLS
from tests.kinds.samples import manifest

HOSTS = [
    {"name": "anvil", "kind": "ollama", "models": [{"name": "small"}, {"name": "large"}]},
    {"name": "forge", "kind": "ollama", "models": [{"name": "small"}]},
]


def fleet(**link: Any) -> dict[str, Any]:
    return {"hosts": HOSTS, "tiers": [{"tier": 1, "chain": [{"backend": "ollama-tool", **link}]}]}


LINK: Place = ("spec", "tiers", 0, "chain", 0)


@pytest.mark.parametrize(
    ("kind", "spec", "place", "words"),
    [
        ("Fleet", fleet(backend="ollama"), (*LINK, "backend"), "there is no backend"),
        (
            "Fleet",
            {"hosts": [{"name": "a", "kind": "olama"}]},
            ("spec", "hosts", 0, "kind"),
            "there is no kind of host",
        ),
        ("Fleet", fleet(backend="claude-cli", hosts=["anvil"]), (*LINK, "backend"), "say ollama-tool or ollama-simple"),
        ("Fleet", fleet(backend="human-queue", hosts=["anvil"]), (*LINK, "backend"), "cannot talk to host anvil"),
        ("Fleet", fleet(hosts=["anvil", "forg"]), (*LINK, "hosts", 1), "the Fleet has no host"),
        ("Fleet", fleet(model="large", hosts=["anvil", "forge"]), (*LINK, "model"), "host forge does not list"),
        ("Company", {"title": "x", "tools": ["search", "serch"]}, ("spec", "tools", 1), "there is no tool"),
        ("Agent", {"tools": ["write"]}, ("spec", "tools", 0), "there is no tool"),
        ("Agent", {"tools": ["Bash"]}, ("spec", "tools", 0), "write run_command"),
    ],
)
def test_a_name_that_nothing_has_is_a_fault_where_it_stands(
    kind: str, spec: dict[str, Any], place: Place, words: str
) -> None:
    document = manifest(kind, "x", spec)
    [found] = names.faults(kind, document)
    assert found.place == place
    assert words in found.message
    assert not check.fast(kind, document)
    assert [complaint.place for complaint in check.full(kind, document)] == [place]


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("Fleet", fleet(model="small", hosts=["anvil", "forge"])),
        ("Fleet", fleet(backend="human-queue")),
        ("Company", {"title": "x", "tools": ["mcp__db__read", "mcp__db", "mcp__web__g*", "*_file", "knowledge"]}),
    ],
)
def test_names_that_something_has_are_right(kind: str, spec: dict[str, Any]) -> None:
    document = manifest(kind, "x", spec)
    assert check.fast(kind, document)
    assert check.full(kind, document) == []


@pytest.mark.parametrize("light", [True, False])
def test_a_misspelt_name_is_told_with_its_place_and_the_nearest_right_one(light: bool) -> None:
    text = (
        "apiVersion: alai.dev/v1\nkind: Fleet\nmetadata: {name: default}\nspec:\n"
        "  hosts: [{name: anvil, kind: ollama, models: [{name: small}]}]\n  tiers:\n    - tier: 1\n      chain:\n"
        "        - {backend: olama-tool, model: smal, hosts: [anvil, anvl]}\n"
    )
    record = read_file("manifests/fleet.yaml", "b", text.encode(), light=light)
    lines = [str(problem).removeprefix("manifests/fleet.yaml:") for problem in record.problems]
    assert [line.partition(" ")[0] for line in lines] == ["9:21:", "9:61:", "9:40:"]
    near = [line.rpartition("; ")[2] for line in lines]
    assert near == [f'did you mean "{name}"?' for name in ("ollama-tool", "anvil", "small")]


def test_the_backends_that_a_fleet_may_name_are_those_that_can_be_opened() -> None:
    assert set(MODEL_BACKENDS) == set(backends._WAYS)  # pyright: ignore[reportPrivateUsage]
    assert set(BACKENDS) == {*MODEL_BACKENDS, backends.PERSON}


def test_each_backend_talks_to_hosts_of_one_kind_and_each_kind_can_be_asked() -> None:
    assert sorted(name for fitting in HOST_KINDS.values() for name in fitting) == sorted(MODEL_BACKENDS)
    assert set(HOST_KINDS) == set(probes._KINDS)  # pyright: ignore[reportPrivateUsage]
    assert {kind for kinds in HOST_KEYS.values() for kind in kinds} < set(HOST_KINDS)


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ({"kind": "ollama", "command": ["x"]}, "command"),
        ({"kind": "ollama", "mounts": ["/opt"]}, "mounts"),
        ({"kind": "claude-cli", "egress": ["example.org:443"]}, "egress"),
        ({"kind": "claude-cli", "mounts": []}, "mounts"),
        ({"kind": "embedded", "url": "http://127.0.0.1:1"}, "url"),
    ],
)
def test_a_key_that_means_nothing_to_a_hosts_kind_is_a_fault_at_that_key(host: dict[str, Any], key: str) -> None:
    document = manifest("Fleet", "x", {"hosts": [{"name": "a", **host}]})
    assert not check.fast("Fleet", document)
    [found] = check.full("Fleet", document)
    assert (found.place, f"`{key}` means nothing" in found.message) == (("spec", "hosts", 0, key), True)


@pytest.mark.parametrize("host", [{}, {"command": []}])
def test_a_host_that_is_a_program_names_it(host: dict[str, Any]) -> None:
    document = manifest("Fleet", "x", {"hosts": [{"name": "a", "kind": "command", **host}]})
    [found] = check.full("Fleet", document)
    assert "needs `command`" in found.message


@pytest.mark.parametrize(
    ("kind", "spec", "place"),
    [
        ("Agent", {"tools": None}, ("spec", "tools")),
        ("Company", {"title": "x", "tools": None}, ("spec", "tools")),
        ("Goal", {"title": "x", "budget": {"usd": None}}, ("spec", "budget", "usd")),
        ("Policy", {"quality": None}, ("spec", "quality")),
        (
            "Task",
            {"title": "x", "acceptance": [{"id": "a", "text": "b", "check": None}]},
            ("spec", "acceptance", 0, "check"),
        ),
    ],
)
def test_a_key_with_nothing_behind_it_is_refused_and_never_taken_for_a_missing_one(
    kind: str, spec: dict[str, Any], place: Place
) -> None:
    document = manifest(kind, "x", spec)
    assert not check.fast(kind, document)
    [found] = check.full(kind, document)
    assert (found.place, "has no value" in found.message) == (place, True)


def test_the_tools_that_an_agent_may_name_are_those_that_are_there() -> None:
    modules = (commands, files, knowledge, looking, proposals)
    there = {item.name for module in modules for item in vars(module).values() if isinstance(item, ToolSpec)}
    seat: Any = SimpleNamespace(phase=BlueprintPhase(name="p"))
    assert there | {spec.name for spec in finish.Finishing(seat).specs} == set(TOOLS)
