"""What agents leave for their company is judged again before it is committed."""

from __future__ import annotations

import msgspec

from reconciler.controller.notes import company_notes
from reconciler.git.repository import Repository
from reconciler.model.execution import Report, Result, StateFile
from reconciler.model.vocabulary import Reason, Verdict
from tests.execute.conftest import Make, Repo, brief, factory, product

__all__ = ["brief", "factory", "product"]


def result(*files: tuple[str, str]) -> Result:
    return Result(
        execution="e",
        ended=Verdict.PASSED,
        reason=Reason.PASSED,
        report=Report(agent_type="lead", company="codecraft", task_summary="t"),
        started_at=0,
        ended_at=1,
        state_files=tuple(StateFile(path=path, text=text) for path, text in files),
    )


def test_notes_are_committed_below_the_companys_state_and_nowhere_else(brief: Make, factory: Repo) -> None:
    given = result(("plan.md", "a"), ("deep/er.md", "b"), ("../CLAUDE.md", "c"), ("/etc/x", "d"), ("a//b", "e"))
    notes, judged = company_notes(Repository(factory.path), "HEAD", brief(), given)
    assert notes == {"companies/codecraft/state/plan.md": b"a", "companies/codecraft/state/deep/er.md": b"b"}
    assert [refusal.what for refusal in judged.refusals] == ["../CLAUDE.md", "/etc/x", "a//b"]


def test_no_note_goes_through_a_link_of_the_factorys_branch(brief: Make, factory: Repo) -> None:
    state = factory.path / "companies/codecraft/state"
    state.mkdir(parents=True)
    (state / "out").symlink_to("../../../manifests")
    factory.commit({".gitignore": "/state/\n"})
    made = msgspec.structs.replace(brief(), company_folder="companies/codecraft")
    notes, judged = company_notes(
        Repository(factory.path), "HEAD", made, result(("out/policy.yaml", "x"), ("in/x", "y"))
    )
    assert list(notes) == ["companies/codecraft/state/in/x"]
    assert judged.refusals[0].why == "leads through a link"


def test_notes_have_a_size_and_a_number(brief: Make, factory: Repo) -> None:
    many = [(f"{number}.md", "x") for number in range(30)]
    notes, judged = company_notes(Repository(factory.path), "HEAD", brief(), result(("big.md", "x" * 70_000), *many))
    assert len(notes) == 20
    assert len(judged.refusals) == 11
