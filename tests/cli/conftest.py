"""Two factories that are made once for all tests here, whichever process asks first; who changes one takes a copy."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.factory import TinyFactory, build


def _once(parent: Path, name: str, make: Callable[[Path], TinyFactory]) -> TinyFactory:
    """Make it where no other process has; a half-made one is thrown away."""
    target = parent / name
    with (parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = target / "made"
        if not done.exists():
            shutil.rmtree(target, ignore_errors=True)
            make(target)
            done.touch()
    return TinyFactory(target)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def empty(shared: Path) -> TinyFactory:
    """A factory without tasks. Not to be changed."""
    return _once(shared, "empty", build)


@pytest.fixture
def factory(empty: TinyFactory, tmp_path: Path) -> TinyFactory:
    """A factory of one's own."""
    return empty.copy(tmp_path / "own")


@pytest.fixture(scope="session")
def told(shared: Path) -> TinyFactory:
    """A factory in which much has happened. Not to be changed."""
    return _once(shared, "told", _tell)


@pytest.fixture
def story(told: TinyFactory, tmp_path: Path) -> TinyFactory:
    """The same, as one's own."""
    return told.copy(tmp_path / "story")


def _tell(folder: Path) -> TinyFactory:
    made = build(folder)
    made.task("shared-a", "Write a SHARED thing", priority="H")
    made.task("shared-b", "Write another SHARED thing", priority="H")
    made.task("plain", "Write a plain thing")
    made.task("after", "Come after it", dependsOn=["plain"])
    made.task("minor", "Write a MINOR thing", dependsOn=["after"])
    made.task("blocker", "Write a BLOCKER thing")
    made.task("stubborn", "Write a STUBBORN thing", priority="H")
    made.task("fails", "Write what FAILS")
    made.task("stuck", "Never comes", dependsOn=["fails"])
    made.task("capped", "FAILS within its budget", budget={"attempts": 1})
    made.task("ceo", "Prepare the CEO decision")
    made.task("tools", "Write prose")
    made.task("hard", "Take a hard decision")
    made.task("idle", "Wait until it is wanted", suspend=True)
    made.goal(
        "careful",
        "What a person admits",
        followUps="review",
        product={"repository": "../product"},
        tasks=[{"name": "one", "title": "Write with care"}],
    )
    made.goal(
        "branchy",
        "What stays on its branch",
        deliver="branch",
        product={"repository": "../product"},
        tasks=[{"name": "one", "title": "Write beside the main branch"}],
    )
    made.commit("Ask for all this")
    (folder / "applied.txt").write_text(made.ok("apply", code=4))
    return made
