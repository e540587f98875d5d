"""The real program `claude`, with a stand-in for the model: no account is needed, and nothing is paid."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

# the factory, the product and the briefs of attempts are theirs
from tests.execute.conftest import brief, factory, product

__all__ = ["brief", "factory", "product"]

KEY = "sk-ant-the-key-of-nobody-in-real-tests"
INSTALLED = Path(sys.prefix) / "claude" / "node_modules" / ".bin" / "claude"
"""where `make test-real` puts it"""


@pytest.fixture(scope="session")
def program() -> str:
    found = str(INSTALLED) if INSTALLED.exists() else shutil.which("claude")
    if found is None:
        pytest.skip("there is no program claude here: `make test-real` installs it where there is npm")
    return found


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of nobody's, and a folder of its own for temporary files."""
    for name in os.environ:
        if name.startswith(("ANTHROPIC_", "CLAUDE_")) or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    (folder / ".claude").mkdir(parents=True)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return folder
