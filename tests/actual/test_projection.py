from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.actual.store import Store
from reconciler.model.history import CommitInfo, EvidenceFile, FileRecord
from reconciler.model.refs import Position, Problem, Ref
from reconciler.model.view import Spent
from tests.actual.factory import child, commit, evidence, execution, files, goal, outcome, stored, task


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state" / "factory.db")


def test_objects_come_back_as_they_were_given(store: Store) -> None:
    bento = goal("bento", priority="H")
    scaffold = task("bento-scaffold", path="manifests/bento-goal.yaml", goal="bento", dependsOn=["x"])
    problem = Problem(Position("manifests/broken.yaml", 2, 5), "Task/broken", "unknown key: titel")
    store.project("c1", [*files(bento, scaffold), FileRecord("manifests/broken.yaml", "b" * 40, (), (problem,))])
    assert store.commit == "c1"
    assert store.objects() == [bento, scaffold]
    assert store.objects("Task") == [scaffold]
    assert store.find(Ref("Goal", "bento")) == [bento]
    assert store.find(Ref("Goal", "other")) == []
    assert store.problems() == [problem]
    store.project("c2", removed=["manifests/broken.yaml", "manifests/bento-goal.yaml"])
    assert (store.objects(), store.problems(), store.commit) == ([], [], "c2")


def test_a_name_in_two_files_is_found_twice_and_the_first_is_planned(store: Store) -> None:
    first, second = task("a", path="manifests/1.yaml"), task("a", path="manifests/2.yaml", priority="H")
    store.project("c1", files(second, first))
    assert store.find(Ref("Task", "a")) == [first, second]
    assert store.view().tasks["a"].object == first


def test_an_attempt_counts_while_a_commit_vouches_for_its_bytes(store: Store) -> None:
    store.project("c1", files(task("a")))
    file = evidence("a")
    store.project("c2", evidence=[file], commits=[outcome(file, 77)])
    (attempt,) = store.attempts("a")
    assert (attempt.number, attempt.task, attempt.path, attempt.digest) == (1, "a", "evidence/_/a/1", file.digest)
    assert (attempt.commit, attempt.committed_at) == (outcome(file).oid, 77.0)

    edited = stored(file.path, file.data.replace(b"passed", b"failed"))
    store.project("c3", evidence=[edited], commits=[commit("edit", 78)])
    state = store.view().tasks["a"]
    assert (state.attempts, state.altered, state.last_number) == ((), ("evidence/_/a/1",), 1)

    store.project("c4", evidence=[file])
    assert store.attempts("a") == [attempt]


def test_a_reverted_attempt_is_gone_but_its_number_is_not_used_again(store: Store) -> None:
    first, second = evidence("a", 1), evidence("a", 2)
    store.project("c1", files(task("a")), evidence=[first, second], commits=[outcome(first), outcome(second)])
    store.project("c2", evidence_removed=[second.path])
    state = store.view().tasks["a"]
    assert [attempt.number for attempt in state.attempts] == [1]
    assert (state.altered, state.last_number) == ((), 2)


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"\xff\xfe", b"[" * 10_000, evidence("b").data, evidence("a", 2).data, evidence("a", 1, "g").data],
)
def test_bytes_that_are_no_evidence_of_this_attempt_do_not_count(store: Store, data: bytes) -> None:
    file = stored("evidence/_/a/1/evidence.json", data)
    vouched = [outcome(evidence("b")), outcome(evidence("a", 2)), outcome(evidence("a", 1, "g"))]
    store.project("c1", files(task("a"), task("b")), evidence=[file], commits=vouched)
    assert store.view().tasks["a"].attempts == ()
    assert store.view().tasks["a"].altered == ("evidence/_/a/1",)


def test_other_paths_below_evidence_are_left_alone(store: Store) -> None:
    paths = ["evidence/a/1/evidence.json", "evidence/_/a/one/evidence.json", "evidence/_/a/1/gates/evidence.json"]
    store.project("c1", files(task("a")), evidence=[stored(path, b"{}") for path in paths], evidence_removed=paths)
    assert store.dump()["evidence"] == []


def test_a_recorded_execution_is_no_longer_in_flight(store: Store) -> None:
    store.project("c1", files(task("a"), task("b")))
    store.intend([execution("a"), execution("b")])
    file = evidence("a")
    store.project("c2", evidence=[file], commits=[outcome(file)])
    assert [live.execution.task for live in store.live()] == ["b"]
    view = store.view()
    assert view.tasks["a"].live is None
    assert view.tasks["b"].live == store.live()[0]
    assert view.tasks["b"].last_number == 1


def test_a_goal_sums_what_its_recorded_attempts_cost(store: Store) -> None:
    known, unknown, unvouched = evidence("a", 1, "g", 0.5), evidence("b", 1, "g", None), evidence("c", 1, "g", 9.0)
    objects = [goal("g"), goal("empty"), *(task(name, goal="g") for name in "abc")]
    store.project(
        "c1", files(*objects), evidence=[known, unknown, unvouched], commits=[outcome(known), outcome(unknown)]
    )
    found = store.view_all()
    state = found.goals["g"]
    assert (state.spent_usd, state.attempts, state.wall_seconds) == (0.5, 2, 8.0)
    assert (found.goals["empty"].spent_usd, found.goals["empty"].attempts) == (0.0, 0)
    assert found.goals_with_tasks == {"g"}
    assert state.unknown_costs == 1


def test_a_day_sums_what_each_companys_recorded_attempts_took_and_only_the_latest_two_are_told(store: Store) -> None:
    day = 86400.0
    old, last, unknown, today = (
        evidence("a", number, cost=cost, ended_at=ended)
        for number, cost, ended in ((1, 9.0, day), (2, 1.0, 3 * day), (3, None, 4 * day), (4, 2.0, 4 * day + 5))
    )
    unvouched, absurd = evidence("a", 5, cost=7.0, ended_at=4 * day), evidence("b", 1, cost=3.0, ended_at=-1e300)
    recorded = [old, last, unknown, today, absurd]
    store.project(
        "c1",
        files(task("a"), task("b")),
        evidence=[*recorded, unvouched],
        commits=[outcome(file, 1000 + index) for index, file in enumerate(recorded)],
    )
    assert store.view().spent == store.view_all().spent
    assert store.view().spent == {
        (3, "codecraft"): Spent(usd=1.0, seconds=4.0, attempts=1),
        (4, "codecraft"): Spent(usd=2.0, seconds=8.0, attempts=2, unknown=1),
    }
    assert store.mean_cost("command", None, "BUILD") == pytest.approx((9.0 + 1.0 + 2.0 + 3.0) / 4)
    assert store.mean_cost("command", "other", "BUILD") is None


def test_it_is_known_when_a_task_came_to_be(store: Store) -> None:
    file = evidence("a")
    made = [
        commit("add", 50, **{"Alai-Object": "Task/added", "Alai-Event": "added"}),
        outcome(file, 200),
        commit("later", 300),
    ]
    store.project("c1", files(task("a"), task("added"), child("a-review", "a")), evidence=[file], commits=made)
    times = {name: store.created_at(Ref("Task", name)) for name in ("a", "added", "a-review", "unknown")}
    assert times == {"a": 300.0, "added": 50.0, "a-review": 200.0, "unknown": None}
    assert store.children("a") == ["a-review"]


def test_a_reset_forgets_what_is_not_given_again(store: Store) -> None:
    file = evidence("old")
    store.project("c1", files(task("old")), evidence=[file], commits=[outcome(file)])
    store.intend([execution("new")])
    store.project("c2", files(task("new")), reset=True)
    assert [obj.name for obj in store.objects()] == ["new"]
    assert store.dump()["evidence"] == store.dump()["commits"] == []
    assert [live.execution.task for live in store.live()] == ["new"]


def test_the_parse_cache_is_pruned_to_what_the_tree_has(store: Store) -> None:
    records = files(task("a"), task("b"))
    store.cache({record.blob: b"parsed" for record in records})
    store.project("c1", records)
    store.cache({f"old{number}": b"parsed" for number in range(2)})
    store.project("c2")
    assert len(store.cached([*(record.blob for record in records), "old0", "old1"])) == 4
    store.cache({"old2": b"parsed"})
    store.project("c3")
    assert store.cached([records[0].blob, "old0", "old2"]) == {records[0].blob: b"parsed"}


# Histories: what any sequence of trees and commits leaves behind

NAMES = ("a", "b", "c", "d")


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Any]:
    """One tree: some manifests (several versions of each) and some evidence files (true or edited)."""
    objects = {
        f"manifests/{name}.yaml": draw(
            st.sampled_from(
                [files(task(name, priority=priority, path=f"manifests/{name}.yaml"))[0] for priority in ("H", "M")]
                + files(child(name, "a", dependsOn=["b"], goal="g", path=f"manifests/{name}.yaml"))
            )
        )
        for name in draw(st.sets(st.sampled_from(NAMES)))
    }
    found: dict[str, EvidenceFile] = {}
    for name in draw(st.sets(st.sampled_from(NAMES))):
        file = evidence(name, draw(st.integers(1, 2)))
        found[file.path] = draw(st.sampled_from([file, stored(file.path, file.data.replace(b"passed", b"failed"))]))
    return {"objects": objects, "evidence": found}


def project_difference(
    store: Store, name: str, old: dict[str, Any], new: dict[str, Any], commits: list[CommitInfo]
) -> None:
    def changed(key: str) -> list[Any]:
        return [value for path, value in new[key].items() if old[key].get(path) != value]

    store.project(
        name,
        changed("objects"),
        [path for path in old["objects"] if path not in new["objects"]],
        changed("evidence"),
        [path for path in old["evidence"] if path not in new["evidence"]],
        commits,
    )


@settings(max_examples=40, deadline=None)
@given(
    st.lists(trees(), min_size=1, max_size=4),
    st.lists(st.tuples(st.sampled_from(NAMES), st.integers(1, 2)), unique=True, max_size=5),
    st.randoms(use_true_random=False),
)
def test_any_way_to_a_commit_leaves_the_same_rows_as_a_rebuild(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[dict[str, Any]],
    outcomes: list[tuple[str, int]],
    chance: random.Random,
) -> None:
    folder = tmp_path_factory.mktemp("stores")
    stepwise, rebuilt = Store(folder / "a.db"), Store(folder / "b.db")
    commits = [outcome(evidence(name, number), 1000 + index) for index, (name, number) in enumerate(outcomes)]
    pending = list(commits)
    before: dict[str, Any] = {"objects": {}, "evidence": {}}
    for index, tree in enumerate(steps):
        last = index == len(steps) - 1
        batch, pending = (pending, []) if last else (pending[:1], pending[1:])
        for _ in range(chance.randint(1, 2)):
            project_difference(stepwise, f"c{index}", before, tree, batch)
        before = tree
    final = [list(steps[-1]["objects"].values()), list(steps[-1]["evidence"].values()), list(commits)]
    for part in final:
        chance.shuffle(part)
    rebuilt.project("leftover", files(task("gone")), reset=True)
    rebuilt.project(f"c{len(steps) - 1}", final[0], (), final[1], (), final[2], reset=True)
    assert stepwise.dump() == rebuilt.dump()
    assert repr(stepwise.view_all()) == repr(rebuilt.view_all())
    stepwise.close()
    rebuilt.close()
