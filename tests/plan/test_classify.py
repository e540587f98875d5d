"""Which tasks a model is asked about, and what of its answer routes them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from reconciler.model.execution import Classification, execution_id
from reconciler.model.objects import ADMITTED
from reconciler.model.spec import (
    Classify,
    FleetSpec,
    Host,
    HostModel,
    Link,
    RoutingDefaults,
    RoutingRule,
    RoutingSpec,
    Tier,
)
from reconciler.model.view import Config, Live, TaskState, World
from reconciler.model.vocabulary import Action, Phase, Reason, Verdict
from reconciler.plan.classify import vocabulary
from reconciler.plan.explain import explain
from reconciler.plan.invariants import faults
from reconciler.plan.planner import plan
from reconciler.plan.routing import route_task
from reconciler.plan.status import status
from tests.plan.scenes import NOW, attempted, config, task, view

SMALL = HostModel(name="small", offers=("text", "schema", "classify"))
FLEET = FleetSpec(
    hosts=(
        Host(name="forge", kind="ollama", capacity=2, models=(SMALL, HostModel(name="m"))),
        Host(name="anvil", kind="ollama", capacity=4, models=(HostModel(name="m"),)),
    ),
    tiers=(
        Tier(tier=1, chain=(Link(backend="x", model="small", hosts=("forge",)),)),
        *(Tier(tier=at, chain=(Link(backend="x", model="m", hosts=("anvil",)),)) for at in (2, 3, 4)),
    ),
)
ROUTING = RoutingSpec(
    classify=Classify(tier=1),
    rules=(
        RoutingRule(id="paint", any=("paint",), domain="looks", type="drawing", complexity=3),
        RoutingRule(id="looks", when={"domain": "looks"}, company="lexicon"),
    ),
    default=RoutingDefaults(domain="code", type="feature", complexity=2, company="codecraft", blueprint="plain"),
)
RULES = config(fleet=FLEET, routing=ROUTING)


def saying(state: TaskState, **changes: Any) -> TaskState:
    found = Classification(
        execution="e",
        object=str(state.object.ref),
        generation=state.object.generation,
        sure=True,
        domain="looks",
        type="drawing",
        complexity=4,
        sensitive="no",
        why="It is a picture",
        tier=1,
        backend="x",
        model="small",
        host="forge",
        prompt_sha256=None,
        factory_commit="c0",
        tokens=None,
        cost_usd=None,
        started_at=NOW,
        ended_at=NOW,
    )
    return msgspec.structs.replace(state, classification=msgspec.structs.replace(found, **changes))


def first(state: TaskState, rules: Config = RULES, world: World | None = None) -> Reason:
    whole = view([state], settings=rules)
    made = plan(whole, NOW, world or World())
    assert faults(whole, made, NOW) == []
    return made.changes[0].reason


POOR = msgspec.structs.replace(RULES, fleet=FleetSpec(hosts=FLEET.hosts, tiers=FLEET.tiers[1:]))
OFF = msgspec.structs.replace(RULES, routing=msgspec.structs.replace(ROUTING, classify=None))


@pytest.mark.parametrize(
    ("state", "rules", "world", "reason"),
    [
        (task("t"), RULES, World(), Reason.CLASSIFY),
        (task("t", domain="code", type="feature"), RULES, World(), Reason.CLASSIFY),
        (task("t", domain="code", type="feature", complexity=2), RULES, World(), Reason.NEW),
        (task("t", stage="REVIEW"), RULES, World(), Reason.NEW),
        (task("t"), OFF, World(), Reason.NEW),
        (task("t"), POOR, World(), Reason.NEW),
        (task("t"), RULES, World(unreachable={"forge": "off"}), Reason.NEW),
        (task("t"), RULES, World(missing_models=frozenset({("forge", "small")})), Reason.NEW),
        (task("t"), RULES, World(backends={"x": frozenset({"text"})}), Reason.NEW),
        (task("t"), RULES, World(backends={"x": frozenset({"text", "schema"})}), Reason.CLASSIFY),
        (saying(task("t")), RULES, World(), Reason.NEW),
        (saying(task("t"), sure=False), RULES, World(), Reason.NEW),
        (saying(task("t"), generation="before"), RULES, World(), Reason.CLASSIFY),
        (task("t"), RULES, World(unasked={"t": "ImportError: no module"}), Reason.NEW),
        (attempted(task("t"), Verdict.FAILED, ended_at=NOW - 999), RULES, World(), Reason.RETRY),
    ],
)
def test_a_model_is_asked_where_the_spec_leaves_something_open_and_one_can_be_reached(
    state: TaskState, rules: Config, world: World, reason: Reason
) -> None:
    assert first(state, rules, world) is reason


@pytest.mark.parametrize(
    ("said", "held"),
    [
        ({"sensitive": "yes"}, True),
        ({"sensitive": "unsure"}, True),
        ({"sensitive": "yes", "sure": False}, True),
        ({"sensitive": "no"}, False),
        ({"sensitive": None, "sure": False}, False),
    ],
)
def test_what_a_model_takes_for_sensitive_waits_until_a_person_lets_it_go_on(said: dict[str, Any], held: bool) -> None:
    state = saying(task("t"), **said)
    found = status(view([state], settings=RULES), state, NOW)
    assert (found.reason is Reason.SENSITIVE) is held
    if held:
        assert found.phase is Phase.HUMAN
        assert found.message == (
            f"x/small@forge says it is sensitive ({said['sensitive']}): It is a picture; "
            "let it go on with: alai-reconcile resume Task/t"
        )
    for generation, free in ((state.object.generation, True), ("of another spec", False)):
        changed = msgspec.structs.replace(state.object, annotations={ADMITTED: generation})
        admitted = msgspec.structs.replace(state, object=changed)
        found = status(view([admitted], settings=RULES), admitted, NOW)
        assert (found.reason is not Reason.SENSITIVE) is (free or not held)


def test_the_question_is_an_execution_of_its_own_that_the_task_waits_for() -> None:
    state = task("t")
    made = plan(view([state], settings=RULES), NOW)
    asked = made.dispatch[0]
    assert (asked.purpose, asked.attempt, asked.tier, asked.model, asked.host) == ("classify", 0, 1, "small", "forge")
    assert asked.id == execution_id("t", state.object.generation, "BUILD", 0)
    assert made.changes[0].action is Action.DISPATCH
    state = msgspec.structs.replace(state, live=Live(execution=asked, state="submitted"))
    whole = view([state], settings=RULES)
    assert (status(whole, state, NOW).phase, status(whole, state, NOW).reason) == (Phase.RUNNING, Reason.CLASSIFY)
    assert [item.action for item in plan(whole, NOW).changes] == [Action.AWAIT]
    edited = msgspec.structs.replace(
        state, object=msgspec.structs.replace(state.object, generation="after"), spec=state.spec
    )
    assert [item.action for item in plan(view([edited], settings=RULES), NOW).changes] == [Action.CANCEL]


def test_questions_take_slots_and_what_finds_none_waits_for_its_turn() -> None:
    made = plan(view([task(name) for name in "abc"], settings=RULES), NOW)
    assert [(item.action, item.reason) for item in made.changes] == [
        (Action.DISPATCH, Reason.CLASSIFY),
        (Action.DISPATCH, Reason.CLASSIFY),
        (Action.WAIT, Reason.CAPACITY_FULL),
    ]
    assert made.changes[2].message == "it is classified first: forge has 2 of 2 slots taken"


def test_what_the_spec_says_goes_before_the_model_and_that_before_words() -> None:
    state = saying(task("paint it", complexity=2))
    found = route_task(state, "BUILD", RULES, World())
    assert (found.domain, found.type, found.complexity, found.company) == ("looks", "drawing", 2, "lexicon")
    assert found.rules == {
        "domain": "classified by x/small@forge",
        "type": "classified by x/small@forge",
        "complexity": "spec",
        "company": "looks",
        "blueprint": "default",
        "tier": "complexity",
    }
    unsure = route_task(saying(task("paint it"), sure=False, type="feature"), "BUILD", RULES, World())
    assert (unsure.type, unsure.complexity, unsure.rules["type"]) == ("drawing", 3, "paint")


def test_explain_says_what_the_model_said() -> None:
    state = saying(task("t"))
    told = explain(view([state], settings=RULES), state.object.ref, NOW)
    assert "x/small@forge classified it as drawing in looks, 4 of 5: It is a picture." in told
    assert "Domain: looks (classified by x/small@forge)." in told
    state = saying(task("t"), sure=False, why="it may be anything")
    told = explain(view([state], settings=RULES), state.object.ref, NOW)
    assert "x/small@forge was asked what sort of task it is, and was of no help: it may be anything." in told


def test_a_model_may_answer_with_the_words_of_the_routing_only() -> None:
    assert vocabulary(ROUTING) == (("looks", "code"), ("drawing", "feature"))
