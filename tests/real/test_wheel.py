"""The bare wheel in a fresh environment: what it needs comes with it, also to probe, classify and finish a task."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.backends.test_capabilities import able
from tests.e2e.factory import environment
from tests.e2e.test_classify import asking, said
from tests.standins.ollama import OllamaStandIn

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of an environment in which nothing but the wheel was installed."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    made = subprocess.run([*pip, "wheel", "--no-deps", "-w", folder, ROOT], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"the wheel's build system cannot be had here: {made.stderr.splitlines()[-1:]}")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run([*pip, "--python", python, "install", *folder.glob("*.whl")], check=True)
    return python.with_name("alai-reconcile")


def model(body: dict[str, Any]) -> Any:
    """Good at its trial, and sure about what it classifies."""
    return said() if "domain" in json.dumps(body.get("format", "")) else able(body)


def test_a_wheel_alone_can_start_a_factory_try_a_model_ask_it_and_finish_a_task(command: Path, tmp_path: Path) -> None:
    with OllamaStandIn(answer=model, models=("tiny:latest",)) as server:
        made = asking(tmp_path, server.url)
        made.command = command
        probed = json.loads(made.ok("fleet", "--probe", "-o", "json"))
        assert "schema" in json.dumps(next(host for host in probed["hosts"] if host["name"] == "forge"))
        made.ok("apply")
    found = json.loads((made.root / "evidence/_/a/classification.json").read_text())
    assert (found["sure"], found["type"]) == (True, "drawing")
    assert json.loads(made.ok("show", "Task/a", "-o", "json"))["phase"] == "done"
    made.ok("verify")


def test_a_wheel_alone_makes_a_factory_that_it_finds_valid(command: Path, tmp_path: Path) -> None:
    def run(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [command, *args], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
        )

    made = run("init", "--example", "pair", "here")
    assert made.returncode == 0, made.stderr
    checked = run("-C", "here/factory", "validate")
    assert checked.returncode == 0, checked.stderr
