"""Packages that nothing but the discovery of tests imports are told from those of the product."""

from __future__ import annotations

import pytest

from reconciler.execute.gates.discovery import unasked

TEST = {"test_hello.py": "import unittest\n\nfrom hello import greet\n"}
ACTS = "import hello\n\nhello.greet = str\n"


def found(work: dict[str, str], tests: dict[str, str] = TEST, before: tuple[str, ...] = ("hello.py",)) -> list[str]:
    inits = [path for path in work if path.endswith("__init__.py")]
    return unasked(inits, tests, before, work, work.__getitem__)


@pytest.mark.parametrize(
    "work",
    [
        {"hello.py": "", "greets/__init__.py": ACTS},
        {"hello.py": "# greets\ndef more():\n    import greets\n", "greets/__init__.py": ACTS},
        {"hello.py": "if False:\n    import greets\n", "greets/__init__.py": ACTS},
        {"hello.py": "", "more.py": "import greets\n", "greets/__init__.py": ACTS},
        {"hello.py": "", "unittest_more/__init__.py": "def load_tests(loader, tests, pattern): ...\n"},
        {"hello.py": "", "broken/__init__.py": "def\n"},
    ],
)
def test_a_package_that_no_test_comes_to_is_named(work: dict[str, str]) -> None:
    assert len(found(work)) == 1


@pytest.mark.parametrize(
    "work",
    [
        {"hello.py": "import greets\n", "greets/__init__.py": ACTS},
        {"hello.py": "from greets.words import x\n", "greets/__init__.py": ACTS, "greets/words.py": ""},
        {"hello.py": "try:\n    import greets\nexcept ImportError:\n    pass\n", "greets/__init__.py": ACTS},
        {"hello/__init__.py": "from .inner import x\n", "hello/inner/__init__.py": "from ..deep import y\n"},
        {"src/hello/__init__.py": "import os\n"},
        {"hello.py": "", "greets/__init__.py": '"""Greets."""\n\n__version__ = "1"\n__all__ = ["a", "b"]\n'},
        {"hello.py": "", "greets/__init__.py": ""},
    ],
)
def test_a_package_that_is_taken_in_or_does_nothing_is_not(work: dict[str, str]) -> None:
    assert found(work) == []


def test_a_package_of_the_branch_that_a_test_starts_by_its_name_is_taken_in() -> None:
    work, tests = {"app/__init__.py": ACTS}, {"test_app.py": 'run([python, "-m", "app"])\n'}
    assert found(work, tests, ("app/__init__.py",)) == []
    assert found(work, tests, ("app.py",)) == []
    assert found(work, tests, ()) == ["app/__init__.py"]
