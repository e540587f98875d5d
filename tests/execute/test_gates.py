"""What each gate lets through and what it stops: on commits made by real phases."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from reconciler.execute.attempt import run_attempt
from reconciler.execute.gates.places import boundaries
from reconciler.execute.gates.subject import Subject, TooMuch
from reconciler.execute.paths import UnsafePath, clean, matches
from reconciler.execute.sandbox import Sandbox
from reconciler.model.execution import GateReport, Result
from reconciler.model.history import TreeChange
from reconciler.model.job import AgentBrief, Brief, ProductBrief
from reconciler.model.spec import Criterion, GateRules, Limits, Paths, PolicySpec
from reconciler.model.vocabulary import GateResult
from tests.execute.conftest import Make, Repo, command, git, sh


@pytest.fixture
def judged(tmp_path: Path):
    def run(brief: Brief) -> dict[str, GateReport]:
        result: Result = asyncio.run(run_attempt(brief, tmp_path / "run"))
        assert result.message == ""
        return {gate.id: gate for gate in result.gates}

    return run


def test_an_acceptance_check_passes_fails_errs_or_waits_for_a_person(brief: Make, judged) -> None:
    acceptance = (
        Criterion(id="good", text="g", check="test -f new"),
        Criterion(id="bad", text="b", check="echo not there; test -f old"),
        Criterion(id="slow", text="s", check="sleep 9"),
        Criterion(id="looks", text="It looks nice.", person=True),
        Criterion(id="told", text="Only told."),
    )
    policy = PolicySpec(limits=Limits(command="1s"))
    gates = judged(brief(command("touch", "new"), acceptance=acceptance, policy=policy))
    assert gates["acceptance/good"].result is GateResult.PASS
    assert gates["acceptance/good"].proves
    assert (gates["acceptance/bad"].result, gates["acceptance/bad"].message) == (GateResult.FAIL, "exit 1: not there")
    assert gates["acceptance/slow"].result is GateResult.ERROR
    assert gates["acceptance/looks"].result is GateResult.PERSON
    assert "acceptance/told" not in gates


def test_gates_see_the_commit_and_not_what_the_agent_left_lying_about(brief: Make, product: Repo, judged) -> None:
    product.commit({".gitignore": "cache/\n"})
    phase = sh("mkdir cache; touch cache/x; touch real")
    acceptance = (
        Criterion(id="ignored", text="", check="test -e cache"),
        Criterion(id="one", text="", check="test -f real && touch left"),
        Criterion(id="two", text="", check="test ! -e left"),
    )
    gates = judged(
        brief(phase, acceptance=acceptance, blueprint={"gates": (Criterion(id="g", text="", check="true"),)})
    )
    assert gates["acceptance/ignored"].result is GateResult.FAIL
    assert gates["acceptance/one"].result is gates["acceptance/two"].result is GateResult.PASS
    assert gates["blueprint/g"].proves


def test_the_products_tests_run_as_the_manifest_or_the_bases_makefile_says(brief: Make, product: Repo, judged) -> None:
    named = judged(brief(sh("touch x"), test="test -f x"))["tests"]
    assert (named.result, named.proves) == (GateResult.PASS, True)
    assert "tests" not in judged(brief(sh("touch x")))
    product.commit({"Makefile": "test:\n\ttest -f app/main.py\n"})
    assert judged(brief(sh("touch x")))["tests"].result is GateResult.PASS
    assert judged(brief(sh("rm app/main.py")))["tests"].result is GateResult.FAIL


def test_tests_that_the_work_brings_must_pass_and_prove_nothing(brief: Make, judged) -> None:
    gate = judged(brief(sh("printf 'test:\\n\\ttrue\\n' > Makefile")))["tests"]
    assert (gate.result, gate.proves) == (GateResult.PASS, False)


def test_weakened_tests_go_to_a_person_and_the_bases_tests_still_run(brief: Make, product: Repo, judged) -> None:
    product.commit({"Makefile": "test:\n\tsh tests/all.sh\n", "tests/all.sh": "grep -q hello app/main.py\n"})
    gates = judged(brief(sh("echo broken > app/main.py; echo true > tests/all.sh; touch tests/more.sh")))
    assert gates["tests"].result is GateResult.PASS
    assert gates["tests/base"].result is GateResult.FAIL
    assert gates["protected"].result is GateResult.PERSON
    assert "tests/all.sh" in gates["protected"].message
    assert "more.sh" not in gates["protected"].message
    gutted = judged(brief(sh("echo broken > app/main.py; printf 'test:\\n\\ttrue\\n' > Makefile")))
    assert (gutted["tests"].result, gutted["tests/base"].result) == (GateResult.PASS, GateResult.FAIL)
    gone = judged(brief(sh("echo broken > app/main.py; rm -r tests; touch tests")))
    assert gone["protected"].result is GateResult.PERSON
    assert gone["tests/base"].result is not GateResult.PASS


def test_adding_tests_is_free_and_an_unmerged_attempts_own_tests_may_change(brief: Make, product: Repo, judged) -> None:
    assert judged(brief(sh("mkdir tests; touch tests/test_a.py")))["protected"].result is GateResult.PASS
    main = git(product.path, "rev-parse", "main")
    git(product.path, "checkout", "-q", "-b", "work")
    start = product.commit({"tests/test_a.py": "one"})
    git(product.path, "checkout", "-q", "main")
    asked = brief(sh("echo two > tests/test_a.py"), start=start)
    assert asked.product
    assert asked.product.tip == main
    assert judged(asked)["protected"].result is GateResult.PASS


def test_ci_may_be_changed_only_in_the_stages_that_the_policy_names(brief: Make, product: Repo, judged) -> None:
    product.commit({".github/workflows/ci.yml": "on: push\n", "deploy/prod.yml": "a\n"})
    change = sh("echo 'on: pull' > .github/workflows/ci.yml")
    assert judged(brief(change))["protected"].result is GateResult.PERSON
    allowed = PolicySpec(gates=GateRules(protected_except=("BUILD",), protected=("deploy/**",)))
    assert judged(brief(change, policy=allowed))["protected"].result is GateResult.PASS
    assert judged(brief(sh("rm deploy/prod.yml"), policy=allowed))["protected"].result is GateResult.PERSON


@pytest.mark.parametrize(
    "line",
    [
        "Lorem ipsum dolor",
        "<your code here>",
        "// ... rest of the code",
        "# TODO: implement",
        "[Your company name here]",
    ],
)
def test_unfinished_text_is_found(brief: Make, judged, line: str) -> None:
    gate = judged(brief(command("python3", "-c", f"open('a.md', 'w').write('fine\\n{line}\\n')")))["placeholder"]
    assert gate.result is GateResult.FAIL
    assert gate.message.startswith("a.md:2:")


@pytest.mark.parametrize(
    "line",
    ["Read [the docs](http://x)", "# TODO list of the user", "todo = Todo()", "const rest = [...items]", "<App />"],
)
def test_ordinary_text_is_no_placeholder(brief: Make, judged, line: str) -> None:
    script = "import sys; open('a.md', 'w').write(sys.argv[1])"
    assert judged(brief(command("python3", "-c", script, line)))["placeholder"].result is GateResult.PASS


def test_the_policy_adds_patterns(brief: Make, judged) -> None:
    policy = PolicySpec(gates=GateRules(placeholders=("XXX",), secrets=(r"bento-[0-9]{6}",)))
    gates = judged(brief(sh("echo XXX > a; echo bento-123456 > b"), policy=policy))
    assert gates["placeholder"].result is gates["secrets"].result is GateResult.FAIL


@pytest.mark.parametrize(
    "secret",
    [
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "ghp_" + "a1B2" * 9,
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        'password = "' + 'hunter2hunter2x"',
    ],
)
def test_a_secret_is_found_not_repeated_and_its_branch_withdrawn(
    brief: Make, judged, product: Repo, tmp_path: Path, secret: str
) -> None:
    script = "import sys; open('conf.py', 'w').write('x = 1\\n' + sys.argv[1] + '\\n')"
    gate = judged(brief(command("python3", "-c", script, secret)))["secrets"]
    assert gate.result is GateResult.FAIL
    assert gate.message.startswith("conf.py:2: ")
    assert gate.log
    assert secret[5:] not in (tmp_path / "run/evidence" / gate.log).read_text()
    assert "alai/" not in git(product.path, "for-each-ref")


def test_a_key_without_its_first_line_is_found_though_no_line_of_it_tells(brief: Make, judged) -> None:
    key = "\n".join([*["b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZWQy"] * 4, "AAAEBQ=="])
    ending = "-----END OPENSSH " + "PRIVATE KEY-----"
    script = "import sys; open('part', 'w').write(sys.argv[1]); open('fine', 'w').write(sys.argv[2])"
    gate = judged(brief(command("python3", "-c", script, f"{key}\n{ending}\n", f"{key}\n")))["secrets"]
    assert gate.result is GateResult.FAIL
    assert gate.message.startswith("part: private key without its first line")


def test_a_token_broken_over_lines_is_found_though_no_line_of_it_tells(brief: Make, judged) -> None:
    token = ".\\n".join(["eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxMjM0NTY3ODkwIn0", "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV"])
    gate = judged(brief(sh(f"printf '{token}' > part")))["secrets"]
    assert gate.result is GateResult.FAIL
    assert gate.message.startswith("part: JSON web token")


@pytest.mark.parametrize(
    "line", ['PASSWORD="change-me-please-1"', 'token: "${SESSION_TOKEN_1}"', "postgres://bento:bento1@db:5432/bento"]
)
def test_what_stands_for_a_secret_is_none(brief: Make, judged, line: str) -> None:
    script = "import sys; open('conf', 'w').write(sys.argv[1])"
    assert judged(brief(command("python3", "-c", script, line)))["secrets"].result is GateResult.PASS


def test_a_change_must_be_open_to_a_role_that_acted(brief: Make, judged, tmp_path: Path) -> None:
    agents = {"builder": AgentBrief(name="b", role="builder", prompt="", paths=Paths(allow=("app/**",)))}
    assert judged(brief(sh("touch app/x"), agents=agents))["paths"].result is GateResult.PASS
    subject = Subject(
        root=tmp_path,
        evidence=tmp_path,
        sandbox=Sandbox.plain(),
        policy=PolicySpec(),
        product=brief().product,
        role_paths=(Paths(allow=("app/**",)),),
        changes=[TreeChange("y", "100644", None, "0")],
    )
    (report,) = boundaries(subject)
    assert report.result is GateResult.FAIL


@pytest.mark.parametrize(
    ("path", "glob", "hit"),
    [
        ("app/a/b.py", "app/**", True),
        ("app", "app/**", False),
        ("a/b.py", "*.py", False),
        ("b.py", "**/*.py", True),
        ("a/b/c.py", "**/*.py", True),
        ("apps/x", "app/**", False),
        ("infra/x", "infra/", True),
        ("a.py\n", "a.py", False),
    ],
)
def test_globs_mean_what_they_say(path: str, glob: str, hit: bool) -> None:
    assert (matches(path, [glob]) is not None) is hit


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../x", "a/../../x", "a//b", ".git/config", "a/.GIT/hooks/x", "a\\b", "C:x", "a\nb", "."],
)
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(UnsafePath):
        clean(path)


def test_what_is_too_large_to_be_looked_through_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "holes").touch()
    os.truncate(tmp_path / "holes", 51_000_000)
    subject = Subject(
        root=tmp_path,
        evidence=tmp_path,
        sandbox=Sandbox.plain(),
        policy=PolicySpec(),
        product=ProductBrief(path="/no/such/product", branch="main", tip="1", start="1"),
        commit="2",
        changes=(TreeChange(path="holes", old=None, new="3", mode="100644"),),
    )
    subject.read_added()
    with pytest.raises(TooMuch):
        list(subject.lines())
