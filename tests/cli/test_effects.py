"""The table of effects in docs/architecture.md, held to the code: where each is caused, and what has run before it."""

from __future__ import annotations

import importlib
import re
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any, NamedTuple

import pytest

from tests.e2e.factory import ROOT, TinyFactory, build, git, here

HEADING = "## Effects, and the checks before them"
QUOTED = re.compile(r"`([^`]+)`")


class Row(NamedTuple):
    effect: str
    causes: tuple[str, ...]
    callers: frozenset[str]
    checks: tuple[str, ...]


def _rows() -> list[Row]:
    section = (ROOT / "docs/architecture.md").read_text().split(HEADING)[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")][2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [
        Row(
            effect,
            tuple(QUOTED.findall(causes)),
            frozenset(QUOTED.findall(callers)),
            tuple(name for name in QUOTED.findall(checks) if "." in name),
        )
        for effect, causes, callers, checks in cells
    ]


ROWS = _rows()
NAMES = sorted({name for row in ROWS for name in (*row.causes, *row.checks)})


def _code(name: str) -> CodeType:
    """Of a function, a method, or the making of a class."""
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(["reconciler", *parts[:cut]]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            found = getattr(found, part)
        made: Callable[..., object] = found.__init__ if isinstance(found, type) else found
        return made.__code__
    raise AssertionError(f"{name}: there is no such function")


def _called(name: str) -> re.Pattern[str]:
    """How a call of it stands in the code."""
    *_, owner, last = name.split(".")
    if last[0].isupper():
        return re.compile(rf"(?<!class )\b{last}\(")
    if owner[0].isupper():
        return re.compile(rf"\.{last}\(")
    return re.compile(rf"\b{owner}s?\.{last}\(|(?<![\w.])(?<!def ){last}\(")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.effect)
def test_an_effect_is_caused_where_the_table_says_and_nowhere_else(row: Row) -> None:
    found: set[str] = set()
    for path in sorted([*(ROOT / "reconciler").rglob("*.py"), *(ROOT / "cli").rglob("*.py")]):
        text = path.read_text()
        if any(_called(name).search(text) for name in row.causes):
            found.add(path.relative_to(ROOT).as_posix().removeprefix("reconciler/"))
    assert found == row.callers


@contextmanager
def traced() -> Generator[list[str]]:
    """The names of the table, in the order in which they were called, in all threads of this process."""
    names = {_code(name): name for name in NAMES}
    seen: list[str] = []

    def look(frame: FrameType, event: str, arg: object) -> None:
        del arg
        if event == "call" and (name := names.get(frame.f_code)) is not None:
            seen.append(name)

    threading.setprofile(look)
    sys.setprofile(look)
    try:
        yield seen
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # pyright: ignore[reportArgumentType]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> TinyFactory:
    made = build(tmp_path_factory.mktemp("effects") / "one")
    made.edit("manifests/pipeline.yaml", "mergeAfter: REVIEW", "mergeAfter: BUILD")
    check = {"id": "there", "text": "It is there.", "check": "test -s work/one.txt"}
    made.task("one", "Write one", acceptance=[check, {"id": "look", "text": "It is pretty.", "person": True}])
    made.task("two", "Write two")
    made.commit()
    return made


RUNS = (
    (("apply",), 4),
    (("answer", "one", "--pass", "--reason", "pretty"), 0),
    (("fleet", "--probe"), 0),
    (("add", "Write three"), 0),
)


@pytest.mark.slow
def test_every_check_of_the_table_has_run_before_its_effect(asked: TinyFactory) -> None:
    caused: set[str] = set()
    for command, code in RUNS:
        with traced() as seen:
            done = here(asked, *command)
        assert done.code == code, done
        for row in ROWS:
            first = min((seen.index(name) for name in row.causes if name in seen), default=None)
            if first is None:
                continue
            caused.update(name for name in row.causes if name in seen)
            missing = [check for check in row.checks if check not in seen[:first]]
            assert not missing, f"{' '.join(command)}: {row.effect} before {missing}: {seen[: first + 1]}"
    assert (asked.product / "work/one.txt").exists()
    never = {name for row in ROWS for name in row.causes} - caused
    assert never == {"git.pin.create"}, "an effect that no command of this test causes is held by nothing"


def test_no_effect_of_the_table_comes_where_a_check_refuses(asked: TinyFactory) -> None:
    before = git(asked.product, "rev-parse", "main")
    asked.git("checkout", "-q", "-b", "side")
    try:
        for command, _ in RUNS:
            with traced() as seen:
                assert here(asked, *command).code == 3
            assert not {name for row in ROWS for name in row.causes} & set(seen), command
    finally:
        asked.git("checkout", "-q", "main")
    assert git(asked.product, "rev-parse", "main") == before
