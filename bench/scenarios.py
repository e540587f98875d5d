"""What is measured: one function a line of the table, each against a reference from the same minutes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import factories
from bench.factories import ALAI
from bench.measure import Cost, median, once, side_by_side

STATUS = ("git", "status", "--porcelain")


@dataclass(frozen=True)
class Row:
    """A line of the table. `reference` None: there is nothing to compare with, the aim is in seconds."""

    what: str
    cost: Cost
    reference: Cost | None
    against: str
    aim: str
    note: str = ""


def startup(folder: Path, scale: float) -> Iterator[Row]:
    del scale
    shown, nothing = side_by_side(
        15, lambda: once([ALAI, "--help"], folder), lambda: once([sys.executable, "-c", "pass"], folder)
    )
    yield Row("--help", shown, nothing, "python -c pass", "5 x")


def quiet_small(folder: Path, scale: float) -> Iterator[Row]:
    """10,000 tasks: cold, warm, and after ten changed files."""
    count = int(10_000 * scale)
    root = factories.quiet(folder, count)
    diff, status = _diff(root), _status(root)
    yield Row(
        f"diff, cold, {count:,} manifests",
        _cold(root, 3),
        median([status() for _ in range(3)]),
        "git status",
        "3 s, 200 MiB",
    )
    warm, reference = side_by_side(15, diff, status)
    yield Row(f"diff, nothing differs, {count:,}", warm, reference, "git status", "1.5 x")
    changed: list[Cost] = []
    references: list[Cost] = []
    for turn in range(9):
        factories.edit_ten(root, turn, count)
        changed.append(diff())
        references.append(status())
    yield Row(f"diff, ten changed files of {count:,}", median(changed), median(references), "git status", "6 x")


def quiet_large(folder: Path, scale: float) -> Iterator[Row]:
    """100,000 tasks, warm."""
    count = int(100_000 * scale)
    root = factories.quiet(folder, count)
    diff, status = _diff(root), _status(root)
    diff()
    warm, reference = side_by_side(9, diff, status)
    yield Row(f"diff, nothing differs, {count:,}", warm, reference, "git status", "0.25 x")


def throughput(folder: Path, scale: float) -> Iterator[Row]:
    """1,000 trivial tasks from manifest to outcome commit, in one `apply`."""
    count = int(1_000 * scale)
    root = factories.trivial(folder, count)
    spent = once([ALAI, "-C", root, "apply"], folder)
    outcomes = int(factories.git(root, "rev-list", "--count", "--grep=^Alai-Outcome: passed", "HEAD"))
    if outcomes != count:
        raise RuntimeError(f"{outcomes} outcomes of {count} tasks")
    rate = f"{count / spent.wall:.0f} tasks/s, {spent.cpu / count * 1000:.0f} ms of CPU a task"
    yield Row(f"apply, {count:,} trivial tasks", spent, None, "", f"{60 * scale:.0f} s", rate)


def tool_loop(folder: Path, scale: float) -> Iterator[Row]:
    """A step of the tool loop against a server that answers at once: everything that is not the model."""
    steps = max(int(50 * scale), 5)
    for protocol in ("ollama-tool", "llama-tool"):
        argv = [sys.executable, "-m", "bench.loop", protocol, str(steps)]
        place = {**os.environ, "TMPDIR": str(folder)}
        runs: list[dict[str, float]] = [
            json.loads(subprocess.run(argv, env=place, check=True, capture_output=True).stdout) for _ in range(5)
        ]
        step, post = (
            median([Cost(run[name], run["cpu"], int(run["memory"])) for run in runs]) for name in ("step", "post")
        )
        note = f"{step.cpu * 1000:.1f} ms of CPU a step"
        yield Row(f"tool loop, {protocol}, a step", step, post, "httpx POST", "15 ms", note)


def _diff(root: Path) -> Callable[[], Cost]:
    return lambda: once([ALAI, "-C", root, "diff"], root.parent, accept=(0, 2))


def _status(root: Path) -> Callable[[], Cost]:
    once(STATUS, root)  # the first one after a checkout looks into every file
    return lambda: once(STATUS, root)


def _cold(root: Path, runs: int) -> Cost:
    costs: list[Cost] = []
    for _ in range(runs):
        shutil.rmtree(root / "state")
        costs.append(_diff(root)())
    return median(costs)


ALL: dict[str, Callable[[Path, float], Iterator[Row]]] = {
    "startup": startup,
    "small": quiet_small,
    "large": quiet_large,
    "throughput": throughput,
    "loop": tool_loop,
}
