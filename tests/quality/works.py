"""Products whose greeting is wrong, and what work may make of them: for tests of who judges whom."""

from __future__ import annotations

import asyncio
import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reconciler.execute.attempt import run_attempt
from reconciler.execute.sandbox import Sandbox
from reconciler.execute.toolchain import toolchain
from reconciler.model.execution import Result
from reconciler.model.job import Brief
from reconciler.model.spec import BlueprintPhase, Criterion
from reconciler.model.vocabulary import Verdict
from reconciler.plan.verdict import verdict
from tests.execute.conftest import Make, Repo, command

Files = dict[str, str | None]

BAD = 'def greet(name):\n    return "Hello " + name\n'
GOOD = 'def greet(name):\n    return "Hello, " + name\n'
TEST = """import unittest

from hello import greet


class T(unittest.TestCase):
    def test_a(self):
        self.assertEqual(greet("Ada"), "Hello, Ada")

    def test_b(self):
        self.assertEqual(greet("Bo"), "Hello, Bo")


if __name__ == "__main__":
    unittest.main()
"""
PYTEST = """from hello import greet


def test_a():
    assert greet("Ada") == "Hello, Ada"


def test_b():
    assert greet("Bo") == "Hello, Bo"
"""
JS_TEST = """const test = require('node:test');
const assert = require('node:assert');
const { greet } = require('./index.js');

test('a', () => assert.strictEqual(greet('Ada'), 'Hello, Ada'));
test('b', () => assert.strictEqual(greet('Bo'), 'Hello, Bo'));
"""
JS_BAD = "exports.greet = n => 'Hello ' + n;\n"
JS_GOOD = "exports.greet = n => 'Hello, ' + n;\n"
C_TEST = """#include <assert.h>
#include <string.h>
#include "hello.h"

int main(void) {
    char out[64];
    greet("Ada", out);
    assert(strcmp(out, "Hello, Ada") == 0);
    return 0;
}
"""
C_HEAD = "void greet(const char *name, char *out);\n"
C_BAD = '#include <stdio.h>\n#include "hello.h"\nvoid greet(const char *n, char *o) { sprintf(o, "Hello %s", n); }\n'
C_GOOD = C_BAD.replace("Hello %s", "Hello, %s")
AUDIT = """import sys

sys.path.insert(0, ".")
from hello import greet

assert greet("Ada") == "Hello, Ada"
print("fine")
"""

HELLO: Files = {"Makefile": "test:\n\tpython3 -m unittest -q\n", "hello.py": BAD, "test_hello.py": TEST}
WITH_PYTEST: Files = {
    "Makefile": "test:\n\tpython3 -m pytest -q -p no:cacheprovider\n", "hello.py": BAD, "test_hello.py": PYTEST,
}  # fmt: skip
SUITE: Files = {
    **HELLO,
    "Makefile": "test:\n\tpython3 suite.py\n",
    "suite.py": "import unittest\nunittest.main(module=None, argv=['x', 'discover'])\n",
}
NODE: Files = {
    "package.json": json.dumps({"name": "x", "version": "1.0.0", "scripts": {"test": "node --test"}}),
    "index.js": JS_BAD,
    "index.test.js": JS_TEST,
}
C: Files = {
    "Makefile": "test: hello_t\n\t./hello_t\nhello_t: tests/test_hello.c hello.c\n\t$(CC) -I. -o $@ $^\n",
    "hello.h": C_HEAD, "hello.c": C_BAD, "tests/test_hello.c": C_TEST,
}  # fmt: skip
AUDITED: Files = {"hello.py": BAD, "tools/audit.py": AUDIT}
AUDITS = (Criterion(id="comma", text="the audit passes", check="python3 tools/audit.py"),)
INLINE = (
    Criterion(
        id="comma", text="greets", check='python3 -c \'from hello import greet; assert greet("Ada") == "Hello, Ada"\''
    ),
)

_WRITE = """
import json, pathlib, sys
for name, text in json.loads(sys.argv[1]).items():
    path = pathlib.Path(name)
    if text is None:
        path.unlink()
        continue
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
"""


def work(files: Files) -> BlueprintPhase:
    """A phase that writes these files; None takes one away."""
    return command("python3", "-c", _WRITE, json.dumps(files))


def judged(
    brief: Make, product: Repo, folder: Path, files: Files, done: Files, fields: dict[str, Any]
) -> tuple[Verdict, str]:
    """What becomes of work (`done`) on a product (`files`), and why. Skips where the product's tools are missing."""
    tools = {"package.json": "node", "hello.c": "cc", "Cargo.toml": "cargo", "Hello.java": "javac"}
    for name, tool in tools.items():
        if name in files and not inside(tool, "-version" if tool == "javac" else "--version"):
            pytest.skip(f"there is no {tool} where products are tested")
    product.commit({"app/main.py": None, **files})
    found, message, _ = outcome(brief(work(done), **fields), folder)
    return found, message


def check(command: str, text: str = "It is so") -> dict[str, Any]:
    """A brief's only criterion."""
    return {"acceptance": (Criterion(id="c", text=text, check=command),)}


def outcome(task: Brief, folder: Path) -> tuple[Verdict, str, Result]:
    result = asyncio.run(run_attempt(task, folder / "run"))
    found, _, message = verdict(task, result)
    return found, message, result


@functools.cache
def inside(*argv: str) -> bool:
    """Whether a command works where products are tested."""
    sandbox = Sandbox.detect()
    assert sandbox
    return asyncio.run(sandbox.run(argv, root=Path(__file__).parent, access="read")).ok


def has_pytest() -> bool:
    python = Path(sys.base_prefix) / "bin/python3"
    path = {"PATH": toolchain().path}
    return python.exists() and subprocess.run(["python3", "-c", "import pytest"], env=path, check=False).returncode == 0
