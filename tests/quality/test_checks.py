"""What each check of the standard quality gate lets through and what it costs a point: on commits of real phases."""

from __future__ import annotations

import asyncio
import typing
from pathlib import Path

import pytest
import yaml

from reconciler.execute.attempt import run_attempt
from reconciler.execute.gates.registry import ATTEMPT, CHECKS, read_all
from reconciler.execute.gates.subject import Subject
from reconciler.execute.sandbox import Sandbox
from reconciler.kinds.check import full
from reconciler.model.execution import GateReport, Result
from reconciler.model.job import Brief
from reconciler.model.share import share
from reconciler.model.spec import ALWAYS, CheckName, Criterion, GateRules, Point, PolicySpec, QualityGateSpec
from reconciler.model.vocabulary import GateResult, Reason, Verdict
from reconciler.plan.quality import score
from reconciler.plan.verdict import verdict
from tests.execute.conftest import Make, Repo, command, sh

DOCUMENT = yaml.safe_load((share("manifests") / "quality.yaml").read_text())
STANDARD = QualityGateSpec(
    threshold=DOCUMENT["spec"]["threshold"],
    points=tuple(Point(**point) for point in DOCUMENT["spec"]["points"]),
)
ADD = """
import pathlib, sys
path = pathlib.Path(sys.argv[1])
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(sys.argv[2])
"""


@pytest.fixture
def attempted(tmp_path: Path):
    def run(brief: Brief) -> Result:
        result: Result = asyncio.run(run_attempt(brief, tmp_path / "run"))
        assert result.message == ""
        return result

    return run


@pytest.fixture
def missing(brief: Make, attempted):
    """The points that do not hold after `phases`, and their messages."""

    def run(*phases, **fields) -> dict[str, str]:
        result = attempted(brief(*phases, quality=STANDARD, **fields))
        lost = score(STANDARD, result.gates).missing
        return {name: next(g.message for g in result.gates if g.point == name) for name in lost}

    return run


def write(path: str, text: str):
    return command("python3", "-c", ADD, path, text)


def test_the_standard_has_nineteen_points_of_which_fifteen_are_needed() -> None:
    assert full("QualityGate", DOCUMENT) == []
    assert (len(STANDARD.points), STANDARD.threshold) == (19, 15)
    assert {point.check for point in STANDARD.points} == set(typing.get_args(CheckName))


def test_every_name_of_a_check_has_its_function() -> None:
    assert set(ATTEMPT) | set(CHECKS) == set(typing.get_args(CheckName))
    assert set(ALWAYS) == set(ATTEMPT)
    assert not set(ATTEMPT) & set(CHECKS)


def test_ordinary_work_holds_every_point(missing) -> None:
    assert missing(write("docs/x.md", "See [the readme](../README.md#shop).\n")) == {}
    assert missing(sh("true")) == {}


@pytest.mark.parametrize(
    ("path", "text", "point"),
    [
        ("app/a.txt", "x = 1\n<<<<<<< HEAD\n", "merged-cleanly"),
        ("app/main.py.orig", "x\n", "merged-cleanly"),
        ("app/a.py", "def f(:\n    pass\n", "readable"),
        ("conf/a.json", '{"a": 1,}', "readable"),
        ("conf/a.yaml", "a: [1\n", "readable"),
        ("conf/a.toml", "a = \n", "readable"),
        ("tests/test_a.py", "import pytest\n\n@pytest.mark.skip\ndef test_a(): ...\n", "tests-run"),
        ("web/a.test.js", "it.only('works', () => {})\n", "tests-run"),
        ("app/new.py", "a = 1\nb = 2\nc = 3\nd = 4\ne = 5\n", "tests-added"),
        ("app/a.py", "breakpoint()\n", "no-debugging"),
        ("web/a.js", "debugger;\n", "no-debugging"),
        ("requirements.txt", "flask\n", "dependencies"),
        ("package.json", '{"dependencies": {"next": "latest"}}', "dependencies"),
        ("pyproject.toml", '[project]\ndependencies = ["flask>=1"]\n', "dependencies"),
        ("docs/long.md", "line\n" * 2_001, "reviewable"),
        ("docs/x.md", "See [it](nowhere.md).\n", "links"),
    ],
)
def test_a_fault_costs_its_point_and_no_other(missing, path: str, text: str, point: str) -> None:
    assert list(missing(write(path, text))) == [point]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("tsconfig.json", '{\n  // why\n  "a": 1,\n}'),
        ("charts/x/templates/a.yaml", "a: {{ .Values.b }}\n{{- if x }}\n"),
        ("tests/fixtures/bad.json", "{"),
        ("cloud.yaml", "a: !Ref Bucket\n"),
        ("docs/headings.rst", "Heading\n=======\n"),
        ("requirements.txt", "flask==3.0\nhttpx~=0.28\n# a comment\n-r other.txt\n"),
        ("package.json", '{"dependencies": {"next": "^15.0.0", "own": "workspace:*", "x": "file:../x"}}'),
        ("docs/x.md", "`[a](b)` and\n```\n[c](d)\n```\n[e](https://f) [g](#h) [i](mailto:j@k)\n"),
        ("tests/test_a.py", "import unittest\n\n@unittest.skipUnless(1, '')\nclass T(unittest.TestCase): ...\n"),
        ("app/a.py", "print('ready')\n"),
        ("app/__init__.py", ""),
    ],
)
def test_what_only_looks_like_a_fault_costs_nothing(missing, path: str, text: str) -> None:
    assert missing(write(path, text)) == {}


def test_a_file_keeps_its_mode_and_its_line_endings(missing) -> None:
    assert "its mode was 100644 and is 100755" in missing(sh("chmod +x app/main.py"))["files"]
    turned = missing(command("python3", "-c", "open('app/main.py', 'w', newline='').write('a = 1\\r\\nb = 2\\r\\n')"))
    assert "line endings" in turned["files"]


@pytest.mark.parametrize("script", ["head -c 1000001 /dev/zero | tr '\\0' x > big.txt", "printf 'a\\0b' > data.bin"])
def test_no_file_becomes_large_or_binary(missing, script: str) -> None:
    assert list(missing(sh(script))) == ["files"]
    assert missing(sh("printf 'a\\0b' > logo.png")) == {}


def test_what_was_broken_before_is_not_this_works_fault(missing, product: Repo) -> None:
    product.commit({"old.json": "{,}", "page.md": "[gone](gone.md)\n"})
    assert missing(sh("echo '{,,}' > old.json; echo more >> page.md")) == {}


def test_a_lock_file_goes_with_its_dependencies(missing, product: Repo) -> None:
    product.commit({"package.json": '{"dependencies": {}}', "package-lock.json": "{}"})
    change = """echo '{"dependencies": {"next": "15.0.1"}}' > package.json"""
    assert "package-lock.json did not" in missing(sh(change))["dependencies"]
    assert missing(sh(f"""{change}; echo '{{"a": 1}}' > package-lock.json""")) == {}
    assert missing(sh("""echo '{"dependencies": {}, "name": "x"}' > package.json""")) == {}


def test_new_programs_with_a_new_test_hold_the_point(missing) -> None:
    code = "printf 'a = 1\\nb = 2\\nc = 3\\nd = 4\\ne = 5\\n' > app/new.py"
    assert missing(sh(f"{code}; mkdir tests; echo 'import app' > tests/test_new.py")) == {}


def test_a_command_of_ones_own_is_a_point_and_what_it_writes_is_thrown_away(brief: Make, attempted) -> None:
    points = (
        Point(id="holds", proves="x", command="test -f new && touch left", severity="must"),
        Point(id="gone", proves="x", command="test -e left"),
        Point(id="slow", proves="x", command="sleep 5"),
    )
    from reconciler.model.spec import Limits

    gate = QualityGateSpec(threshold=1, points=points)
    result = attempted(brief(sh("touch new"), quality=gate, policy=PolicySpec(limits=Limits(command="1s"))))
    by_point = {report.point: report for report in result.gates if report.point}
    assert [by_point[name].result for name in ("holds", "gone", "slow")] == ["pass", "fail", "error"]
    assert score(gate, result.gates).missing == ("gone", "slow")
    assert not any(report.proves for report in by_point.values())


def test_with_a_quality_gate_no_gate_is_left_out(brief: Make, attempted) -> None:
    gate = QualityGateSpec(threshold=1, points=(Point(id="only", proves="x", check="links"),))
    acceptance = (Criterion(id="bad", text="b", check="false"),)
    job = brief(sh("touch x"), quality=gate, acceptance=acceptance)
    result = attempted(job)
    plain = attempted(brief(sh("touch x"), acceptance=acceptance))
    assert [g.id for g in result.gates] == [*(g.id for g in plain.gates), "links"]
    assert verdict(job, result)[:2] == (Verdict.FAILED, Reason.GATE_FAILED)


def test_a_check_that_breaks_is_an_error_and_no_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> list[str]:
        raise RuntimeError("out of order")

    monkeypatch.setitem(CHECKS, "links", broken)  # type: ignore[arg-type]
    subject = Subject(root=tmp_path, evidence=tmp_path, sandbox=Sandbox.plain(), policy=PolicySpec())
    (report,) = read_all(subject, ["links"])["links"]
    assert report.result is GateResult.ERROR
    assert report.message == "the gate broke: RuntimeError: out of order"


def test_fewer_points_than_the_threshold_fail_and_the_message_names_them(brief: Make, attempted) -> None:
    faults = (
        write("app/new.py", "breakpoint()\na = 1\nb = 2\nc = 3\nd = 4\n"),
        write("requirements.txt", "flask\n"),
        write("docs/x.md", "[a](b.md)\n"),
        write("docs/y.md", "line\n" * 2_001),
    )
    named = [phase.__class__(name=f"p{at}", run=phase.run) for at, phase in enumerate(faults)]
    rules = PolicySpec(gates=GateRules())
    acceptance = (Criterion(id="x", text="x", check="test -f docs/x.md"),)
    job = brief(*named, quality=STANDARD, acceptance=acceptance, policy=rules)
    result = attempted(job)
    outcome, reason, message = verdict(job, result)
    assert (outcome, reason) == (Verdict.FAILED, Reason.QUALITY)
    assert message.startswith(
        "14 of 19 points hold; missing: tests-added, no-debugging, dependencies, reviewable, links"
    )
    fewer = brief(*named[:3], quality=STANDARD, acceptance=acceptance)
    outcome, _, message = verdict(fewer, attempted(brief(*named[:3], quality=STANDARD, acceptance=acceptance)))
    assert outcome is Verdict.PASSED
    assert message.startswith("15 of 19 points hold; missing: tests-added, no-debugging, dependencies, links")


def test_no_number_of_points_outweighs_one_that_must_hold(brief: Make, attempted) -> None:
    acceptance = (Criterion(id="x", text="x", check="true"),)
    job = brief(write("a.json", "{,}"), quality=STANDARD, acceptance=acceptance)
    result = attempted(job)
    assert score(STANDARD, result.gates).points == (18, 19)
    assert verdict(job, result)[:2] == (Verdict.FAILED, Reason.GATE_FAILED)


@pytest.mark.parametrize("result", [GateResult.ERROR, GateResult.SKIPPED, GateResult.PERSON, GateResult.FAIL])
def test_only_a_pass_is_a_point(result: GateResult) -> None:
    gate = QualityGateSpec(threshold=1, points=(Point(id="a", proves="x", check="tests"),))
    reports = [
        GateReport(id="tests", result=GateResult.PASS, point="a"),
        GateReport(id="tests/base", result=result, point="a"),
    ]
    assert score(gate, reports).held == 0
    assert score(gate, reports[:1]).held == 1
    assert score(gate, []).held == 0


@pytest.mark.parametrize(
    ("point", "said"),
    [
        ({"id": "x", "proves": "y", "check": "tests", "severity": "should"}, "say `severity: must`"),
        ({"id": "x", "proves": "y", "check": "tset"}, "is not one of"),
        ({"id": "x", "proves": "y"}, "exactly one of"),
    ],
)
def test_a_mistake_in_a_quality_gate_is_found_before_work_is_judged(point: dict[str, str], said: str) -> None:
    wrong = {**DOCUMENT, "spec": {"threshold": 1, "points": [point]}}
    complaints = full("QualityGate", wrong)
    assert any(said in complaint.message for complaint in complaints)
    if point.get("check") == "tset":
        assert "tests" in complaints[0].known
