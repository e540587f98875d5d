"""Planning the restricted view equals planning the whole, whatever changed since tasks were found settled."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec

from reconciler.actual.store import Store
from reconciler.model.execution import Evidence
from reconciler.model.history import CommitInfo, EvidenceFile
from reconciler.model.objects import Object, generation
from reconciler.model.vocabulary import Verdict
from reconciler.plan.planner import plan
from reconciler.plan.status import statuses
from tests.actual.factory import child, evidence, execution, files, goal, made, outcome, stored, task

NOW = 1_000_000.0
SEEDS = 4
PIPELINE = {
    "stages": [
        {"name": "BUILD"},
        {"name": "REVIEW"},
        {"name": "OPS", "scope": "goal", "when": "deploy"},
        {"name": "DOCS", "scope": "goal", "when": "docs"},
    ]
}


class World:
    """A factory that is changed at random, one commit at a time."""

    def __init__(self, store: Store, seed: int) -> None:
        self.store, self.chance, self.count = store, random.Random(seed), 0
        self.specs: dict[str, Object] = {}
        self.evidence: dict[str, EvidenceFile] = {}
        pipeline = made("Pipeline", "standard", PIPELINE, "manifests/pipeline.yaml")
        self.commit(files(pipeline, goal("g0"), goal("g1"), goal("g2")))

    def commit(self, *args: Any, **words: Any) -> None:
        self.count += 1
        self.store.project(f"c{self.count}", *args, **words)

    def write(self, obj: Object) -> None:
        whole = msgspec.structs.replace(obj, generation=generation(obj.ref.kind, obj.spec))
        if obj.ref.kind == "Task":
            self.specs[obj.name] = whole
        self.commit(files(whole))

    def task(self) -> None:
        name, options = f"t{self.chance.randrange(30)}", {"goal": self.chance.choice(["g0", "g1", "g2", None, None])}
        options |= self.chance.choice([{}] * 9 + [{"deploy": True}, {"docs": ["api"]}, {"suspend": True}])
        options["dependsOn"] = [f"t{i}" for i in self.chance.sample(range(30), self.chance.choice([0, 0, 1]))]
        self.write(task(name, **options))

    def child(self) -> None:
        if self.specs:
            parent = self.specs[self.chance.choice(sorted(self.specs))]
            relation, stage = self.chance.choice([("stage", "REVIEW"), ("rework", "BUILD"), ("finding", "BUILD")])
            attempt = self.chance.choice([1, self.store.view_all().tasks[parent.name].last_number])
            obj = child(f"{parent.name[:20]}-{stage.lower()}", parent.name, relation, stage=stage)
            spec = {**obj.spec, "from": {**obj.spec["from"], "attempt": attempt}}
            goal = {"goal": parent.spec["goal"]} if parent.spec.get("goal") else {}
            self.write(msgspec.structs.replace(obj, spec={**spec, **goal}))

    def finish(self) -> None:
        """A task and its review pass, as the controller would have it."""
        if self.specs:
            obj = self.specs[self.chance.choice(sorted(self.specs))]
            self.record(obj, Verdict.PASSED)
            if obj.spec.get("stage") != "REVIEW":
                goal = {"goal": obj.spec["goal"]} if obj.spec.get("goal") else {}
                origin = {
                    "task": obj.name,
                    "relation": "stage",
                    "attempt": self.store.view_all().tasks[obj.name].last_number,
                }
                review = task(f"{obj.name[:20]}-review", stage="REVIEW", **goal, **{"from": origin})
                self.write(review)
                self.record(self.specs[review.name], Verdict.PASSED)

    def outcome(self) -> None:
        if self.specs:
            verdict = self.chance.choice([Verdict.PASSED] * 4 + [Verdict.REJECTED, Verdict.FAILED, Verdict.CANCELLED])
            self.record(self.specs[self.chance.choice(sorted(self.specs))], verdict)

    def record(self, obj: Object, verdict: Verdict) -> None:
        if obj.name in self.specs:
            number = 1 + self.store.view_all().tasks[obj.name].last_number
            found = msgspec.json.decode(evidence(obj.name, number, obj.spec.get("goal")).data, type=Evidence)
            written = msgspec.structs.replace(found, generation=obj.generation, outcome=verdict)
            file = stored(evidence(obj.name, number, obj.spec.get("goal")).path, msgspec.json.encode(written))
            self.evidence[file.path] = file
            vouched: list[CommitInfo] = [outcome(file, 1000 + self.count)]
            self.commit(evidence=[file], commits=vouched)

    def revert_or_alter(self) -> None:
        if self.evidence:
            path = self.chance.choice(sorted(self.evidence))
            if self.chance.random() < 0.5:
                del self.evidence[path]
                self.commit(evidence_removed=[path])
            else:
                self.commit(evidence=[stored(path, self.evidence[path].data + b" ")])

    def remove(self) -> None:
        if self.specs:
            obj = self.specs.pop(self.chance.choice(sorted(self.specs)))
            self.commit(removed=[obj.position.path])

    def goal(self) -> None:
        options = self.chance.choice([{}, {}, {}, {"deploy": True}, {"docs": ["legal"]}])
        self.write(goal(self.chance.choice(["g0", "g1", "g2"]), **options))

    def start(self) -> None:
        if self.specs:
            obj = self.specs[self.chance.choice(sorted(self.specs))]
            state = self.store.view_all().tasks[obj.name]
            if state.live is None:
                self.store.intend([execution(obj.name, state.last_number + 1, obj.spec.get("goal"))])

    def step(self) -> None:
        steps = [self.task] * 3 + [self.child] + [self.outcome] * 3 + [self.finish] * 12
        self.chance.choice([*steps, self.revert_or_alter, self.remove, self.goal, self.start])()


def test_planning_the_view_equals_planning_the_whole(tmp_path: Path) -> None:
    looked_at = there = 0
    for seed in range(SEEDS):
        store = Store(tmp_path / f"{seed}.db")
        world = World(store, seed)
        for _ in range(40):
            for _ in range(world.chance.randint(1, 3)):
                world.step()
            view, whole = store.view(), store.view_all()
            looked_at, there = looked_at + len(view.tasks), there + len(whole.tasks)
            assert plan(view, NOW) == plan(whole, NOW)
            standing, known = statuses(whole, NOW), statuses(view, NOW)
            assert known == {name: standing[name] for name in known}
            assert all(status.settled for name, status in standing.items() if name not in known)
            store.set_settled({name: status.settled for name, status in known.items()})
        store.close()
    assert looked_at < there * 0.95
