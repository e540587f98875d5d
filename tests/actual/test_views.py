from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.actual.store import Store
from reconciler.model.objects import Object
from reconciler.model.refs import Ref
from reconciler.model.spec import FleetSpec, PolicySpec
from reconciler.model.view import View
from tests.actual.factory import child, evidence, execution, files, goal, made, outcome, stored, task


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "factory.db")


def settle_all(store: Store) -> None:
    store.set_settled(dict.fromkeys(store.view_all().tasks, True))


def test_what_is_settled_is_not_loaded(store: Store) -> None:
    store.project("c1", files(goal("g"), task("a", goal="g"), task("b", goal="g"), goal("empty")))
    assert set(store.view().tasks) == {"a", "b"}
    assert store.view() == store.view_all()
    store.set_settled({"a": True, "b": False})
    assert (set(store.view().tasks), set(store.view().goals)) == ({"b"}, {"g", "empty"})
    store.set_settled({"b": True})
    assert (set(store.view().tasks), set(store.view().goals)) == (set(), {"empty"})
    assert set(store.view_all().tasks) == {"a", "b"}
    store.set_settled({"a": False, "never there": False})
    assert set(store.view().tasks) == {"a"}


def test_a_task_brings_its_pipeline_and_those_it_depends_on(store: Store) -> None:
    objects = [
        task("dep"),
        child("dep-review", "dep"),
        child("dep-fix", "dep-review", "rework"),
        task("root"),
        child("root-review", "root"),
        child("root-security", "root-review"),
        task("other"),
        child("other-review", "other"),
        task("waiting", dependsOn=["dep"]),
    ]
    store.project("c1", files(*objects))
    settle_all(store)
    store.set_settled({"waiting": False})
    assert set(store.view().tasks) == {"waiting", "dep", "dep-review", "dep-fix"}
    store.set_settled({"waiting": True, "root-review": False})
    assert set(store.view().tasks) == {"root", "root-review", "root-security"}


def test_a_goal_that_asks_for_a_stage_of_its_own_is_loaded_whole(store: Store) -> None:
    objects = [goal("ships", deploy=True), goal("plain")]
    objects += [task(f"{name}-{number}", goal=name) for name in ("ships", "plain") for number in range(3)]
    objects += [task("after", dependsOn=["ships-1"])]
    stages = [{"name": "BUILD"}, {"name": "OPS", "scope": "goal", "when": "deploy"}]
    objects += [made("Pipeline", "standard", {"stages": stages}, "manifests/pipeline.yaml")]
    store.project("c1", files(*objects))
    settle_all(store)
    store.set_settled({"ships-0": False})
    assert set(store.view().tasks) == {"ships-0", "ships-1", "ships-2"}
    store.set_settled({"ships-0": True, "plain-0": False})
    assert set(store.view().tasks) == {"plain-0"}
    store.set_settled({"plain-0": True, "after": False})
    assert set(store.view().tasks) == {"after", "ships-0", "ships-1", "ships-2"}


def test_altered_evidence_stays_in_view_until_it_is_restored(store: Store) -> None:
    file = evidence("a")
    store.project("c1", files(task("a"), task("b")), evidence=[file], commits=[outcome(file)])
    store.project("c2", evidence=[stored(file.path, b"{}")])
    settle_all(store)
    assert set(store.view().tasks) == {"a"}
    store.project("c3", evidence=[file])
    settle_all(store)
    assert store.view().tasks == {}


def test_a_live_execution_keeps_its_task_in_view_and_is_an_orphan_without_it(store: Store) -> None:
    store.project("c1", files(task("a"), task("b")))
    settle_all(store)
    store.intend([execution("a"), execution("gone")])
    view = store.view()
    assert set(view.tasks) == {"a"}
    assert [live.execution.task for live in view.orphans] == ["gone"]
    assert store.view_all().orphans == view.orphans


@pytest.mark.parametrize(
    ("touch", "expected"),
    [
        (files(task("a", priority="H")), {"a", "a-review", "after"}),
        (files(goal("g", suspend=True)), {"in-goal"}),
        (files(child("a-review", "a", priority="H")), {"a", "a-review", "after"}),
        (files(made("Policy", "default", {"sandbox": "preferred"}, "manifests/policy.yaml")), None),
    ],
)
def test_a_change_unsettles_what_it_may_move(store: Store, touch: list[object], expected: set[str] | None) -> None:
    objects = [goal("g"), task("in-goal", goal="g"), task("a"), child("a-review", "a"), task("after", dependsOn=["a"])]
    store.project("c1", files(*objects, task("far")))
    settle_all(store)
    assert store.view().tasks == {}
    store.project("c2", touch)  # type: ignore[arg-type]
    assert set(store.view().tasks) == (expected or set(store.view_all().tasks))


def test_evidence_and_its_revert_unsettle_the_pipeline(store: Store) -> None:
    store.project("c1", files(task("a"), child("a-review", "a"), task("after", dependsOn=["a"]), task("far")))
    settle_all(store)
    file = evidence("a-review")
    store.project("c2", evidence=[file], commits=[outcome(file)])
    assert set(store.view().tasks) == {"a", "a-review", "after"}
    settle_all(store)
    store.project("c3", evidence_removed=[file.path])
    assert set(store.view().tasks) == {"a", "a-review", "after"}


def test_a_task_that_leaves_unsettles_its_goal_and_those_that_wait_for_it(store: Store) -> None:
    store.project("c1", files(goal("g"), task("a", goal="g"), task("b", goal="g"), task("after", dependsOn=["a"])))
    settle_all(store)
    store.project("c2", removed=["manifests/a.yaml"])
    assert set(store.view().tasks) == {"b", "after"}


def test_configuration_is_read_with_the_folders_it_lies_in(store: Store) -> None:
    assert (store.config().policy, store.config().fleet, store.config().routing) == (PolicySpec(), FleetSpec(), None)
    objects = [
        made("Fleet", "a", {"hosts": [{"name": "anvil", "kind": "local"}]}, "manifests/a.yaml"),
        made("Fleet", "default", {"hosts": [{"name": "forge", "kind": "local"}]}, "manifests/fleet.yaml"),
        made("Policy", "strict", {"sandbox": "preferred"}, "manifests/policy.yaml"),
        made("Company", "codecraft", {"title": "CodeCraft"}, "companies/codecraft/company.yaml"),
        made("Blueprint", "docs", {}, "companies/codecraft/blueprints/docs/blueprint.yaml"),
    ]
    store.project("c1", files(*objects))
    config = store.config()
    assert config.fleet.hosts[0].name == "forge"
    assert config.policy.sandbox == "preferred"
    assert config.companies["codecraft"].title == "CodeCraft"
    assert config.folders[Ref("Company", "codecraft")] == "companies/codecraft"
    assert config.folders[Ref("Blueprint", "docs")] == "companies/codecraft/blueprints/docs"
    assert store.config() is config
    store.project("c2", removed=["manifests/fleet.yaml"])
    assert store.config().fleet.hosts[0].name == "anvil"


# The closure against the same rules, written down a second time over everything


def restricted(whole: View, unsettled: set[str]) -> set[str]:
    """What must be there: pipelines of the unsettled, and pipelines of what those depend on."""
    parents = {name: state.spec.origin.task for name, state in whole.tasks.items() if state.spec.origin}

    def root(name: str) -> str:
        seen: set[str] = set()
        while name in parents and name not in seen:
            seen.add(name)
            name = parents[name]
        return name

    def pipelines(names: set[str]) -> set[str]:
        roots = {root(name) for name in names}
        return {name for name in whole.tasks if root(name) in roots}

    depends = {target for name in unsettled for target in whole.tasks[name].spec.depends_on}
    return pipelines(unsettled | (depends & set(whole.tasks)))


@st.composite
def forests(draw: st.DrawFn) -> list[Object]:
    objects: list[Object] = []
    for number in range(draw(st.integers(1, 12))):
        depends = [f"t{i}" for i in draw(st.sets(st.integers(0, 12), max_size=2))]
        parent = draw(st.none() | st.integers(0, number - 1)) if number else None
        if parent is None:
            objects.append(task(f"t{number}", dependsOn=depends))
        else:
            objects.append(child(f"t{number}", f"t{parent}", dependsOn=depends))
    return objects


@settings(max_examples=60, deadline=None)
@given(forests(), st.data())
def test_a_view_holds_the_pipelines_that_planning_looks_at(
    tmp_path_factory: pytest.TempPathFactory, objects: list[Object], data: st.DataObject
) -> None:
    store = Store(tmp_path_factory.mktemp("view") / "factory.db")
    store.project("c1", files(*objects))
    settle_all(store)
    unsettled = data.draw(st.sets(st.sampled_from([obj.name for obj in objects])))
    store.set_settled(dict.fromkeys(unsettled, False))
    whole, view = store.view_all(), store.view()
    assert set(view.tasks) == restricted(whole, unsettled)
    assert all(view.tasks[name] == whole.tasks[name] for name in view.tasks)
    store.close()
