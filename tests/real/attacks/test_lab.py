"""Honest work passes where the attacks of this folder are tried: otherwise they would prove nothing."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.model.vocabulary import Verdict
from tests.e2e.factory import git
from tests.real.attacks.lab import GOOD, Bench, Shop, criterion, runs, writes


def test_honest_work_is_passed_and_merged(shop: Shop) -> None:
    shop.does(writes("hello.py", GOOD), runs("make test"))
    shop.ask()
    shop.ok("apply")
    assert shop.outcome()["outcome"] == "passed"
    assert git(shop.product, "show", "main:hello.py") == GOOD.strip()


def test_honest_work_is_passed_on_the_bench(bench: Callable[..., Bench]) -> None:
    done = bench().works(writes("hello.py", GOOD), acceptance=criterion("python3 -c 'import hello'"))
    assert done.outcome is Verdict.PASSED, done.message
    assert done.gates["tests"] == "pass"
