"""Measures how the work of a function grows with its input: twice the size must cost about twice the CPU."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_SURE = 0.004
"""seconds of CPU below which a measurement says nothing"""
_TRIES = 5


def linear(do: Callable[[T], object], make: Callable[[int], T], size: int = 500, largest: int = 100_000) -> bool:
    """At twice the size at most three times the CPU; what is quick at the largest size is. Disturbed: again."""
    while (quick := _cpu(do, make(size)) < _SURE) and size < largest:
        size *= 4
    return quick or any(_ratio(do, make, size) <= 3 for _ in range(_TRIES))


def _ratio(do: Callable[[T], object], make: Callable[[int], T], size: int) -> float:
    once, twice = make(size), make(2 * size)
    return min(_cpu(do, twice) for _ in range(2)) / max(min(_cpu(do, once) for _ in range(3)), _SURE / 2)


def _cpu(do: Callable[[T], object], given: T) -> float:
    began = time.process_time()
    do(given)
    return time.process_time() - began
