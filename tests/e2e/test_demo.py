"""The demo, as `make demo` runs it: real model, real git, from five tasks to thirty. The longest test of all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from reconciler.execute.backends import weights

COMMAND = Path(sys.executable).with_name("alai-reconcile")
WROTE = {"bento-scaffold", "bento-schema", "bento-landing", "bento-auth", "bento-meals"}
FIXES = {"bento-env-example", "bento-health-endpoint", "bento-csp-headers", "bento-rate-limit"}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "-C", folder, *arguments], capture_output=True, text=True, timeout=1200, check=False, env=os.environ
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    pytest.importorskip("xllamacpp")
    if weights.installed() is None:
        pytest.skip("the embedded model is not installed: alai-reconcile model fetch")
    folder = tmp_path_factory.mktemp("demo") / "bento"
    made = subprocess.run([COMMAND, "init", "--example", "bento", folder], capture_output=True, check=False)
    assert made.returncode == 0, made.stderr
    return folder, run(folder / "factory", "apply")


def _five_tasks_become_thirty_and_all_are_done(demo: tuple[Path, Any]) -> None:
    folder, applied = demo
    assert applied.returncode == 0, applied.stdout + applied.stderr
    tasks = json.loads(run(folder / "factory", "list", "tasks", "-o", "json").stdout)
    assert {task["phase"] for task in tasks} == {"done"}
    assert Counter(task["stage"] for task in tasks) == {"BUILD": 9, "REVIEW": 9, "SECURITY": 9, "OPS": 1, "DOCS": 2}
    assert {task["name"] for task in tasks if task["stage"] == "BUILD"} == WROTE | FIXES


def _two_hosts_worked_and_a_model_wrote_something(demo: tuple[Path, Any]) -> None:
    folder, applied = demo
    tasks = json.loads(run(folder / "factory", "list", "tasks", "-o", "json").stdout)
    assert len({task["host"] for task in tasks}) == 2
    assert any(task["model"] and task["tokens"] for task in tasks)
    assert "Securion" in applied.stdout


def _the_product_has_what_the_reviews_asked_for_and_its_tests_pass(demo: tuple[Path, Any]) -> None:
    product = demo[0] / "products" / "bento"
    assert (product / ".env.example").exists()
    assert "Content-Security-Policy" in "".join(path.read_text() for path in (product / "frontend").rglob("*.mjs"))
    kotlin = "".join(path.read_text() for path in (product / "api").rglob("*.kt"))
    assert '"/health"' in kotlin
    assert "RateLimit" in kotlin
    assert subprocess.run(["make", "test"], cwd=product, capture_output=True, check=False).returncode == 0


def _a_second_apply_finds_nothing_and_every_claim_holds(demo: tuple[Path, Any]) -> None:
    factory = demo[0] / "factory"
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=factory, capture_output=True, check=True).stdout
    assert [run(factory, *args).returncode for args in (["diff"], ["rebuild", "--check"], ["verify"], ["apply"])] == [
        0
    ] * 4
    assert subprocess.run(["git", "rev-parse", "HEAD"], cwd=factory, capture_output=True, check=True).stdout == head
    executions = subprocess.run(
        ["git", "log", "--format=%(trailers:key=Alai-Execution,valueonly,separator=)"],
        cwd=factory,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert len(executions) == len(set(executions)) >= 30


def _the_story_can_be_told_without_the_database_and_a_flipped_byte_is_noticed(demo: tuple[Path, Any]) -> None:
    factory = demo[0] / "factory"
    (factory / "state").rename(factory.parent / "state-away")
    assert "BUILD: passed: Bento: Project scaffold" in run(factory, "log").stdout
    assert not (factory / "state").exists()
    victim = next((factory / "evidence").rglob("GOTCHA.md"))
    victim.write_bytes(victim.read_bytes()[:-1] + b"?")
    assert run(factory, "verify").returncode == 1


@pytest.mark.slow
@pytest.mark.timeout(1300)
def test_the_demo_ends_as_it_should_and_every_claim_of_it_holds(demo: tuple[Path, Any]) -> None:
    """One test: workers that shared these would each run the whole demo."""
    _five_tasks_become_thirty_and_all_are_done(demo)
    _two_hosts_worked_and_a_model_wrote_something(demo)
    _the_product_has_what_the_reviews_asked_for_and_its_tests_pass(demo)
    _a_second_apply_finds_nothing_and_every_claim_holds(demo)
    _the_story_can_be_told_without_the_database_and_a_flipped_byte_is_noticed(demo)
