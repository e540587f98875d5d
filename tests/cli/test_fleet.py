"""`alai-reconcile fleet`: real servers on loopback, a host that is not there, and what planning makes of a trial."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from reconciler.controller.factory import Factory
from reconciler.execute.sandbox import Sandbox
from reconciler.model.execution import Execution
from tests.backends.test_capabilities import able, talker
from tests.e2e.factory import TinyFactory
from tests.standins.llama import LlamaStandIn
from tests.standins.ollama import OllamaStandIn

FLEET = """\
apiVersion: alai.dev/v1
kind: Fleet
metadata: {{name: default}}
spec:
  hosts:
    - name: anvil
      kind: ollama
      url: {anvil}
      capacity: 2
      memory: 96GiB
      models:
        - {{name: tiny, numCtx: 4096, offers: [text, schema, tools], memory: 1GiB}}
        - {{name: "absent:32b", offers: [text, schema]}}
    - {{name: forge, kind: llama-server, url: "{forge}", models: [{{name: kimi, offers: [text, schema, tools]}}]}}
    - {{name: gone, kind: ollama, url: "http://127.0.0.1:1", models: [{{name: tiny}}]}}
  tiers:
    - tier: 1
      chain:
        - {{backend: ollama-tool, model: tiny, hosts: [anvil, gone]}}
        - {{backend: ollama-simple, model: tiny, hosts: [anvil]}}
        - {{backend: llama-tool, model: kimi, hosts: [forge]}}
    - {{tier: 5, title: A person, chain: [{{backend: human-queue}}]}}
"""


@pytest.fixture
def anvil() -> Iterator[OllamaStandIn]:
    with OllamaStandIn(able) as server:
        yield server


@pytest.fixture
def fleet(factory: TinyFactory, anvil: OllamaStandIn) -> Iterator[TinyFactory]:
    with LlamaStandIn(talker, slots=2, models=("kimi",)) as forge:
        factory.write("manifests/fleet.yaml", FLEET.format(anvil=anvil.url, forge=forge.url))
        factory.commit("Reach three hosts")
        yield factory


def hosts(factory: TinyFactory, *options: str) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in factory.json("fleet", *options)["hosts"]}


def test_a_host_shows_health_loaded_models_slots_and_memory(fleet: TinyFactory) -> None:
    rows = hosts(fleet)
    assert {name: row["health"] for name, row in rows.items()} == {
        "anvil": "ok",
        "forge": "ok",
        "gone": "unreachable",
    }
    assert "127.0.0.1:1" in rows["gone"]["message"]
    [loaded] = rows["anvil"]["loaded"]
    assert (loaded["name"], loaded["context"]) == ("tiny:latest", 4096)
    assert loaded["expires_at"]
    assert rows["anvil"]["memory"] == {"bytes": 96 * 2**30, "loaded": 287781682}
    assert rows["forge"]["server_slots"] == {"busy": 0, "all": 2}
    assert [model["missing"] for model in rows["anvil"]["models"]] == [False, True]
    assert [model["num_ctx"] for model in rows["anvil"]["models"]] == [4096, 8192]


def test_the_screen_is_readable_and_an_unreachable_host_is_a_line_and_no_error(fleet: TinyFactory) -> None:
    said = fleet.ok("fleet")
    assert "anvil  ollama        ok           0 of 2" in said
    assert "0.3 GiB of 96.0 GiB" in said
    assert "the host does not have it" in said
    assert "tier 1: anvil, then gone (unreachable), then forge" in said
    assert "tier 5: a person" in said


def test_the_sandbox_of_this_machine_is_shown_with_what_is_missing(fleet: TinyFactory) -> None:
    found = Sandbox.detect()
    assert found
    shown = fleet.json("fleet")["sandbox"]
    assert (shown["name"], shown["missing"]) == (found.name, list(found.missing))
    assert f"Sandbox\n{found.name}\n" in fleet.ok("fleet")
    less = msgspec.structs.replace(found, landlock=0, cgroup="")
    assert [line.partition(":")[0] for line in less.missing] == ["no Landlock", "no control group"]
    assert msgspec.structs.replace(found, landlock=7, cgroup="cgroup v2").missing == ()


def test_what_runs_takes_slots_and_what_waits_for_one_is_in_the_queue(fleet: TinyFactory) -> None:
    for name in ("one", "two", "three", "four", "five", "six"):
        fleet.task(name, f"Write thing {name}")
    fleet.commit("Ask for more than three hosts have slots for")
    assert hosts(fleet)["anvil"]["taken"] == 0
    store = Factory.open(fleet.root).store
    running = Execution(
        id="six.1.000000000000",
        task="six",
        goal=None,
        generation=store.view_all().tasks["six"].object.generation,
        stage="BUILD",
        attempt=1,
        company="works",
        blueprint="build",
        tier=1,
        backend="ollama-tool",
        model=None,
        host="anvil",
        priority=1,
        created_at=0.0,
    )
    store.intend([running])
    row = hosts(fleet)["anvil"]
    assert (row["taken"], row["capacity"]) == (1, 2)
    assert row["running"] == [{"task": "six", "stage": "BUILD", "model": None}]
    store.intend([msgspec.structs.replace(running, id="five.1.000000000000", task="five")])
    assert "anvil: not tried: all of its slots are taken" in fleet.cli("fleet", "--probe").stderr
    assert row["queue"] == ["three", "two"], "one more goes to each of anvil, gone and forge; in the order of names"


def test_a_trial_finds_what_models_do_remembers_it_and_diff_plans_with_it(
    fleet: TinyFactory, anvil: OllamaStandIn
) -> None:
    fleet.task("prose", "Write prose")
    fleet.commit("Ask for work with tools")
    done = fleet.cli("fleet", "--probe")
    assert done.returncode == 0
    assert "anvil: tiny: offers text, schema, tools" in done.stderr
    assert 'anvil: absent:32b: not tried: model "absent:32b" is not on host anvil' in done.stderr
    assert "forge: kimi: offers text: schema: its answer does not keep to the schema; tools: it answered" in done.stderr
    rows = hosts(fleet)
    assert rows["anvil"]["models"][0]["probed"]["offers"] == ["text", "schema", "tools"]
    assert rows["forge"]["models"][0]["probed"]["offers"] == ["text"]
    assert rows["gone"]["models"][0]["probed"] is None
    assert json.loads((fleet.root / "state/cache/models.json").read_text())["models"]
    asked = len(anvil.requests)
    assert fleet.json("fleet", "--probe")["trials"][0]["cached"] is True
    fleet.json("diff", code=2)
    assert len(anvil.requests) == asked, "neither a second trial nor a plan asks a model"


def test_a_plan_knows_without_asking_that_a_model_was_found_to_have_no_tools(
    fleet: TinyFactory, anvil: OllamaStandIn
) -> None:
    fleet.task("prose", "Write prose")
    fleet.commit("Ask for work with tools")
    assert [change["action"] for change in fleet.json("diff", code=2)["changes"]] == ["dispatch"]
    anvil.answer = talker
    fleet.json("fleet", "--probe")
    asked = len(anvil.asked)
    [held] = fleet.json("diff")["held"]
    assert held["reason"] == "CapabilityMissing"
    assert "ollama-tool/tiny at anvil does not offer tools" in held["message"]
    assert len(anvil.asked) == asked


def test_a_model_that_can_do_more_than_the_fleet_says_is_told_with_the_way_out(
    fleet: TinyFactory, anvil: OllamaStandIn
) -> None:
    fleet.edit("manifests/fleet.yaml", "numCtx: 4096, offers: [text, schema, tools]", "numCtx: 4096")
    fleet.edit("manifests/fleet.yaml", "{backend: llama-tool, model: kimi, hosts: [forge]}", "{backend: human-queue}")
    fleet.task("prose", "Write prose")
    fleet.commit("Ask for work with tools")
    [held] = fleet.json("diff")["held"]
    assert "`fleet --probe` finds out" in held["message"]
    fleet.json("fleet", "--probe")
    [held] = fleet.json("diff")["held"]
    assert "a trial found that it does: name it in the model's `offers`" in held["message"]


def test_no_host_writes_to_the_terminal(fleet: TinyFactory, anvil: OllamaStandIn) -> None:
    anvil.models = ("tiny:latest", "\x1b]0;mine\x07")
    assert "\x1b" not in fleet.ok("fleet")
