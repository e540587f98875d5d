"""The order of the tests: each worker begins with its share of the slow ones, so that none is left for the end."""

from __future__ import annotations

import os

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    slow = [item for item in items if item.get_closest_marker("slow")]
    quick = [item for item in items if not item.get_closest_marker("slow")]
    share = len(items) // workers
    ordered: list[pytest.Item] = []
    for worker in range(workers):
        mine = slow[worker::workers]
        room = max(0, share - len(mine))
        ordered += mine + quick[:room]
        quick = quick[room:]
    items[:] = ordered + quick
