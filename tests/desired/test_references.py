"""Names must lead somewhere, once, and not in circles."""

from __future__ import annotations

import time
from typing import Any

import pytest

from reconciler.desired.references import check, check_touched
from reconciler.model.objects import Object
from reconciler.model.refs import Position, Ref


def thing(kind: str, name: str, line: int = 1, path: str = "manifests/a.yaml", **spec: Any) -> Object:
    return Object(Ref(kind, name), Position(path, line), {"title": "x", **spec}, "")


STANDARD = thing("Pipeline", "standard", stages=[{"name": "BUILD"}, {"name": "REVIEW"}])


def said(*items: Object) -> list[str]:
    return [str(problem) for problem in check([STANDARD, *items])]


def test_two_files_with_one_name_are_both_named() -> None:
    first, second = said(thing("Task", "a"), thing("Task", "a", path="manifests/b.yaml"))
    assert first == "manifests/a.yaml:1:1: Task/a: declared twice: also at manifests/b.yaml:1:1"
    assert second == "manifests/b.yaml:1:1: Task/a: declared twice: also at manifests/a.yaml:1:1"


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (thing("Task", "t", goal="bentoo"), 'goal: there is no Goal "bentoo"; did you mean "bento"?'),
        (thing("Task", "t", dependsOn=["x"]), 'dependsOn: there is no Task "x"'),
        (thing("Task", "t", pipeline="standrd"), 'did you mean "standard"?'),
        (thing("Task", "t", stage="BILD"), 'pipeline standard has no stage "BILD"; did you mean "BUILD"?'),
        (thing("Task", "t", company="x"), "company: there is no Company"),
        (thing("Task", "t", blueprint="x"), "blueprint: there is no Blueprint"),
        (thing("Goal", "g", pipeline="x"), "pipeline: there is no Pipeline"),
        (thing("Company", "c", agents={"lead": "x"}), "agents.lead: there is no Agent"),
        (thing("Company", "c", mergedInto="x"), "mergedInto: there is no Company"),
        (thing("Agent", "c", company="x"), "company: there is no Company"),
        (thing("Blueprint", "b", extends="x"), "extends: there is no Blueprint"),
        (thing("Pipeline", "p", stages=[{"name": "A", "company": "x"}]), "stage A: company: there is no Company"),
        (thing("Routing", "r", default={}, rules=[{"id": "i", "blueprint": "x"}]), "rule i: blueprint: there is no"),
    ],
)  # fmt: skip
def test_a_name_that_leads_nowhere_is_a_fault_with_the_nearest_right_one(item: Object, words: str) -> None:
    [line] = said(thing("Goal", "bento"), item)
    assert words in line


def test_a_cycle_is_printed_once() -> None:
    tasks = [
        thing("Task", "a", dependsOn=["b"]),
        thing("Task", "b", dependsOn=["c"]),
        thing("Task", "c", dependsOn=["a"]),
    ]
    [line] = said(*tasks)
    assert line.endswith("Task/a: a cycle: a -> b -> c -> a")
    assert "a cycle: a -> a" in said(thing("Blueprint", "a", extends="a"))[0]
    assert (
        "a cycle: a -> b -> a" in said(thing("Company", "a", mergedInto="b"), thing("Company", "b", mergedInto="a"))[0]
    )


def test_a_second_policy_is_refused() -> None:
    [line] = said(thing("Policy", "a"), thing("Policy", "b", line=9))
    assert "a factory has one Policy" in line


def test_the_touched_alone_give_the_same_problems_as_the_whole() -> None:
    everything = [
        STANDARD,
        thing("Task", "a", dependsOn=["b"]),
        thing("Task", "b", dependsOn=["a"]),
        thing("Task", "c", goal="x"),
    ]
    by_ref = {item.ref: [item] for item in everything}
    touched = check_touched(everything[1:], lambda ref: by_ref.get(ref, []))
    assert [str(problem) for problem in touched] == said(*everything[1:])


def test_the_cost_is_linear() -> None:
    tasks = [thing("Task", f"t{n}", line=n + 1, dependsOn=[f"t{n + 1}"] if n < 29_999 else []) for n in range(30_000)]
    begun = time.monotonic()
    assert said(*tasks) == []
    assert time.monotonic() - begun < 10
