"""Properties of the planner: no schedule gives an effect twice, and what is applied leaves nothing to apply."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.model.spec import Finding
from reconciler.model.view import View
from reconciler.model.vocabulary import Action, Verdict
from reconciler.plan.invariants import faults
from reconciler.plan.planner import plan
from reconciler.plan.stages import due
from reconciler.plan.summary import is_empty
from tests.plan.scenes import NOW, goal, task
from tests.plan.simulation import Simulation, restrict

FINDINGS = (
    Finding(id="health", title="No health endpoint", check="true"),
    Finding(id="csp", title="No CSP", check="true"),
)
BLOCKER = (Finding(id="broken", title="It does not start", severity="blocker", check="true"),)

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("tick"), st.just(0), st.just(0)),
        st.tuples(st.just("finish"), st.integers(0, 50), st.sampled_from(list(Verdict))),
        st.tuples(st.just("finish"), st.integers(0, 50), st.just(Verdict.PASSED)),
        st.tuples(
            st.sampled_from(["edit", "suspend", "resume", "cancel", "retry", "revert", "answer", "delete"]),
            st.integers(0, 50),
            st.just(0),
        ),
        st.tuples(st.just("clock"), st.just(0), st.sampled_from([-3600.0, 1.0, 11.0, 400.0, 1e6])),
    ),
    max_size=40,
)


def world(deploy: bool = True) -> Simulation:
    tasks = [
        task("g-one", goal="g", priority="H"),
        task("g-two", goal="g", depends_on=("g-one",)),
        task("lone", docs=("legal",)),
        task("big", title="strategy for next year"),
    ]
    return Simulation(tasks, [goal("g", deploy=deploy, docs=("api",))])


def step(sim: Simulation, what: str, which: int, value: Any) -> None:
    names = sorted(sim.tasks)
    name = names[which % len(names)]
    if what == "tick":
        sim.tick()
    elif what == "clock":
        sim.now += value
    elif what == "finish":
        running = sim.running()
        if running:
            findings = {Verdict.PASSED: FINDINGS, Verdict.REJECTED: BLOCKER}.get(value, ())
            sim.finish(running[which % len(running)], value, findings)
    elif what == "edit":
        sim.edit(name, description=f"edit {which}")
    elif what in ("suspend", "resume"):
        sim.edit(name, suspend=what == "suspend")
    elif what == "cancel":
        if which % 5 == 0:
            sim.cancel(name)
    elif what == "retry":
        sim.retry(name)
    elif what == "revert":
        sim.revert(name)
    elif what == "delete":
        if sim.tasks[name].live is None and sim.tasks[name].spec.origin is not None and not sim.tasks[name].attempts:
            del sim.tasks[name]
    elif sim.tasks[name].live is None:
        sim.answer(name, Verdict.PASSED)


def shuffled(view: View) -> View:
    return msgspec.structs.replace(
        view, tasks=dict(reversed(view.tasks.items())), goals=dict(reversed(view.goals.items()))
    )


def check(sim: Simulation) -> None:
    whole = sim.view()
    made = plan(whole, sim.now)
    assert faults(whole, made, sim.now) == []
    assert plan(shuffled(whole), sim.now) == made
    part = plan(restrict(whole, sim.now), sim.now)
    assert (part.changes, part.held, part.drift, part.create) == (made.changes, made.held, made.drift, made.create)


def finish_everything(sim: Simulation) -> None:
    for _ in range(400):
        made = sim.tick()
        for name in sim.running():
            sim.finish(name, Verdict.PASSED)
        sim.now += 400
        if is_empty(made) and not sim.running():
            return
    raise AssertionError(f"never settled: {sim.plan().changes}")


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS, st.booleans())
def test_no_schedule_gives_an_effect_twice_or_breaks_an_invariant(
    steps: list[tuple[str, int, Any]], deploy: bool
) -> None:
    sim = world(deploy)
    for what, which, value in steps:
        step(sim, what, which, value)
        check(sim)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS)
def test_whatever_happened_everything_settles_once_results_pass_and_people_act(
    steps: list[tuple[str, int, Any]],
) -> None:
    sim = world()
    for what, which, value in steps:
        if what != "cancel":
            step(sim, what, which, value)
    for _ in range(12):
        finish_everything(sim)
        if not sim.plan().held:
            break
        sim.people_act()
    made = sim.plan()
    assert (made.changes, made.held) == ((), ())


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS)
def test_an_applied_plan_leaves_nothing_to_start_or_to_write(steps: list[tuple[str, int, Any]]) -> None:
    sim = world()
    for what, which, value in steps:
        step(sim, what, which, value)
    for _ in range(len(sim.tasks) + 5):
        if not sim.tick().create:
            break
    again = sim.plan()
    assert not [item for item in again.changes if item.action in (Action.DISPATCH, Action.CREATE, Action.CANCEL)]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS)
def test_an_outcome_brings_along_all_that_is_due_because_of_it(steps: list[tuple[str, int, Any]]) -> None:
    sim = world()
    for what, which, value in steps:
        if what in ("tick", "finish", "clock"):
            step(sim, what, which, value)
            assert due(sim.view(), sim.now) == ()


def test_the_five_stages_happen_once_each_and_in_order() -> None:
    sim = world()
    order: list[str] = []
    for _ in range(60):
        sim.tick()
        for name in sim.running():
            order.append(name)
            sim.finish(name, Verdict.PASSED, FINDINGS if name == "g-one-review" else ())
        sim.now += 1
    assert len(order) == len(set(order))
    assert order.index("g-ops") < order.index("g-docs-api")
    assert order.index("g-two-review-security") < order.index("g-ops")
    assert {"g-health", "g-csp-review-security", "lone-docs-legal"} <= set(order)
    assert sim.tasks["g-one-review"].spec.title == "[G-REVIEW] Code review: g-one"
    assert [change.address for change in sim.plan().held] == ["Task/big"]
    assert sim.now > NOW
