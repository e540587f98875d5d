"""What ends well is not believed to be tested, and no work is judged by what it wrote to judge itself with."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from reconciler.execute.attempt import run_attempt
from reconciler.model.execution import Result
from reconciler.model.job import Brief
from reconciler.model.spec import Criterion
from reconciler.model.vocabulary import Verdict
from reconciler.plan.verdict import verdict
from tests.execute.conftest import Make, Repo, sh

TEST = """import unittest
from calc import add


class T(unittest.TestCase):
    def test_add(self):
        self.assertEqual(add(1, 2), 3)
"""
WRONG = "def add(a, b): return a - b\n"
RIGHT = "def add(a, b): return a + b\n"
MAKEFILE = "test:\n\tpython3 -m unittest -q\n"
PLAIN = {"Makefile": MAKEFILE, "calc.py": WRONG, "test_calc.py": TEST}
IN_SRC = {
    "Makefile": "test:\n\tPYTHONPATH=src python3 -m unittest discover -q -s tests\n",
    "src/calc.py": WRONG,
    "tests/test_calc.py": TEST,
}
SCRIPT = {**PLAIN, "Makefile": "test:\n\tsh scripts/all.sh\n", "scripts/all.sh": ". ./env.sh\npython3 -m unittest -q\n"}
SCRIPT["env.sh"] = "export A=1\n"
ON_PATH = {**PLAIN, "Makefile": f"export PATH := $(CURDIR)/bin:$(PATH)\n{MAKEFILE}", "bin/x": "x\n"}
NESTED = {"web/package.json": '{"scripts": {"test": "sh t.test.sh"}}\n', "web/t.test.sh": "test -e done\n"}
COMPILED = (
    "import os, py_compile as p, sys; open('/tmp/good.py', 'w').write('def add(a, b): return a + b\\n');"
    "p.compile('/tmp/good.py', cfile=f'__pycache__/calc.{sys.implementation.cache_tag}.pyc',"
    " invalidation_mode=p.PycInvalidationMode.UNCHECKED_HASH)"
)


def attempt(task: Brief, folder: Path) -> tuple[Result, Verdict, str]:
    result = asyncio.run(run_attempt(task, folder / "run"))
    outcome, _, message = verdict(task, result)
    return result, outcome, message


@pytest.mark.parametrize(
    ("product_files", "cheat"),
    [
        pytest.param(PLAIN, "printf 'import os; os._exit(0)\\n' > test_aaa.py", id="a new test that ends the run"),
        pytest.param(PLAIN, "printf 'import os; os._exit(0)\\n' >> calc.py", id="a program that ends the run"),
        pytest.param(
            PLAIN, "printf 'import atexit, os; atexit.register(os._exit, 0)\\n' >> calc.py", id="a status made good"
        ),
        pytest.param(IN_SRC, "printf 'def load_tests(*_): return T()\\n' > tests/__init__.py", id="no test is found"),
        pytest.param(IN_SRC, "printf 'import os; os._exit(0)\\n' > src/sitecustomize.py", id="a start of Python"),
        pytest.param(SCRIPT, "echo exit 0 > scripts/all.sh", id="a script that the Makefile calls"),
        pytest.param(SCRIPT, "echo 'trap \"exit 0\" EXIT' >> env.sh", id="a file that the script reads"),
        pytest.param(ON_PATH, "printf '#!/bin/sh\\n' > bin/python3; chmod +x bin/python3", id="a program on the path"),
        pytest.param(PLAIN, f'python3 -c "{COMPILED}"', id="a compiled module beside its source"),
    ],
)
def test_bad_work_is_not_accepted_by(
    product_files: dict[str, str], cheat: str, brief: Make, product: Repo, tmp_path: Path
) -> None:
    product.commit(dict(product_files))
    _, outcome, message = attempt(brief(sh(cheat)), tmp_path)
    assert outcome is Verdict.FAILED
    assert "tests" in message


def test_the_script_in_a_folder_that_the_command_names_is_that_of_the_base(
    brief: Make, product: Repo, tmp_path: Path
) -> None:
    product.commit(dict(NESTED))
    run = "cd web && sh -c \"$(sed 's/.*: //; s/[{}]//g; s/^.//; s/.$//' package.json)\""
    cheat = sh("sed -i 's/sh t.test.sh/true/' web/package.json")
    result, outcome, _ = attempt(brief(cheat, test=run), tmp_path)
    assert outcome is Verdict.FAILED
    assert {gate.id: gate.result.value for gate in result.gates}["tests/base"] == "fail"


def test_new_tests_beside_old_ones_and_first_tests_are_welcome(brief: Make, product: Repo, tmp_path: Path) -> None:
    product.commit({"Makefile": MAKEFILE, "calc.py": WRONG})
    good = f"printf '{RIGHT.strip()}\\n' > calc.py; cat > test_calc.py <<'END'\n{TEST}END\n"
    _, outcome, message = attempt(brief(sh(good)), tmp_path)
    assert outcome is Verdict.PASSED, message
    product.commit(dict(PLAIN))
    _, outcome, message = attempt(brief(sh(good.replace("test_calc", "test_more"))), tmp_path)
    assert outcome is Verdict.PASSED, message


@pytest.mark.parametrize(
    ("check", "cheat", "expected"),
    [
        ("make verify", "sed -i s,false,true, Makefile", Verdict.NEEDS_HUMAN),
        ("sh verify.sh", "echo exit 0 > verify.sh", Verdict.NEEDS_HUMAN),
        (
            "python3 -m json.tool nowhere",
            "echo 'import sys; sys.exit(len(sys.argv) > 9)' > json.py",
            Verdict.NEEDS_HUMAN,
        ),
        ("make lint", "printf 'lint:\\n\\ttrue\\n' >> Makefile", Verdict.PASSED),
    ],
)
def test_a_criterion_that_the_work_redefines_goes_to_a_person_and_a_new_target_does_not(
    check: str, cheat: str, expected: Verdict, brief: Make, product: Repo, tmp_path: Path
) -> None:
    makefile = f"{MAKEFILE}verify:\n\tfalse\n"
    product.commit({"Makefile": makefile, "calc.py": RIGHT, "test_calc.py": TEST, "verify.sh": "exit 1\n"})
    task = brief(sh(cheat), acceptance=(Criterion(id="v", text="It is verified", check=check),))
    _, outcome, message = attempt(task, tmp_path)
    assert outcome is expected, message


@pytest.mark.parametrize(
    ("work", "said"),
    [
        ("echo x > APP.txt; echo x > app.txt", "the same as"),
        ("echo x > AKIAIOSFODNN7EXAMPLQ.txt", "AWS access key"),
        ("printf 'AKIAIOSFODNN7EXAMPLQ' | sed 's/./&\\x00/g' > notes.txt", "AWS access key"),
    ],
)
def test_names_and_wide_letters_hide_nothing(work: str, said: str, brief: Make, product: Repo, tmp_path: Path) -> None:
    _, outcome, message = attempt(brief(sh(work)), tmp_path)
    assert outcome is Verdict.FAILED
    assert said in message


def test_a_check_that_cannot_see_all_changed_names_is_no_proof(brief: Make, product: Repo, tmp_path: Path) -> None:
    many = sh("mkdir d; for i in $(seq 1 900); do echo x > d/a-name-of-forty-characters-or-so-it-is-$i; done")
    task = brief(many, acceptance=(Criterion(id="v", text="x", check="for f in $ALAI_CHANGED; do test -e $f; done"),))
    _, outcome, message = attempt(task, tmp_path)
    assert outcome is not Verdict.PASSED
    assert "ALAI_CHANGED" in message
