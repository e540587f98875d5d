"""kill -9 at any moment loses nothing and commits nothing twice."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.e2e.factory import TinyFactory, build
from tests.e2e.kills import Edits, Killer, faults

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

PIPELINE = """\
apiVersion: alai.dev/v1
kind: Pipeline
metadata: {name: standard}
spec:
  stages:
    - {name: BUILD}
    - {name: REVIEW, title: "[{PRODUCT}-{stage}] Code review: {title}", blueprint: review, readOnly: true}
    - {name: SECURITY, title: "[{PRODUCT}-{stage}] Security: {title}", blueprint: review, readOnly: true}
  mergeAfter: SECURITY
  maxRejections: 2
"""
FLEET = """\
apiVersion: alai.dev/v1
kind: Fleet
metadata: {name: default}
spec:
  hosts:
    - {name: anvil, kind: embedded, capacity: 1, models: [{name: none, offers: [text, schema]}]}
    - {name: forge, kind: embedded, capacity: 2, models: [{name: none, offers: [text, schema]}]}
  tiers:
    - {tier: 1, chain: [{backend: embedded, model: none, hosts: [anvil]}]}
    - {tier: 2, chain: [{backend: embedded, model: none, hosts: [forge]}]}
    - {tier: 5, chain: [{backend: human-queue}]}
"""

SETTLED = "product-small-thing"
"""the task that the review's lesser finding leads to"""
REWORK = "bad-review-rework"


def factory(folder: Path, titles: dict[str, str]) -> TinyFactory:
    made = build(folder)
    made.write("manifests/pipeline.yaml", PIPELINE)
    made.write("manifests/fleet.yaml", FLEET)
    for number, (name, title) in enumerate(titles.items()):
        made.task(name, title, complexity=1 + number % 2)
    made.commit("Ask for work")
    return made


def expected(plain: int) -> dict[str, tuple[str, str]]:
    """What comes of the titles below without any kill, by task: its stage and phase."""
    found = {"bad": ("BUILD", "done"), "bad-review": ("REVIEW", "rejected")}
    for name in (*(f"task-{number}" for number in range(plain)), "small", "slow", SETTLED, REWORK):
        found |= {name: ("BUILD", "done"), f"{name}-review": ("REVIEW", "done")}
        found[f"{name}-review-security"] = ("SECURITY", "done")
    return found


@pytest.mark.slow
def test_forty_kills_leave_what_no_kill_would_have_left(tmp_path: Path) -> None:
    titles = {f"task-{number}": f"Do part {number}" for number in range(5)}
    titles |= {"small": "Do it with a MINOR flaw", "bad": "Do it with a BLOCKER", "slow": "Do it SLOW"}
    made = factory(tmp_path, titles)
    edits = [Edits.make(made.root), Edits.make(made.product, tracked=False)]
    killer = Killer(made.root, seed=7)
    assert killer.run(40, (0.05, 1.3), limit=500) == 0, killer.tail()
    assert faults(made.root, [made.product], killer) == []
    assert [fault for each in edits for fault in each.faults()] == []
    assert {name: (row["stage"], row["phase"]) for name, row in made.tasks().items()} == expected(5)
    assert killer.caught, "the kills never met anything in flight"
