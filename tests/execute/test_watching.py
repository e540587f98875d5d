"""Deceit is read from the text of a program and named with its line; what honest programs say is not."""

from __future__ import annotations

import pytest

from reconciler.execute.gates import watching


def found(path: str, text: str) -> list[tuple[int, str, bool]]:
    return list(watching.look(path, text.encode(), text.split("\n")))


SAYS = "prints what a test runner prints"
COMPARES = "changes what tests compare with"
BEHIND = "names functions behind the compiler's back"
TWIN = "is another program while it is tested"
FINDS = "changes how modules are found"


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
        ("a.h", 'int strcmp(const char *, const char *) __asm__("hello_same");\n', COMPARES),
        ("a.c", 'int hello_same(const char *, const char *) __asm__("strcmp");\n', COMPARES),
        ("a.h", "#pragma redefine_extname strcmp hello_same\n", COMPARES),
        ("a.c", '__asm__(".globl abort\\n"\n', BEHIND),
        ("a.c", '".globl __assert_fail\\n__assert_fail: call hello_far\\n");\n', COMPARES),
        ("a.c", 'asm volatile\n("nop");\n', BEHIND),
        ("a.c", 'int same(void) __attribute__((alias("other")));\n', BEHIND),
        ("a.S", ".globl __assert_fail\n", COMPARES),
        ("a.rs", "#[cfg(test)]\npub fn greet() {}\n\n#[cfg(not(test))]\npub fn greet() {}\n", TWIN),
        ("a.rs", "#[cfg(\n    test\n)]\nuse good::greet;\n", TWIN),
        ("a.rs", "fn greet() {\n    #[cfg(test)]\n    return good();\n}\n", TWIN),
        ("a.rs", '#[cfg_attr(test, path = "good.rs")]\nmod words;\n', TWIN),
        ("a.rs", "#[cfg(all(test, unix))]\nimpl Greets for A {\n", TWIN),
        ("a.rs", "let comma = if cfg!(any(test, miri)) {\n", "asks whether a test runs"),
        ("a.py", "import sys\n\nsys.meta_path.insert(0, F())\n", FINDS),
        ("a.py", "from sys import path_hooks\n", FINDS),
        ("a.py", "import builtins\n\nbuiltins.__import__ = mine\n", FINDS),
        ("a.py", 'import builtins\n\nsetattr(builtins, "__import__", mine)\n', FINDS),
        ("a.py", 'import sys\n\ngetattr(sys, "meta_path").append(1)\n', FINDS),
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
        ("a.c", "struct asm_line *asm;\nint asm_size(int asm) {\n    return weak(asm);\n}\n"),
        ("a.rs", "#[cfg(test)]\nmod tests {\n    use super::*;\n"),
        ("a.rs", '#[cfg(test)]\n#[path = "a_tests.rs"]\nmod tests;\n'),
        ("a.rs", "#[cfg(test)]\nuse std::collections::HashMap;\n"),
        ("a.rs", "impl A {\n    #[cfg(test)]\n    pub(crate) fn empty() -> A {\n"),
        ("a.rs", "#![cfg_attr(not(test), no_std)]\n#![cfg_attr(test, allow(dead_code))]\n"),
        ("a.rs", '#[cfg(feature = "latest")]\nfn greet() {}\n'),
        ("a.py", "import importlib\n\nwords = __import__('words')\nmore = importlib.import_module('more')\n"),
    ],
)
def test_what_honest_programs_say_is_not(path: str, text: str) -> None:
    assert not found(path, text)
