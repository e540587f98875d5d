"""What a quick command must not import: an import is most of what a user waits for when little is to be done."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "asyncio",
    "dbos",
    "git",
    "httpx",
    "jinja2",
    "ollama",
    "pydantic",
    "qdrant_client",
    "rich",
    "ruamel",
    "sqlalchemy",
    "sqlite_utils",
}
PROGRAM = """
import sys
from cli.main import main
try:
    main()
except SystemExit as end:
    code = end.code or 0
else:
    code = 0
finally:
    print("imported", *sys.modules, file=sys.stderr)
sys.exit(code)
"""
TASK = """apiVersion: alai.dev/v1
kind: Task
metadata: {{name: probe}}
spec: {{title: {title}, suspend: true}}
"""


def run(*arguments: str | Path) -> tuple[int, str, set[str]]:
    """The exit code, what was printed, and the top-level modules that were imported."""
    command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    imported = done.stderr.rpartition("imported ")[2].split()
    return done.returncode, done.stdout, {name.partition(".")[0] for name in imported}


def commit(root: Path, title: str) -> None:
    (root / "manifests" / "probe.yaml").write_text(TASK.format(title=title))
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@localhost")
    for arguments in (("add", "--all"), (*who, "commit", "--quiet", "--message", title)):
        subprocess.run(["git", *arguments], cwd=root, check=True)


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("speed") / "factory"
    assert run("init", root)[0] == 0
    commit(root, "First")
    assert run("-C", root, "diff")[0] == 0
    return root


def test_help_imports_neither_click_nor_anything_heavy() -> None:
    code, said, imported = run("--help")
    assert code == 0
    assert said.startswith("Usage: alai-reconcile")
    assert imported & (HEAVY | {"click", "msgspec", "sqlite3", "yaml"}) == set()


def test_the_quick_help_is_the_help_that_click_would_print(monkeypatch: pytest.MonkeyPatch) -> None:
    code, said, imported = run("--debug", "--help")
    assert code == 0
    assert "click" in imported
    assert said == run("--help")[1]
    monkeypatch.setenv("COLUMNS", "50")
    assert "click" in run("--help")[2]  # lines have to be broken: that is left to click


def test_a_diff_of_nothing_imports_sqlite_alone(factory: Path) -> None:
    code, said, imported = run("-C", factory, "diff")
    assert code == 0
    assert "0 to dispatch" in said
    assert "sqlite3" in imported
    assert imported & (HEAVY | {"click", "msgspec", "yaml", "json", "subprocess"}) == set()


def test_a_diff_of_one_changed_file_imports_nothing_heavy(factory: Path) -> None:
    commit(factory, "Second")
    code, said, imported = run("-C", factory, "diff")
    assert code == 0
    assert "Task/probe" in said
    assert "jsonschema_rs" in imported  # it was read and checked
    assert imported & (HEAVY | {"click", "concurrent"}) == set()


def test_the_short_way_and_the_long_way_say_the_same(factory: Path) -> None:
    commit(factory, "Third")
    long = run("-C", factory, "diff", "-o", "text")
    short = run("-C", factory, "diff")
    assert (long[0], long[1]) == (short[0], short[1])
    assert "click" in long[2]
    assert "click" not in short[2]
