"""An attempt whose phases are commands, templates and checks, with real git and the real sandbox."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path

import msgspec
import pytest

from reconciler.execute.attempt import run_attempt
from reconciler.execute.job import run_job
from reconciler.execute.sandbox import Sandbox
from reconciler.model.execution import Result
from reconciler.model.job import AgentBrief, AttemptJob, Brief
from reconciler.model.spec import BlueprintPhase, Check, Criterion, Limits, Paths, PolicySpec, RunPhase
from reconciler.model.vocabulary import GateResult, Reason, Verdict
from tests.execute.conftest import Make, Repo, command, git, sh


def attempt(brief: Brief, folder: Path) -> Result:
    return asyncio.run(run_attempt(brief, folder / "run"))


def gates(result: Result) -> dict[str, GateResult]:
    return {gate.id: gate.result for gate in result.gates}


def test_a_command_changes_the_product_and_its_work_is_committed_on_a_branch_of_its_own(
    brief: Make, product: Repo, tmp_path: Path
) -> None:
    result = attempt(brief(sh("echo '<h1>Shop</h1>' > index.html")), tmp_path)
    assert (result.ended, result.message) == (Verdict.PASSED, "")
    assert result.product_commit
    assert product.show("alai/shop-page", "index.html") == "<h1>Shop</h1>"
    assert git(product.path, "log", "-1", "--format=%an|%s|%at", result.product_commit) == (
        "CodeCraft builder|BUILD: Add a landing page|1790000000"
    )
    assert git(product.path, "status", "--porcelain") == ""
    assert not (tmp_path / "run/work").exists()
    assert not (tmp_path / "run/clean").exists()
    assert result.report.files_written == ("index.html",)


def test_doing_it_again_gives_the_same_commit_and_the_same_evidence(brief: Make, tmp_path: Path) -> None:
    asked = brief(
        sh("date +%N; echo same > a.txt", name="write"), acceptance=(Criterion(id="a", text="a", check="true"),)
    )
    first = attempt(asked, tmp_path)
    (tmp_path / "run/work").mkdir()
    second = attempt(asked, tmp_path)
    assert first.product_commit == second.product_commit
    names = [file.path for file in first.files]
    assert names == [file.path for file in second.files]
    assert {"GOTCHA.md", "report.json", "transcript.jsonl.gz", "gates/acceptance-a.log"} <= set(names)


def test_a_command_that_fails_ends_the_attempt_with_its_last_words_and_no_commit(brief: Make, tmp_path: Path) -> None:
    result = attempt(brief(sh("echo broken >&2; exit 3")), tmp_path)
    assert (result.ended, result.reason) == (Verdict.FAILED, Reason.AGENT_FAILED)
    assert "exited 3: broken" in result.message
    assert result.product_commit is None
    assert result.gates == ()
    assert "broken" in (tmp_path / "run/evidence/GOTCHA.md").read_text()


def test_commands_know_the_task_and_find_the_blueprint_as_the_trusted_commit_has_it(
    brief: Make, factory: Repo, product: Repo, tmp_path: Path
) -> None:
    trusted = factory.commit({"manifests/blueprints/bp/make.sh": "echo $ALAI_TASK/$ALAI_STAGE > who.txt\n"})
    (factory.path / "manifests/blueprints/bp/make.sh").write_text("echo evil > who.txt\n")
    phase = sh('sh "$BLUEPRINT/make.sh" && ! touch "$BLUEPRINT/x"')
    result = attempt(brief(phase, factory_commit=trusted), tmp_path)
    assert result.message == ""
    assert product.show("alai/shop-page", "who.txt") == "shop-page/BUILD"


def test_a_template_folder_is_rendered_into_the_product(
    brief: Make, factory: Repo, product: Repo, tmp_path: Path
) -> None:
    folder = "manifests/blueprints/bp/templates/page"
    factory.commit({f"{folder}/index.html.j2": "<h1>{{ task.title }}</h1>\n", f"{folder}/css/a.css": "b {{ c }}\n"})
    phase = BlueprintPhase(name="page", run=RunPhase(template="templates/page"))
    result = attempt(brief(phase), tmp_path)
    assert result.phases[0].files == ("css/a.css", "index.html")
    assert product.show("alai/shop-page", "index.html") == "<h1>Add a landing page</h1>"
    assert product.show("alai/shop-page", "css/a.css") == "b {{ c }}"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [("{{ nothing }}", "undefined"), ("{% if %}", "a.txt.j2:1"), ("{{ ''.__class__.mro() }}", "unsafe")],
)
def test_a_template_that_cannot_be_rendered_says_where(
    brief: Make, factory: Repo, tmp_path: Path, content: str, complaint: str
) -> None:
    factory.commit({"manifests/blueprints/bp/t/a.txt.j2": content})
    result = attempt(brief(BlueprintPhase(name="page", run=RunPhase(template="t"))), tmp_path)
    assert result.reason is Reason.AGENT_FAILED
    assert complaint in result.message


def test_a_template_never_writes_through_a_link(brief: Make, factory: Repo, product: Repo, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (product.path / "css").symlink_to(tmp_path / "outside")
    product.commit({})
    factory.commit({"manifests/blueprints/bp/t/css/a.css": "x"})
    result = attempt(brief(BlueprintPhase(name="page", run=RunPhase(template="t"))), tmp_path)
    assert "css" in result.message
    assert not list((tmp_path / "outside").iterdir())


def test_checks_that_fail_become_findings_and_leave_no_trace(brief: Make, product: Repo, tmp_path: Path) -> None:
    checks = (
        Check(id="env", title="No .env.example", check="touch seen; test -f .env.example", detail="Add one."),
        Check(id="readme", title="No README", check="test -f README.md"),
    )
    phase = BlueprintPhase(name="look", role="reviewer", run=RunPhase(checks=True))
    result = attempt(brief(phase, read_only=True, blueprint={"checks": checks}), tmp_path)
    assert result.ended is Verdict.PASSED
    assert [(finding.id, finding.check, finding.detail) for finding in result.findings] == [
        ("env", checks[0].check, "Add one.")
    ]
    assert result.product_commit == git(product.path, "rev-parse", "main")


def test_a_check_that_takes_too_long_is_an_error_and_no_finding(brief: Make, tmp_path: Path) -> None:
    phase = BlueprintPhase(name="look", run=RunPhase(checks=True, timeout="200ms"))
    result = attempt(brief(phase, blueprint={"checks": (Check(id="a", title="a", check="sleep 9"),)}), tmp_path)
    assert (result.ended, result.reason, result.findings) == (Verdict.ERROR, Reason.TIMEOUT, ())


def test_a_read_only_stage_cannot_write(brief: Make, tmp_path: Path) -> None:
    result = attempt(brief(sh("echo x > app/new.py"), read_only=True), tmp_path)
    assert result.reason is Reason.AGENT_FAILED
    assert "Read-only file system" in result.message


def test_a_reviewer_who_may_not_write_is_held_to_it_in_a_stage_that_may(brief: Make, tmp_path: Path) -> None:
    agents = {"reviewer": AgentBrief(name="r", role="reviewer", prompt="", writes="nothing")}
    phase = BlueprintPhase(name="look", role="reviewer", run=RunPhase(command=("touch", "x")))
    assert attempt(brief(phase, agents=agents), tmp_path).reason is Reason.AGENT_FAILED


def test_where_a_sandbox_is_required_and_none_works_nothing_is_run(
    brief: Make, product: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sandbox, "detect", staticmethod(lambda limits: None))
    result = attempt(brief(sh(f"touch {tmp_path}/ran"), policy=PolicySpec(sandbox="required")), tmp_path)
    assert (result.ended, result.reason) == (Verdict.NEEDS_HUMAN, Reason.SANDBOX_MISSING)
    assert "install bubblewrap" in result.message
    assert not (tmp_path / "ran").exists()
    result = attempt(brief(sh(f"touch {tmp_path}/ran"), policy=PolicySpec(sandbox="preferred")), tmp_path)
    assert (tmp_path / "ran").exists()
    assert "commands ran without a sandbox" in (tmp_path / "run/evidence/GOTCHA.md").read_text()


def test_a_task_without_a_product_works_in_a_scratch_folder(brief: Make, tmp_path: Path) -> None:
    criterion = Criterion(id="there", text="there", check="test -f out")
    result = attempt(brief(command("touch", "out"), scratch=True, acceptance=(criterion,)), tmp_path)
    assert (result.ended, result.product_commit) == (Verdict.PASSED, None)
    assert gates(result) == {
        "secrets": GateResult.PASS,
        "placeholder": GateResult.PASS,
        "acceptance/there": GateResult.PASS,
    }


def test_a_product_that_is_not_there_is_named(brief: Make, product: Repo, tmp_path: Path) -> None:
    asked = brief(command("true"))
    assert asked.product
    gone = msgspec.structs.replace(asked, product=msgspec.structs.replace(asked.product, path=str(tmp_path / "gone")))
    assert attempt(gone, tmp_path).reason is Reason.PRODUCT_MISSING


def test_a_transcript_over_the_limit_is_left_out_and_its_digest_kept(brief: Make, tmp_path: Path) -> None:
    phase = sh("head -c 3000 /dev/urandom | od -x")
    result = attempt(brief(phase, scratch=True, policy=PolicySpec(limits=Limits(transcript_bytes=500))), tmp_path)
    assert "transcript.jsonl.gz" not in [file.path for file in result.files]
    assert "sha256" in (tmp_path / "run/evidence/GOTCHA.md").read_text()


def test_no_secret_reaches_the_evidence(brief: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOY_TOKEN", "correct-horse-battery")
    shaped = "ghp_" + "a1B2" * 10
    phase = sh(f"env; echo correct-horse-battery {shaped}; exit 1")
    result = attempt(brief(phase, scratch=True), tmp_path)
    written = [path.read_bytes() for path in (tmp_path / "run/evidence").rglob("*") if path.is_file()]
    unpacked = gzip.decompress((tmp_path / "run/evidence/transcript.jsonl.gz").read_bytes())
    for data in (*written, unpacked, msgspec.json.encode(result), (tmp_path / "run/progress.jsonl").read_bytes()):
        assert b"correct-horse" not in data
        assert shaped.encode() not in data
    assert "DEPLOY_TOKEN" not in json.loads(unpacked.splitlines()[0])["output"]


def test_cancelling_ends_the_processes_and_removes_the_worktree(brief: Make, tmp_path: Path) -> None:
    async def cancelled() -> None:
        task = asyncio.ensure_future(run_attempt(brief(sh("sleep 77.7 & sleep 77.7")), tmp_path / "run"))
        while not (tmp_path / "run/work/README.md").exists():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert not (tmp_path / "run/work").exists()
    assert not any(b"77.7" in path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists())


def test_a_job_gives_bytes_even_where_something_is_wrong_with_us(brief: Make, tmp_path: Path) -> None:
    asked = brief(command("true"), policy=PolicySpec(limits=Limits(command="soon")))
    data = asyncio.run(run_job(AttemptJob(id="j", brief=asked), tmp_path / "state"))
    result = msgspec.json.decode(data, type=Result)
    assert (result.ended, result.reason) == (Verdict.ERROR, Reason.INTERNAL)
    assert result.message.startswith("ValueError: 'soon'")


def test_paths_that_the_task_forbids_are_closed_to_templates_and_commands(
    brief: Make, factory: Repo, tmp_path: Path
) -> None:
    factory.commit({"manifests/blueprints/bp/t/infra/a": "x"})
    rules = Paths(allow=("app/**", "infra/**"), forbid=("infra/**",))
    rendered = attempt(brief(BlueprintPhase(name="p", run=RunPhase(template="t")), paths=rules), tmp_path)
    assert "forbidden by infra/**" in rendered.message
    closed = attempt(brief(sh("touch app/ok; echo x > top"), paths=rules), tmp_path)
    assert "Read-only file system" in closed.message
    script = "mkdir -p infra; touch infra/b app/ok"
    undone = attempt(brief(sh(script), paths=Paths(forbid=("infra/**",))), tmp_path)
    assert "put back: infra/b: forbidden by infra/**" in undone.message
    assert [refusal.what for refusal in undone.refusals] == ["infra/b"]


def test_progress_is_written_as_it_happens(brief: Make, tmp_path: Path) -> None:
    attempt(brief(command("true", name="one"), command("true", name="two"), scratch=True), tmp_path)
    events = [json.loads(line)["event"] for line in (tmp_path / "run/progress.jsonl").read_text().splitlines()]
    assert events == ["phase started", "phase ended"] * 2 + ["gates started", "ended"]
