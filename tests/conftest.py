"""What holds for all tests: their order, and that nobody's own configuration is read or written.

Each worker begins with its share of the slow ones, so that none is left for the end.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Where the machine asks for no compiled files, each process that a test starts would compile the whole project anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


@pytest.fixture(scope="session", autouse=True)
def own_configuration() -> Iterator[Path]:
    """A configuration folder for the tests and every process that they start, in place of the user's own."""
    folder = tempfile.mkdtemp(prefix="alai-config-")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", folder)
        yield Path(folder)
    shutil.rmtree(folder)


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
