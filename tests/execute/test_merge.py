"""Merging accepted work: the result is judged on a clean checkout, and no branch is moved."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from reconciler.execute.job import run_job
from reconciler.execute.merge import check_commit, run_merge
from reconciler.model.execution import MergeResult
from reconciler.model.job import Brief, MergeBrief, MergeJob
from reconciler.model.spec import Criterion
from reconciler.model.vocabulary import GateResult
from tests.execute.conftest import Make, Repo, command, git


def merging(brief: Brief, commit: str, **fields: object) -> MergeBrief:
    assert brief.product
    made = MergeBrief(
        execution=brief.execution, factory=brief.factory, title=brief.title, commit=commit, product=brief.product,
        acceptance=(Criterion(id="page", text="", check="test -f page"), Criterion(id="p", text="nice", person=True)),
        policy=brief.policy,
    )  # fmt: skip
    return msgspec.structs.replace(made, **fields)


def work(product: Repo, files: dict[str, str | None]) -> str:
    git(product.path, "checkout", "-q", "-b", "work")
    commit = product.commit(files)
    git(product.path, "checkout", "-q", "main")
    return commit


def test_work_is_merged_judged_and_left_for_the_controller_to_move(brief: Make, product: Repo, tmp_path: Path) -> None:
    commit = work(product, {"page": "p"})
    tip = product.commit({"other": "o"})
    asked = merging(brief(command("true"), test="test -f page && test -f other"), commit)
    first = asyncio.run(run_merge(asked, tmp_path / "run"))
    assert (first.state, first.target) == ("merged", tip)
    assert first.commit
    assert {"page", "other"} <= set(product.files(first.commit))
    assert [gate.result for gate in first.gates] == [GateResult.PASS, GateResult.PERSON, GateResult.PASS]
    assert git(product.path, "rev-parse", "main") == tip
    assert asyncio.run(run_merge(asked, tmp_path / "run")).commit == first.commit


def test_what_is_in_already_is_merged(brief: Make, product: Repo, tmp_path: Path) -> None:
    commit = product.commit({"page": "p"})
    tip = product.commit({"more": "m"})
    result = asyncio.run(run_merge(merging(brief(command("true")), commit), tmp_path / "run"))
    assert (result.state, result.commit) == ("merged", tip)


def test_a_conflict_names_its_files(brief: Make, product: Repo, tmp_path: Path) -> None:
    commit = work(product, {"README.md": "theirs\n"})
    product.commit({"README.md": "ours\n"})
    result = asyncio.run(run_merge(merging(brief(command("true")), commit), tmp_path / "run"))
    assert (result.state, result.conflicts, result.commit) == ("conflict", ("README.md",), None)


def test_a_result_that_fails_its_tests_is_not_merged(brief: Make, product: Repo, tmp_path: Path) -> None:
    commit = work(product, {"page": "p"})
    product.commit({"other": "o"})
    asked = merging(brief(command("true"), test="test ! -f page || test ! -f other"), commit)
    result = asyncio.run(run_merge(asked, tmp_path / "run"))
    assert result.state == "gates-failed"
    assert "tests" in result.message


def test_a_product_that_is_gone_is_an_error_in_words(brief: Make, product: Repo, tmp_path: Path) -> None:
    asked = merging(brief(command("true")), "0" * 40)
    data = asyncio.run(run_job(MergeJob(id="m", brief=asked), tmp_path / "state"))
    assert msgspec.json.decode(data, type=MergeResult).state == "error"


def test_a_persons_own_work_is_checked_where_it_is(brief: Make, product: Repo, tmp_path: Path) -> None:
    commit = product.commit({"page": "p"})
    gates = asyncio.run(check_commit(merging(brief(command("true")), commit), tmp_path / "run"))
    assert [(gate.id, gate.result) for gate in gates] == [
        ("acceptance/page", GateResult.PASS),
        ("acceptance/p", GateResult.PERSON),
    ]
