"""Branches of products, named as people name them."""

from __future__ import annotations

import pytest

from tests.e2e.factory import TinyFactory, git

NAMES = ["fix/#123-login", "dependabot/npm/@types/node-20", "épic/日本語", "it's,odd;$(x)|&"]


@pytest.mark.parametrize("branch", NAMES)
def test_work_is_merged_into_a_branch_of_any_name_that_git_allows(factory: TinyFactory, branch: str) -> None:
    git(factory.product, "branch", "-m", branch)
    factory.task("one", "Write one", product={"repository": "../product", "branch": branch})
    factory.commit()
    factory.ok("apply")
    assert factory.show("one-review")["phase"] == "done"
    assert (factory.product / "work/one.txt").exists()
    assert git(factory.product, "status", "--porcelain") == ""


@pytest.mark.parametrize("branch", ["-x", "a b", "a..b", "a~1", "a^", "a:b", "@{-1}", ".a", "a.", "a\\b", "a*"])
def test_what_git_allows_in_no_branch_is_refused_with_its_place(factory: TinyFactory, branch: str) -> None:
    factory.task("one", "Write one", product={"repository": "../product", "branch": branch})
    factory.commit()
    done = factory.cli("validate")
    assert done.returncode == 1
    assert "is not a branch name" in done.stderr
