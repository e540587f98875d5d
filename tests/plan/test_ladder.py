"""The ladder: which rung comes next, told from recorded attempts alone."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.execution import Attempt
from reconciler.model.spec import (
    AgentPhase,
    BlueprintPhase,
    BlueprintSpec,
    CompanySpec,
    FleetSpec,
    Host,
    HostModel,
    Link,
    PolicySpec,
    Tier,
)
from reconciler.model.spec.rules import DEFAULT_ESCALATION
from reconciler.model.view import Config, TaskState, World
from reconciler.model.vocabulary import Action, Phase, Reason, Verdict
from reconciler.plan.attempts import deciding
from reconciler.plan.explain import explain
from reconciler.plan.ladder import Climb, Level, Rung, climb
from reconciler.plan.planner import plan
from reconciler.plan.routing import Route, route_task
from reconciler.plan.status import status
from tests.plan.scenes import NOW, config, evidence, execution, recorded, task, view

TEXT: Any = ("text", "schema")
ALL: Any = ("text", "schema", "tools")


def link(model: str, host: str) -> Link:
    return Link(backend="x", model=model, hosts=(host,))


FLEET = FleetSpec(
    hosts=(
        Host(name="forge", kind="ollama", capacity=4, models=(HostModel(name="s"), HostModel(name="m", offers=ALL))),
        Host(name="anvil", kind="ollama", capacity=2, models=(HostModel(name="l", offers=ALL),)),
    ),
    tiers=(
        Tier(
            tier=1,
            chain=(Link(backend="x", model="s", hosts=("forge",)), Link(backend="x", model="m", hosts=("forge",))),
        ),
        Tier(tier=2, chain=(Link(backend="x", model="m", hosts=("forge",)),)),
        Tier(tier=3, chain=(Link(backend="x", model="l", hosts=("anvil",)),)),
        Tier(tier=5, chain=(Link(backend="people"),)),
    ),
)
TOOLS = BlueprintPhase(name="do", needs=("tools",), agent=AgentPhase(prompt="do"))
EITHER = BlueprintPhase(name="do", needs=("tools",), agent=AgentPhase(prompt="do", output="files", otherwise="files"))


def settings(**changes: Any) -> Config:
    made = config(fleet=FLEET, policy=PolicySpec())
    blueprints = {
        **made.blueprints,
        "tools": BlueprintSpec(phases=(TOOLS,)),
        "either": BlueprintSpec(phases=(EITHER,)),
        "mixed": BlueprintSpec(phases=(EITHER, msgspec.structs.replace(TOOLS, name="more"))),
    }
    return msgspec.structs.replace(made, blueprints=blueprints, **changes)


def tried(state: TaskState, config: Config, *reasons: Reason, outcome: Verdict = Verdict.FAILED) -> TaskState:
    """The task after attempts that the planner placed and that ended so."""
    for reason in reasons:
        routed = route_task(state, "BUILD", config, World())
        first = routed.candidates[0] if routed.candidates else None
        place = {"backend": first.backend, "model": first.model, "host": first.host} if first else {}
        done = execution(state, tier=routed.tier, escalation=routed.escalation, **place)
        made = evidence(done, outcome, reason=reason, ended_at=NOW - 1000)
        state = recorded(state, msgspec.structs.replace(made, escalation=routed.escalation))
    return state


def routed(state: TaskState, config: Config, world: World | None = None) -> Route:
    return route_task(state, "BUILD", config, world or World())


@pytest.mark.parametrize(
    ("complexity", "reasons", "tier", "model", "why"),
    [
        (1, [], 1, "s", ""),
        (1, ["GateFailed"], 1, "s", ""),
        (1, ["GateFailed"] * 2, 2, "m", "tier 1 -> 2: GateFailed twice"),
        (1, ["GateFailed", "AgentFailed", "GateFailed"], 1, "s", ""),
        (1, ["GateFailed", "HostUnreachable", "ModelMissing", "GateFailed"], 2, "m", "tier 1 -> 2: GateFailed twice"),
        (1, ["FormatErrors"], 1, "m", "tier 1, x/s -> x/m: FormatErrors"),
        (1, ["CapabilityMissing"], 1, "m", "tier 1, x/s -> x/m: CapabilityMissing"),
        (1, ["FormatErrors"] * 2, 2, "m", "tier 1, x/s -> x/m: FormatErrors; tier 1 -> 2: FormatErrors"),
        (1, ["NoProgress"], 2, "m", "tier 1 -> 2: NoProgress"),
        (1, ["ContextOverflow", "NoProgress"], 3, "l", "tier 1 -> 2: ContextOverflow; tier 2 -> 3: NoProgress"),
        (2, ["FormatErrors"], 3, "l", "tier 2 -> 3: FormatErrors"),
        (1, ["Timeout", "BackendError", "Timeout"], 1, "s", ""),
        (3, ["NoProgress"], 5, None, "tier 3 -> 5: NoProgress"),
    ],
)
def test_the_next_rung_follows_from_the_recorded_reasons(
    complexity: int, reasons: list[str], tier: int, model: str | None, why: str
) -> None:
    rules = settings()
    state = tried(task("t", complexity=complexity, blueprint="writing"), rules, *map(Reason, reasons))
    found = routed(state, rules)
    assert (found.tier, found.model, found.escalation) == (tier, model, why)


def test_the_execution_stands_on_its_rung_and_says_why() -> None:
    rules = settings()
    state = tried(task("t", complexity=1, blueprint="writing"), rules, Reason.NO_PROGRESS)
    made = plan(view([state], settings=rules), NOW)
    assert [(item.tier, item.model, item.escalation) for item in made.dispatch] == [(2, "m", "tier 1 -> 2: NoProgress")]
    assert "tier 1 -> 2: NoProgress" in made.changes[0].message
    told = explain(view([state], settings=rules), state.object.ref, NOW)
    assert "Tier: 2 (rule complexity; tier 1 -> 2: NoProgress)." in told


def test_above_the_last_rung_is_a_person_who_is_told_of_all_the_steps() -> None:
    rules = settings(policy=PolicySpec(retry=msgspec.structs.replace(PolicySpec().retry, attempts=9)))
    state = tried(task("t", complexity=2, blueprint="writing"), rules, Reason.NO_PROGRESS, Reason.CONTEXT_OVERFLOW)
    made = plan(view([state], settings=rules), NOW)
    assert [(item.action, item.reason, item.needs_person) for item in made.held] == [
        (Action.HOLD, Reason.HUMAN_TIER, True)
    ]
    assert made.held[0].message.endswith("after tier 2 -> 3: NoProgress; tier 3 -> 5: ContextOverflow")
    fleet = FleetSpec(hosts=FLEET.hosts, tiers=FLEET.tiers[:3])
    found = routed(state, msgspec.structs.replace(rules, fleet=fleet))
    assert found.unroutable is Reason.HUMAN_TIER
    assert (
        found.message == "a person is above the last tier: tier 2 -> 3: NoProgress; tier 3 -> a person: ContextOverflow"
    )


def test_an_override_outside_the_tiers_goes_on_above_the_tier_of_the_complexity() -> None:
    company = CompanySpec(title="C", tier_overrides={"feature": "ollama-tool:l"})
    rules = settings(companies={"codecraft": company})
    state = task("t", blueprint="writing")
    assert routed(state, rules).model == "l"
    state = tried(state, rules, Reason.NO_PROGRESS)
    found = routed(state, rules)
    assert (found.tier, found.model, found.escalation) == (3, "l", "tier 2 -> 3: NoProgress")


def test_what_no_model_of_the_tier_can_do_is_planned_one_tier_higher_once() -> None:
    rules = settings()
    fleet = FleetSpec(hosts=FLEET.hosts, tiers=(Tier(tier=1, chain=FLEET.tiers[0].chain[:1]), *FLEET.tiers[1:]))
    rules = msgspec.structs.replace(rules, fleet=fleet)
    state = task("t", complexity=1, blueprint="tools")
    found = routed(state, rules)
    assert (found.tier, found.model) == (2, "m")
    assert found.escalation.startswith("tier 1 -> 2: CapabilityMissing: the blueprint needs text, tools:")
    state = tried(state, rules, Reason.NO_PROGRESS)
    assert (routed(state, rules).tier, "CapabilityMissing" in routed(state, rules).escalation) == (3, True)
    poor = FleetSpec(
        hosts=FLEET.hosts, tiers=(fleet.tiers[0], Tier(tier=2, chain=fleet.tiers[0].chain), *FLEET.tiers[2:])
    )
    found = routed(task("u", complexity=1, blueprint="tools"), msgspec.structs.replace(rules, fleet=poor))
    assert (found.unroutable, found.tier) == (Reason.CAPABILITY_MISSING, 1)


def test_a_model_without_tools_will_do_where_every_phase_says_otherwise_but_comes_after_those_with_tools() -> None:
    rules = settings()
    found = routed(task("t", complexity=1, blueprint="either"), rules)
    assert [(item.model, item.lesser) for item in found.candidates] == [("m", False), ("s", True)]
    gone = World(unreachable={"anvil": "off"})
    narrow = World(probed={("forge", "m"): frozenset({"text", "schema"})})
    found = routed(task("t", complexity=2, blueprint="either"), rules, gone)
    assert found.model == "m"
    found = routed(task("t", complexity=2, blueprint="either"), rules, narrow)
    assert [(item.model, item.lesser) for item in found.candidates] == [("m", True)]
    found = routed(task("t", complexity=2, blueprint="mixed"), rules, narrow)
    assert (found.tier, found.model) == (3, "l")


def test_a_host_that_was_away_uses_up_no_attempt_and_is_waited_for() -> None:
    rules = settings(policy=PolicySpec())
    state = task("t", complexity=2, blueprint="writing")
    for _ in range(12):
        state = tried(state, rules, Reason.HOST_UNREACHABLE, outcome=Verdict.ERROR)
    whole = view([state], settings=rules)
    assert (status(whole, state, NOW).phase, status(whole, state, NOW).reason) == (Phase.OPEN, Reason.RETRY)
    assert "3 attempts left" in status(whole, state, NOW).message
    soon = status(whole, state, NOW - 990)
    assert (soon.phase, soon.reason, soon.due_at) == (Phase.WAITING, Reason.HOST_UNREACHABLE, NOW - 1000 + 300)
    made = plan(whole, NOW, World(unreachable={"forge": "no answer"}))
    assert [(item.action, item.reason) for item in made.changes] == [(Action.WAIT, Reason.HOST_UNREACHABLE)]
    state = tried(state, rules, *[Reason.AGENT_FAILED] * 3)
    assert status(view([state], settings=rules), state, NOW).reason is Reason.RETRY_CAP


def test_work_that_asks_no_model_stays_where_it_is() -> None:
    rules = settings()
    state = tried(task("t", complexity=1, blueprint="plain"), rules, Reason.GATE_FAILED, Reason.GATE_FAILED)
    assert (routed(state, rules).tier, routed(state, rules).escalation) == (1, "")


LEVELS = tuple(
    Level(number, tuple(Link(backend="b", model=f"{number}-{at}", hosts=("h",)) for at in range(count)))
    for number, count in ((1, 2), (2, 1), (4, 3))
)
ENDS = st.lists(
    st.tuples(st.sampled_from(list(Reason)), st.sampled_from([Verdict.FAILED, Verdict.ERROR]), st.booleans()),
    max_size=14,
)


def history(ends: list[tuple[Reason, Verdict, bool]]) -> tuple[tuple[Attempt, ...], list[Climb]]:
    """Attempts made where the ladder says, some of them at a later link for want of a slot; and each climb."""
    state, climbs = task("t"), [climb(LEVELS, (), DEFAULT_ESCALATION, lambda _: True)]
    for reason, outcome, moved in ends:
        rung = climbs[-1].rung
        if rung.level >= len(LEVELS):
            break
        level = LEVELS[rung.level]
        link = level.chain[-1 if moved else rung.link]
        done = execution(state, tier=level.tier, backend=link.backend, model=link.model, host="h")
        state = recorded(state, evidence(done, outcome, reason=reason))
        climbs.append(climb(LEVELS, deciding(state), DEFAULT_ESCALATION, lambda _: True))
    return state.attempts, climbs


@given(ENDS)
def test_it_is_never_more_than_one_rung_an_attempt_never_down_and_always_the_same(
    ends: list[tuple[Reason, Verdict, bool]],
) -> None:
    attempts, climbs = history(ends)
    for number, (before, after) in enumerate(pairwise(climbs)):
        assert after.rung >= before.rung
        assert len(after.why) - len(before.why) in (0, 1)
        assert (after.rung != before.rung) == (len(after.why) > len(before.why))
        assert after.rung.level - before.rung.level <= 1
        if after.rung != before.rung:
            assert str(attempts[number].evidence.reason) in DEFAULT_ESCALATION
        assert (
            climb(LEVELS, attempts[: number + 1], dict(reversed(DEFAULT_ESCALATION.items())), lambda _: True) == after
        )


@given(st.lists(st.sampled_from(list(DEFAULT_ESCALATION)), min_size=16, max_size=20))
def test_failing_on_and_on_ends_at_a_person(reasons: list[str]) -> None:
    _, climbs = history([(Reason(reason), Verdict.FAILED, False) for reason in reasons for _ in range(2)])
    assert climbs[-1].rung == Rung(len(LEVELS))
