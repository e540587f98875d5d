"""No work decides how the tests that judge it are run."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from reconciler.execute.attempt import run_attempt
from reconciler.execute.gates.steering import steers
from reconciler.model.job import Brief
from reconciler.model.vocabulary import Verdict
from reconciler.plan.verdict import verdict
from tests.execute.conftest import Make, Repo, git, sh

TEST = """import unittest
from calc import add


class T(unittest.TestCase):
    def test_add(self):
        self.assertEqual(add(1, 2), 3)
"""


@pytest.fixture
def task(brief: Make, product: Repo) -> Make:
    product.commit(
        {
            "Makefile": "test:\n\tpython3 -m unittest -q\n",
            "calc.py": "def add(a, b): return a - b\n",
            "test_calc.py": TEST,
        }
    )
    tip = git(product.path, "rev-parse", "HEAD")

    def build(text: str) -> Brief:
        made = brief(sh(text))
        assert made.product
        return msgspec.structs.replace(made, product=msgspec.structs.replace(made.product, tip=tip, start=tip))

    return build


@pytest.mark.parametrize(
    "cheat",
    [
        "printf 'test:\\n\\ttrue\\n' > GNUmakefile",
        "printf 'test:\\n\\ttrue\\n' > Makefile",
        "printf 'raise SystemExit(0)\\n' > unittest.py",
        "mkdir unittest && printf 'raise SystemExit(0)\\n' > unittest/__init__.py",
        "printf 'import os; os._exit(0)\\n' > sitecustomize.py",
    ],
)
def test_tests_run_as_the_base_runs_them(cheat: str, task: Make, tmp_path: Path) -> None:
    job = task(cheat)
    outcome, _, message = verdict(job, asyncio.run(run_attempt(job, tmp_path / "run")))
    assert outcome is not Verdict.PASSED, message


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("conftest.py", True),
        ("tests/conftest.py", True),
        ("tests/json.py", True),
        ("random/__init__.py", True),
        ("app/calendar.py", False),
        ("app/types/__init__.py", False),
        ("docs/json.md", False),
        ("calc.py", False),
        ("web/vitest.config.ts", True),
        ("package.json", True),
        ("web/package.json", False),
    ],
)
def test_what_steers_a_test_run_is_known_by_its_place(path: str, expected: bool) -> None:
    assert steers(path) is expected


def test_a_products_tests_do_not_know_that_they_judge_a_task(task: Make, tmp_path: Path) -> None:
    only_while_judged = "def add(a, b):\n    import os\n    return a + b if 'ALAI_STAGE' in os.environ else a - b\n"
    job = task(f"cat > calc.py <<'END'\n{only_while_judged}END")
    outcome, _, message = verdict(job, asyncio.run(run_attempt(job, tmp_path / "run")))
    assert outcome is not Verdict.PASSED, message
