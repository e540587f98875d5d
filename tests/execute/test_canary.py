"""Tests of ours that must fail are written in the way of the file that they are put into."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.execute.gates import report
from reconciler.execute.gates.canary import fail_at_end, fail_inline, plant
from reconciler.execute.gates.planted import Planted
from reconciler.execute.gates.trial import Run, _compared
from reconciler.model.execution import GateReport
from reconciler.model.vocabulary import GateResult

UNITTEST = "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(1, 1)\n"
MAIN = "if __name__ == '__main__':\n    unittest.main()\n"


def test_tests_of_ours_run_and_fail_beside_those_of_the_file_however_it_is_started(tmp_path: Path) -> None:
    planted = plant("test_x.py", UNITTEST + MAIN, "seed")
    assert planted
    assert (planted.own, planted.tests, len(planted.tokens)) == (1, 3, 2)
    (tmp_path / "test_x.py").write_text(planted.content)
    for argv in (["test_x.py"], ["-m", "unittest"]):
        done = subprocess.run([sys.executable, *argv], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode != 0
        assert all(token in done.stderr for token in planted.tokens)
        assert report.ran(done.stderr) == 4


def test_their_names_differ_from_judgement_to_judgement_and_not_within_one() -> None:
    first, again, other = (plant("test_x.py", UNITTEST, seed) for seed in ("a", "a", "b"))
    assert first == again
    assert first
    assert other
    assert not set(first.tokens) & set(other.tokens)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("test_x.py", "def test_a():\n    assert 1\n"),
        ("a.test.js", "import test from 'node:test';\ntest('a', () => {});\n"),
        ("a.spec.ts", "it('a', () => { expect(1).toBe(1) })\n"),
        ("a_test.go", "package a\nfunc TestA(t *testing.T) {}\n"),
        ("tests/a.rs", "#[test]\nfn a() {}\n"),
        ("src/lib.rs", "#[cfg(test)]\nmod tests {\n    #[test]\n    fn a() {}\n}\n"),
        ("src/test/java/ATest.java", "class ATest {\n    @Test void a() {}\n}\n"),
        ("src/test/kotlin/ATest.kt", "class ATest {\n    @Test fun a() {}\n}\n"),
        ("spec/a_spec.rb", "describe 'a' do\n  it 'b' do\n  end\nend\n"),
        ("tests/ATest.php", "<?php class ATest {\n    function testA() {}\n}\n"),
        ("test/a_test.exs", 'defmodule A do\n  test "a" do\n  end\nend\n'),
    ],
)
def test_every_usual_framework_has_its_own_form(path: str, content: str) -> None:
    planted = plant(path, content, "seed")
    assert planted
    assert planted.own == 1
    assert all(token in planted.content for token in planted.tokens)
    if path.endswith(".py"):
        ast.parse(planted.content)


@pytest.mark.parametrize(
    ("path", "content"), [("tests/help.py", "x = 1\n"), ("a.py", UNITTEST), ("test_x.py", "def (")]
)
def test_files_that_hold_no_tests_are_left_alone(path: str, content: str) -> None:
    assert plant(path, content, "seed") is None


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("all.sh", "true\nexit 0\n"),
        ("proof.py", "assert 1\n"),
        ("tests/t.c", "#include <assert.h>\nint main(void) { assert(1); return 0; }\n"),
        ("tests/u.c", "int main(void) { return 0; }\n"),
    ],
)
def test_a_program_without_a_framework_fails_where_it_would_end_well(path: str, content: str) -> None:
    planted = fail_at_end(path, content, "seed")
    assert planted
    assert planted.tokens[0] in planted.content
    assert (
        planted.content.index(planted.tokens[0])
        < max(planted.content.find("exit 0"), planted.content.find("return 0"), 10)
        or path == "proof.py"
    )


def test_code_in_a_command_fails_in_its_last_line_and_before_what_may_end_it() -> None:
    assert fail_inline("python3 -c 'assert 1'") == "python3 -c 'assert 1\nraise SystemExit(1)'"
    assert (
        fail_inline("python3 -c 'from a import cli; cli()'")
        == "python3 -c 'from a import cli; raise SystemExit(1); cli()'"
    )
    for left in ("python3 -c 'import sys; sys.exit(0)'", "python3 -c 'cli()'", "python3 x.py"):
        assert fail_inline(left) == left


@pytest.mark.parametrize(
    ("said", "count"),
    [
        ("Ran 3 tests in 0.1s\n\nFAILED (failures=1, skipped=1)\n", 2),
        ("1 failed, 2 passed, 1 skipped in 0.01s\n", 3),
        ("# tests 4\n# pass 2\n# fail 1\n# skipped 1\n", 3),
        ("ok 1 - a\nnot ok 2 - b\nok 3 - c # SKIP\n", 2),
        ("--- FAIL: TestA (0.00s)\nFAIL\nFAIL\tx/y\t0.1s\nok  \tx/z\t0.1s\n", 2),
        ("=== RUN TestA\n--- PASS: TestA (0.0s)\n--- FAIL: TestB (0.0s)\nok  \tx/y\t0.1s\n", 2),
        ("test result: FAILED. 3 passed; 1 failed; 0 ignored\n", 4),
        ("Test Suites: 1 failed, 1 total\nTests:       1 failed, 2 passed, 3 total\n", 3),
        ("Tests run: 5, Failures: 1, Errors: 0, Skipped: 2\n", 3),
        ("3 examples, 1 failure\n", 3),
        ("all is well\n", 0),
    ],
)
def test_a_runners_summary_is_read_with_what_failed_and_without_what_was_skipped(said: str, count: int) -> None:
    assert report.ran(said) == count


@pytest.mark.parametrize(("reported", "said"), [({}, GateResult.FAIL), ({"test_a.py": 1}, GateResult.PERSON)])
def test_a_run_of_fewer_tests_than_before_the_work_is_not_believed(reported: dict[str, int], said: GateResult) -> None:
    red = GateReport(id="tests/canary", result=GateResult.FAIL)
    after, before = Run(red, reported, 3), Run(red, reported, 5)
    found = _compared(after, before, {}, 3)
    assert (found.result, found.message) == (said, "3 tests ran where 5 ran before the work")
    assert _compared(before, before, {}, 5).result is GateResult.PASS


@pytest.mark.parametrize("there", [0, 1])
def test_a_run_that_does_not_report_our_tests_as_the_base_does_is_not_believed(there: int) -> None:
    red = GateReport(id="tests/canary", result=GateResult.FAIL)
    planted = {"test_a.py": Planted(content="", tokens=("one", "two"), tests=3, own=1)}
    found = _compared(Run(red, {"test_a.py": there}, 3), Run(red, {"test_a.py": 2}, 3), planted, 1)
    assert found.result is GateResult.FAIL
    assert "tests of ours in it must fail" in found.message
