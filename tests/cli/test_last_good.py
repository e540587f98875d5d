"""A commit whose manifests have faults: who looks is answered from the last good one, who acts is stopped."""

from __future__ import annotations

import pytest

from tests.e2e.factory import TinyFactory, here

FAULT = "manifests/bad.yaml:2:1: not YAML"


@pytest.fixture
def broken(factory: TinyFactory) -> tuple[TinyFactory, str]:
    """A factory with a good commit that was seen, and a bad one on top."""
    factory.task("one", "Write one")
    good = factory.commit()
    assert here(factory, "diff").code == 2
    factory.write("manifests/bad.yaml", "kind: [broken\n")
    factory.commit()
    return factory, good


@pytest.mark.parametrize(
    ("command", "code", "shown"),
    [
        (("status",), 0, "open=1"),
        (("list",), 0, "one"),
        (("list", "companies"), 0, "works"),
        (("show", "Task/one"), 0, "Write one"),
        (("explain", "Task/one"), 0, "never attempted"),
        (("log",), 0, ""),
        (("route", "Write two"), 0, "works"),
        (("diff",), 1, "Task/one"),
        (("diff", "-o", "json"), 1, "Task/one"),
    ],
)
def test_who_looks_is_told_of_the_fault_and_answered_from_the_last_good_commit(
    broken: tuple[TinyFactory, str], command: tuple[str, ...], code: int, shown: str
) -> None:
    factory, good = broken
    said = here(factory, *command)
    assert (said.code, shown in said.out) == (code, True), said
    if command != ("log",):
        assert said.err.startswith(FAULT)
        assert f"This speaks of commit {good[:12]}, the last good one" in said.err


@pytest.mark.parametrize("command", [("apply",), ("add", "Write more"), ("suspend", "Task/one"), ("validate",)])
def test_who_acts_is_stopped_by_the_fault(broken: tuple[TinyFactory, str], command: tuple[str, ...]) -> None:
    factory, _ = broken
    head = factory.head
    said = here(factory, *command)
    assert (said.code, factory.head) == (1, head)
    assert FAULT in said.err


def test_where_nothing_good_was_ever_seen_the_fault_is_all_there_is(broken: tuple[TinyFactory, str]) -> None:
    factory, _ = broken
    for path in (factory.root / "state").glob("factory.db*"):
        path.unlink()
    said = here(factory, "list")
    assert said.code == 1
    assert said.err.startswith(FAULT)
