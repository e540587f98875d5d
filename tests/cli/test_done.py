"""`done`: a person's word alone completes nothing."""

from __future__ import annotations

import pytest

from tests.e2e.factory import TinyFactory, git


@pytest.fixture
def asked(factory: TinyFactory) -> TinyFactory:
    """A task without criteria for a product whose tests pass, written after the product's last commit."""
    (factory.product / "Makefile").write_text("test:\n\tpython3 -m unittest -q test_all\n")
    (factory.product / "test_all.py").write_text(
        "import unittest\n\n\nclass Test(unittest.TestCase):\n    def test_it(self):\n        pass\n"
    )
    git(factory.product, "add", "-A")
    git(factory.product, "-c", "user.name=P", "-c", "user.email=p@x.org", "commit", "-qm", "tests")
    factory.task("thing", "Write a thing", suspend=True)
    factory.commit()
    return factory


def refused(factory: TinyFactory, *more: str) -> str:
    head = factory.head
    done = factory.cli("done", "thing", "--reason", "I did it", *more)
    assert (done.returncode, factory.head) == (3, head), done.stderr
    return done.stderr


def test_passing_tests_of_a_product_that_nobody_changed_show_nothing(asked: TinyFactory) -> None:
    assert "has no commit since it was written, and no criterion of it was checked" in refused(asked)
    assert "has no commit 'nonsense'" in refused(asked, "--commit", "nonsense")
    git(asked.product, "checkout", "-q", "-b", "side")
    git(asked.product, "commit", "-q", "--allow-empty", "-m", "elsewhere")
    side = git(asked.product, "rev-parse", "HEAD")
    git(asked.product, "checkout", "-q", "main")
    assert f"{side} is not on main" in refused(asked, "--commit", side)
    assert asked.show("thing")["phase"] == "suspended"


def test_a_commit_that_is_named_or_newer_than_the_task_shows_it(asked: TinyFactory) -> None:
    tip = git(asked.product, "rev-parse", "main")
    asked.ok("done", "thing", "--reason", "It was there already", "--commit", "main")
    row = asked.show("thing")
    assert (row["phase"], row["history"][-1]["product_commit"]) == ("done", tip)
