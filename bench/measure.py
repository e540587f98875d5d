"""Runs one command as a child and says what it took. Knows nothing of factories.

This process must stay small: on Linux a child's peak memory is never reported below that of the process it came from.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
"""what is measured keeps its bytecode, as it does for users: compiling ourselves anew would cost 100 ms a start"""


@dataclass(frozen=True)
class Cost:
    """Wall and CPU seconds (children included), and the largest resident size that one process of it had, in bytes."""

    wall: float
    cpu: float
    memory: int


def once(argv: Sequence[str | Path], folder: Path, accept: Sequence[int] = (0,)) -> Cost:
    """Run `argv` in `folder` with its output dropped. Raises RuntimeError for another exit code."""
    output = os.open(os.devnull, os.O_RDWR)
    words = [str(word) for word in argv]
    here = os.getcwd()  # noqa: PTH109
    os.chdir(folder)
    try:
        began = time.perf_counter()
        # posix_spawn, not subprocess: the same short way for everything that is compared
        actions = [(os.POSIX_SPAWN_DUP2, output, number) for number in (0, 1)]
        child = os.posix_spawnp(words[0], words, ENVIRONMENT, file_actions=actions)
        _, status, usage = os.wait4(child, 0)
        wall = time.perf_counter() - began
    finally:
        os.chdir(here)
        os.close(output)
    code = os.waitstatus_to_exitcode(status)
    if code not in accept:
        raise RuntimeError(f"{' '.join(words)} in {folder} ended with {code}")
    size = usage.ru_maxrss if sys.platform == "darwin" else usage.ru_maxrss * 1024
    return Cost(wall, usage.ru_utime + usage.ru_stime, size)


def median(costs: Sequence[Cost]) -> Cost:
    """Median wall and CPU time, largest memory."""
    return Cost(
        statistics.median(cost.wall for cost in costs),
        statistics.median(cost.cpu for cost in costs),
        max(cost.memory for cost in costs),
    )


def side_by_side(runs: int, *measures: Callable[[], Cost]) -> list[Cost]:
    """The median of each, measured in turns, so that a disturbance meets all of them."""
    rounds = [[measure() for measure in measures] for _ in range(runs)]
    return [median(column) for column in zip(*rounds, strict=True)]
