"""Which host gets what: the order of a link's hosts, slots and memory."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.size import size
from reconciler.model.spec import FleetSpec, Host, HostModel, Link, Tier
from reconciler.model.view import TaskState, World
from reconciler.model.vocabulary import Action, Reason
from reconciler.plan.invariants import faults
from reconciler.plan.placement import NO_SLOT, Slots
from reconciler.plan.planner import plan
from reconciler.plan.routing import route
from tests.plan.scenes import NOW, config, live, task, view

MODELS = ("small", "large", "huge")


def fleet(capacities: tuple[int, int], room: str | None, takes: tuple[str, str, str]) -> FleetSpec:
    models = tuple(HostModel(name=name, memory=memory) for name, memory in zip(MODELS, takes, strict=True))
    return FleetSpec(
        hosts=tuple(
            Host(name=name, kind="ollama", capacity=capacity, memory=room, models=models)
            for name, capacity in zip(("anvil", "forge"), capacities, strict=True)
        ),
        tiers=tuple(
            Tier(tier=at, chain=(Link(backend="x", model=name, hosts=("anvil", "forge")),))
            for at, name in enumerate(MODELS, 1)
        ),
    )


def asked(number: int, tier: int) -> TaskState:
    return task(f"t{number:02}", complexity=tier, blueprint="writing")


def test_hosts_are_filled_in_the_order_of_the_link() -> None:
    rules = config(fleet=fleet((2, 4), None, ("1GiB", "1GiB", "1GiB")))
    tasks = [asked(number, 1) for number in range(8)]
    made = plan(view(tasks, settings=rules), NOW)
    assert [item.host for item in made.dispatch] == ["anvil"] * 2 + ["forge"] * 4
    waiting = [item for item in made.changes if item.action is Action.WAIT]
    assert {item.reason for item in waiting} == {Reason.CAPACITY_FULL}
    assert waiting[0].message == "anvil has 2 of 2 slots taken, forge has 4 of 4 slots taken"
    away = plan(view(tasks, settings=rules), NOW, World(unreachable={"anvil": "off"}))
    assert {item.host for item in away.dispatch} == {"forge"}


def test_a_model_that_does_not_fit_beside_those_at_work_goes_to_the_next_host_or_waits() -> None:
    rules = config(fleet=fleet((4, 1), "24GiB", ("5GiB", "20GiB", "30GiB")))
    made = plan(view([asked(1, 2), asked(2, 1), asked(3, 2), asked(4, 1)], settings=rules), NOW)
    assert [(item.model, item.host) for item in made.dispatch] == [
        ("large", "anvil"),
        ("small", "forge"),
        ("large", "anvil"),
    ]
    told = next(item.message for item in made.changes if item.address == "Task/t04")
    assert told == "anvil has no memory for small beside large, forge has 1 of 1 slots taken"
    busy = live(asked(5, 1), model="small", host="anvil", backend="x")
    made = plan(view([asked(1, 2), busy], settings=rules), NOW)
    assert [item.host for item in made.dispatch] == ["forge"]


def test_a_model_that_no_memory_of_a_host_can_hold_is_told_at_once() -> None:
    rules = config(fleet=fleet((1, 1), "24GiB", ("5GiB", "20GiB", "30GiB")))
    found = route(asked(1, 3).spec, "BUILD", rules, World())
    assert found.unroutable is Reason.NO_ROUTE
    assert "x/huge needs 30GiB of memory, and anvil has 24GiB" in found.message


CHOICES = st.lists(
    st.tuples(st.integers(1, 3), st.sampled_from(["idle", "submitted", "merging", "judged"])), max_size=14
)


@settings(max_examples=150, deadline=None)
@given(CHOICES, st.tuples(st.integers(1, 3), st.integers(1, 4)), st.sampled_from(["8GiB", "24GiB", "60GiB", None]))
def test_slots_and_memory_of_no_host_are_ever_exceeded(
    choices: list[tuple[int, str]], capacities: tuple[int, int], room: str | None
) -> None:
    takes: Any = ("5GiB", "20GiB", "30GiB")
    spec = fleet(capacities, room, takes)
    rules = config(fleet=spec)
    tasks: list[TaskState] = []
    before = Slots(spec, ())
    for number, (tier, state) in enumerate(choices):
        item = asked(number, tier)
        if state != "idle":
            place = before.take(route(item.spec, "BUILD", rules, World()).candidates)
            if place is None:
                continue
            item = live(item, state, model=place.model, host=place.host, backend="x")
        tasks.append(item)
    whole = view(tasks, settings=rules)
    made = plan(whole, NOW)
    assert faults(whole, made, NOW) == []
    running = [item.live.execution for item in tasks if item.live and item.live.state not in NO_SLOT]
    running += made.dispatch
    taken = Counter(item.host for item in running)
    for host in spec.hosts:
        assert taken[host.name] <= host.capacity
        loaded = {item.model for item in running if item.host == host.name}
        needed = sum(size(model.memory or "0B") for model in host.models if model.name in loaded)
        assert room is None or needed <= size(room)
    shuffled = msgspec.structs.replace(whole, tasks=dict(reversed(whole.tasks.items())))
    assert plan(shuffled, NOW) == made
