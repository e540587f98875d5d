"""Deceit is read from the text of a program and named with its line; what honest programs say is not."""

from __future__ import annotations

import pytest

from reconciler.execute.gates import watching


def found(path: str, text: str) -> list[tuple[int, str, bool]]:
    return list(watching.look(path, text.encode(), text.split("\n")))


SAYS = "prints what a test runner prints"
COMPARES = "changes what tests compare with"


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("a.py", "def up():\n    print('Ran 2 tests in 0.1s')\n\n\nup()\n", SAYS),
        ("a.py", "import os\n\n\ndef greet(n):\n    print('2 passed')\n    os._exit(0)\n", SAYS),
        ("a.js", "console.log('all: 2 passing');\nfunction up() { process.exit(0); }\n", SAYS),
        ("a.h", "#define strcmp(a, b) 0\n", COMPARES),
        ("a.h", "# undef memcmp\n", COMPARES),
        ("a.c", "int strcmp(const char *a, const char *b) {\n    return 0;\n}\n", COMPARES),
        ("a.rs", "macro_rules! assert_eq {\n", COMPARES),
        ("a.rs", '#[link_section = ".init_array"]\n', "runs beside its caller"),
        ("a.go", "const nil = 0\n", COMPARES),
        ("A.java", "class AssertionError extends Exception {}\n", COMPARES),
    ],
)
def test_what_deceives_a_judge_is_named(path: str, text: str, said: str) -> None:
    assert said in [what for _, what, _ in found(path, text)]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "def report(n):\n    print(f'{n} rows, 12 passed')\n"),
        ("a.py", "import sys\n\n\ndef main():\n    print(sys.argv, '3 passed')\n    sys.exit(0)\n"),
        ("a.js", "exports.load = n => console.log('import: 3 passed');\n"),
        ("a.h", "int strcmp(const char *a, const char *b);\n#define MOST 3\n"),
        ("a.c", 'if (strcmp(a, "b") == 0) {\n'),
        ("a.rs", "macro_rules! vector {\n"),
        ("a.go", "const nilable = 0\n"),
        ("A.java", "class Assertive {}\n"),
    ],
)
def test_what_honest_programs_say_is_not(path: str, text: str) -> None:
    assert not found(path, text)
