"""Why a run failed, told from what real runners print."""

from __future__ import annotations

import pytest

from reconciler.execute.gates.cause import cause

PYTEST = """\
.F                                                                       [100%]
=================================== FAILURES ===================================
___________________________________ test_sum ___________________________________

    def test_sum():
>       assert add(1, 1) == 3
E       assert 2 == 3
E        +  where 2 = add(1, 1)

tests/test_add.py:5: AssertionError
=========================== short test summary info ============================
FAILED tests/test_add.py::test_sum - assert 2 == 3
1 failed, 1 passed in 0.03s
make: *** [Makefile:2: test] Error 1
"""
COLLECTING = """\
==================================== ERRORS ====================================
______________________ ERROR collecting tests/test_add.py ______________________
ImportError while importing test module 'tests/test_add.py'.
Traceback:
E   ModuleNotFoundError: No module named 'leftpad'
=========================== short test summary info ============================
ERROR tests/test_add.py
make: *** [test] Error 2
"""
UNITTEST = """\
.F
======================================================================
FAIL: test_sum (tests.test_add.TestAdd.test_sum)
----------------------------------------------------------------------
Traceback (most recent call last):
  File "tests/test_add.py", line 6, in test_sum
    self.assertEqual(add(1, 1), 3)
AssertionError: 2 != 3

----------------------------------------------------------------------
Ran 2 tests in 0.001s

FAILED (failures=1)
make: *** [Makefile:2: test] Error 1
"""
NODE_MODULE = """\
node:internal/modules/cjs/loader:1143
  throw err;
  ^

Error: Cannot find module 'mocha'
Require stack:
- test.js
    at Module._resolveFilename (node:internal/modules/cjs/loader:1140:15)
{
  code: 'MODULE_NOT_FOUND',
}

Node.js v20.20.2
"""
TAP = """\
TAP version 13
ok 1 - adds
not ok 2 - # TODO later
not ok 3 - subtracts
  ---
  error: 'Expected values to be strictly equal'
  ...
# fail 1
"""
JEST = """\
 FAIL  src/add.test.js
  ● add › adds two numbers

    expect(received).toBe(expected)

Test Suites: 1 failed, 1 total
npm error Lifecycle script `test` failed with error:
"""
GO = """\
--- FAIL: TestAdd (0.00s)
    add_test.go:9: got 2, want 3
FAIL
FAIL\texample.org/add\t0.002s
make: *** [test] Error 1
"""
CARGO = """\
running 2 tests
test tests::adds ... ok
test tests::subtracts ... FAILED

failures:

---- tests::subtracts stdout ----
thread 'tests::subtracts' panicked at src/lib.rs:14:9:
assertion `left == right` failed

error: test failed, to rerun pass `--lib`
"""
RUSTC = """\
   Compiling hello v0.1.0
error[E0425]: cannot find value `x` in this scope
 --> src/lib.rs:2:5
error: could not compile `hello` (lib) due to 1 previous error
"""
GCC = "cc -o add add.c\nadd.c:3:12: error: 'y' undeclared (first use in this function)\nmake: *** [all] Error 1\n"
GRADLE = """\
> Task :test FAILED
AddTest > adds two numbers FAILED
    org.opentest4j.AssertionFailedError: expected: <3> but was: <2>
FAILURE: Build failed with an exception.
"""


NO_PYTHON = "make: .venv/bin/python: No such file or directory"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (PYTEST, "tests/test_add.py::test_sum - assert 2 == 3"),
        (COLLECTING, "tests/test_add.py: ModuleNotFoundError: No module named 'leftpad'"),
        (UNITTEST, "test_sum (tests.test_add.TestAdd.test_sum): AssertionError: 2 != 3"),
        (NODE_MODULE, "Error: Cannot find module 'mocha'"),
        (TAP, "subtracts: error: 'Expected values to be strictly equal'"),
        (JEST, "src/add.test.js"),
        (GO, "TestAdd (0.00s)"),
        (CARGO, "tests::subtracts: panicked at src/lib.rs:14:9:"),
        (RUSTC, "error[E0425]: cannot find value `x` in this scope"),
        (GCC, "add.c:3:12: error: 'y' undeclared (first use in this function)"),
        (GRADLE, "AddTest > adds two numbers: org.opentest4j.AssertionFailedError: expected: <3> but was: <2>"),
        ("sh: 1: vitest: not found\nmake: *** [test] Error 127\n", "sh: 1: vitest: not found"),
        (
            "make: .venv/bin/python: No such file or directory\nmake: *** [Makefile:2: test] Error 127\n",
            "make: .venv/bin/python: No such file or directory",
        ),
        ("just\nwords\n", "words"),
        ("make: *** [Makefile:2: test] Error 1\n", "make: *** [Makefile:2: test] Error 1"),
        ("", ""),
    ],
)
def test_the_message_names_what_failed_and_not_that_make_did(said: str, told: str) -> None:
    assert cause(said) == told


TOKEN = "ghp_" + "a1B2c3D4" * 5
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\n" + "error: 0123456789abcdefABCDEF0123456789\n" * 4


@pytest.mark.parametrize("before", [0, 955, 965, 975])
def test_no_part_of_a_secret_is_told_wherever_its_line_is_cut(before: int) -> None:
    told = cause("x" * before + f" panicked at {TOKEN}, refused by the server\n")
    assert "ghp_" not in told
    assert "a1B2" not in told


def test_no_line_of_a_key_is_taken_for_an_error() -> None:
    assert "0123456789abcdef" not in cause(f"{KEY}-----END OPENSSH PRIVATE KEY-----\nmake: *** [test] Error 1\n")
