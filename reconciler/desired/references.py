"""References between objects: duplicates, names that lead nowhere, and cycles. Works on values; reads nothing.

The cost is linear in objects and references.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.desired import tiers
from reconciler.desired.places import Where, begin
from reconciler.desired.words import safe, suggestion
from reconciler.model.objects import Object
from reconciler.model.refs import Problem, Ref

Lookup = Callable[[Ref], Sequence[Object]]
Names = Callable[[str], Iterable[str]]

SINGLE = ("Fleet", "Routing", "Policy")
"""kinds of which a factory has one at most"""


def check(objects: Iterable[Object], where: Where = begin) -> list[Problem]:
    """All faults between these objects, sorted by place. `where` finds the places of those that are deep in a spec."""
    everything = list(objects)
    by_ref: dict[Ref, list[Object]] = defaultdict(list)
    by_kind: dict[str, list[Object]] = defaultdict(list)
    names: dict[str, set[str]] = defaultdict(set)
    for item in everything:
        by_ref[item.ref].append(item)
        by_kind[item.ref.kind].append(item)
        names[item.ref.kind].add(item.ref.name)
    problems = check_touched(everything, lambda ref: by_ref.get(ref, ()), lambda kind: names.get(kind, ()))
    problems += tiers.check(everything, lambda kind: by_kind.get(kind, ()), where)
    for kind in SINGLE:
        ordered = sorted(by_kind.get(kind, ()), key=lambda item: item.position)
        for item in ordered[1:]:
            if item.ref != ordered[0].ref:
                said = f"a factory has one {kind}, and {ordered[0].position.path} holds {ordered[0].ref} already"
                problems.append(Problem(item.position, str(item.ref), said))
    return sorted(problems)


def check_touched(touched: Iterable[Object], lookup: Lookup, names: Names | None = None) -> list[Problem]:
    """Faults of the touched objects, given a way to find any object by its ref (the touched ones included).

    For a removed object pass those that refer to it. `names` lists the names of a kind, for the nearest right one.
    A cycle is named once, where its smallest ref stands.
    """
    items = list(touched)
    problems: list[Problem] = []
    for item in items:
        problems += _duplicates(item, lookup)
        for place, target in references(item):
            if lookup(target):
                continue
            own = _own(item, place, target)
            if own is None or not lookup(own):
                problems.append(_dangling(item, place, target, names))
        if item.ref.kind == "Task":
            problems += _stage(item, lookup)
    problems += _cycles(items, lookup)
    return sorted(set(problems))


def references(item: Object) -> Iterator[tuple[str, Ref]]:
    """The objects that this one names, each with the key that names it."""
    spec = item.spec
    plain = _PLAIN.get(item.ref.kind, ())
    for key, kind in plain:
        value = spec.get(key)
        if value is not None:
            yield key, Ref(kind, value)
    match item.ref.kind:
        case "Task":
            for name in spec.get("dependsOn", ()):
                yield "dependsOn", Ref("Task", name)
        case "Goal":
            if "pipeline" not in spec:
                yield "pipeline (not given, so `standard`)", Ref("Pipeline", "standard")
        case "Pipeline":
            for stage in spec["stages"]:
                yield from _company_and_blueprint(stage, f"stage {stage['name']}: ")
        case "Company":
            for role, agent in spec.get("agents", {}).items():
                yield f"agents.{role}", Ref("Agent", agent)
        case "Blueprint":
            for found in spec.get("checks", ()):
                yield from _company_and_blueprint(found.get("fix", {}), f"check {found['id']}: ")
        case "Routing":
            yield from _company_and_blueprint(spec["default"], "default: ")
            for rule in spec.get("rules", ()):
                yield from _company_and_blueprint(rule, f"rule {rule['id']}: ")
        case _:
            pass


_PLAIN: dict[str, tuple[tuple[str, str], ...]] = {
    "Task": (("goal", "Goal"), ("pipeline", "Pipeline"), ("company", "Company"), ("blueprint", "Blueprint")),
    "Goal": (("pipeline", "Pipeline"),),
    "Company": (("mergedInto", "Company"),),
    "Policy": (("quality", "QualityGate"),),
    "Agent": (("company", "Company"),),
    "Blueprint": (("company", "Company"), ("extends", "Blueprint")),
}


def _company_and_blueprint(part: Mapping[str, Any], where: str) -> Iterator[tuple[str, Ref]]:
    if part.get("company") is not None:
        yield f"{where}company", Ref("Company", part["company"])
    if part.get("blueprint") is not None:
        yield f"{where}blueprint", Ref("Blueprint", part["blueprint"])


def _own(item: Object, place: str, target: Ref) -> Ref | None:
    """The blueprint `<company>-<name>` that a short name stands for where the same place says which company."""
    if target.kind != "Blueprint":
        return None
    where = place.rpartition("blueprint")[0]
    said = [ref.name for key, ref in references(item) if ref.kind == "Company" and key == f"{where}company"]
    return Ref("Blueprint", f"{said[0]}-{target.name}") if said else None


def _duplicates(item: Object, lookup: Lookup) -> Iterator[Problem]:
    others = [other for other in lookup(item.ref) if other.position != item.position]
    if others:
        other = min(others, key=lambda found: found.position)
        yield Problem(item.position, str(item.ref), f"declared twice: also at {other.position}")


def _dangling(item: Object, place: str, target: Ref, names: Names | None) -> Problem:
    hint = suggestion(target.name, names(target.kind)) if names else ""
    return Problem(item.position, str(item.ref), f'{safe(place)}: there is no {target.kind} "{target.name}"{hint}')


def _stage(item: Object, lookup: Lookup) -> Iterator[Problem]:
    """The task's stage is one of its pipeline's."""
    stage, pipeline = item.spec.get("stage"), item.spec.get("pipeline")
    if stage is None:
        return
    if pipeline is None and item.spec.get("goal") is not None:
        goals = lookup(Ref("Goal", item.spec["goal"]))
        pipeline = goals[0].spec.get("pipeline", "standard") if goals else None
    found = lookup(Ref("Pipeline", pipeline or "standard"))
    stages = [known["name"] for known in found[0].spec["stages"]] if found else []
    if stages and stage not in stages:
        said = f'stage: pipeline {found[0].ref.name} has no stage "{stage}"{suggestion(stage, stages)}'
        yield Problem(item.position, str(item.ref), f"{said}; its stages are {', '.join(stages)}")


def _next(item: Object) -> list[Ref]:
    """What must come before this object: the edges that may form no cycle."""
    kind, spec = item.ref.kind, item.spec
    if kind == "Task":
        return [Ref("Task", name) for name in spec.get("dependsOn", ())]
    key = {"Blueprint": "extends", "Company": "mergedInto"}.get(kind)
    return [Ref(kind, spec[key])] if key and spec.get(key) is not None else []


def _cycles(items: Iterable[Object], lookup: Lookup) -> Iterator[Problem]:
    """Depth-first walk without recursion. Every object is entered once, so each cycle that is found is named once."""
    done: set[Ref] = set()
    for item in sorted(items, key=lambda found: found.ref):
        if item.ref in done:
            continue
        path: list[Ref] = [item.ref]
        on_path = {item.ref: 0}
        ahead = [iter(_next(item))]
        while ahead:
            ref = next(ahead[-1], None)
            if ref is None:
                ahead.pop()
                left = path.pop()
                del on_path[left]
                done.add(left)
            elif ref in on_path:
                yield _cycle(path[on_path[ref] :], lookup)
            elif ref not in done:
                on_path[ref] = len(path)
                path.append(ref)
                found = lookup(ref)
                ahead.append(iter(_next(found[0]) if found else ()))


def _cycle(cycle: list[Ref], lookup: Lookup) -> Problem:
    turn = cycle.index(min(cycle))
    turned = cycle[turn:] + cycle[:turn]
    shown = [ref.name for ref in turned]
    if len(shown) > 20:
        shown = [*shown[:19], "…"]
    said = " -> ".join([*shown, turned[0].name])
    return Problem(lookup(turned[0])[0].position, str(turned[0]), f"a cycle: {said}")
