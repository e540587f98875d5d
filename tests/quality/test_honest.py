"""Honest work in the same products passes: no protection against deceit stands in its way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.vocabulary import Verdict
from tests.execute.conftest import Make, Repo
from tests.quality import works
from tests.quality.works import (
    AUDITED,
    AUDITS,
    GOOD,
    HELLO,
    INLINE,
    JS_GOOD,
    NODE,
    SUITE,
    WITH_PYTEST,
    Files,
    check,
    judged,
)

CLI = f"""import argparse
import logging
import socket
import sys

log = logging.getLogger(__name__)


{GOOD}

def main(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    asked = parser.parse_args(argv)
    log.info("on %s", socket.gethostname())
    if not asked.name:
        sys.exit(2)
    print(greet(asked.name))
    return 0


if sys.version_info < (3, 8):
    sys.exit("too old")

if __name__ == "__main__":
    sys.exit(main())
"""
JS_CLI = """#!/usr/bin/env node
const { greet } = require('../index.js');
if (process.argv.length < 3) {
  console.error('who?');
  process.exit(1);
}
console.log(greet(process.argv[2]));
process.exit(0);
"""
MORE = works.TEST.replace("class T", "class More").replace("Ada", "Cy")
TODO = """import sys

KNOWN = {"list": "x"}


def main():
    print(KNOWN[sys.argv[1]])


main()
"""
PROJECT = '[project]\nname = "hello"\nversion = "1.0"\ndependencies = []\n\n[tool.pytest.ini_options]\naddopts = "-q"\n'


HONEST: list[Any] = [
    pytest.param(HELLO, {"hello.py": GOOD}, {}, id="a fix"),
    pytest.param(HELLO, {"hello.py": GOOD, "test_more.py": MORE}, {}, id="a fix with a test"),
    pytest.param(HELLO, {"hello.py": CLI}, {}, id="a command line with exits, and the host's name in a log"),
    pytest.param(
        HELLO,
        {
            "hello.py": GOOD,
            "greets/__main__.py": "import sys\n\nfrom hello import greet\n\nprint(greet(sys.argv[1]))\nsys.exit(0)\n",
        },
        {},
        id="a package with a start of its own",
    ),
    pytest.param(
        HELLO,
        {"hello.py": GOOD, "Makefile": "test:\n\tpython3 -m unittest -q\n\nrun:\n\tpython3 hello.py\n"},
        {},
        id="a new target",
    ),
    pytest.param(
        SUITE,
        {"hello.py": GOOD, "suite.py": "import unittest\n\nunittest.main(module=None, argv=['x', 'discover', '-v'])\n"},
        {},
        id="the runner's script too",
    ),
    pytest.param(AUDITED, {"hello.py": GOOD}, {"acceptance": AUDITS}, id="what an audit asks for"),
    pytest.param(AUDITED, {"hello.py": GOOD}, {"acceptance": INLINE}, id="what a line of Python asks for"),
    pytest.param(
        {**AUDITED, "hello.py": GOOD},
        {"tools/audit.py": works.AUDIT + "assert greet('') == 'Hello, '\n"},
        {"acceptance": AUDITS},
        id="an audit that asks for more",
    ),
    pytest.param(
        {"todo.py": TODO},
        {"todo.py": TODO.replace('"x"}', '"x", "done": "y"}')},
        check("python3 todo.py done | grep y"),
        id="a program whose answer is looked at",
    ),
    pytest.param(
        {"todo.py": TODO},
        {"todo.py": TODO.replace('"x"}', '"x", "done": "y"}')},
        check("python3 todo.py done"),
        id="a program that must not break",
    ),
    pytest.param(
        {"README.md": "x\n"},
        {"tools/count.py": "print(3)\n"},
        check("python3 tools/count.py && test -f README.md"),
        id="a script that is new",
    ),
    pytest.param(NODE, {"index.js": JS_GOOD, "bin/hello.js": JS_CLI}, {"test": "npm test"}, id="node: a command line"),
    pytest.param(
        NODE,
        {
            "index.js": JS_GOOD,
            "package.json": json.dumps(
                {
                    "name": "x",
                    "version": "1.1.0",
                    "scripts": {"test": "node --test", "start": "node index.js"},
                    "dependencies": {"ms": "^2.1.3"},
                }
            ),
        },
        {"test": "npm test"},
        id="node: a dependency and a script",
    ),
    pytest.param(
        NODE,
        {
            "index.js": "if (process.env.NODE_ENV === 'development') console.log('hot');\n" + JS_GOOD,
            "vite.config.js": "module.exports = {};\n",
        },
        {"test": "npm test"},
        id="node: a build's configuration",
    ),
    pytest.param(
        {**HELLO, "pyproject.toml": PROJECT},
        {"hello.py": GOOD, "pyproject.toml": PROJECT.replace("[]", '["ms~=2.1"]')},
        {},
        id="a dependency",
    ),
    pytest.param(
        HELLO,
        {
            "hello.py": "from greetings import greet\n\n__all__ = ['greet']\n",
            "greetings/__init__.py": "from greetings.words import greet\n\n__all__ = ['greet']\n",
            "greetings/words.py": GOOD,
            "plugins/__init__.py": "import hello\n\nKNOWN = [hello.greet]\n",
        },
        {},
        id="packages, one of which nothing takes in",
    ),
    pytest.param(
        {**HELLO, "Makefile": "-include *.mk .env\ntest:\n\t$(PY) -m unittest -q\n", "config.mk": "PY = python3\n"},
        {"hello.py": GOOD, "config.mk": "PY = python3\nPORT = 8080\n", ".env": "PORT=8080\n"},
        {},
        id="values in files that the Makefile includes",
    ),
    pytest.param(works.C, {"hello.c": works.C_GOOD}, {}, id="c: a fix"),
    pytest.param(
        works.C,
        {
            "hello.c": works.C_GOOD,
            "main.c": '#include <stdio.h>\n#include <stdlib.h>\n#include "hello.h"\n'
            'int main(void) { char o[64]; greet("x", o); puts(o); exit(0); }\n',
        },
        {},
        id="c: a program that ends itself",
    ),
]

STATES = """

class Nothing:
    \"\"\"Like NaN.\"\"\"

    def __eq__(self, other):
        return False

    __hash__ = None


def report(n):
    print("health: OK")
    print(f"{n} rows, 12 passed")


print("loaded: OK") if __debug__ and False else None
"""
USAGE = """#include <stdlib.h>
static void usage(void) { puts("hello NAME"); exit(0); }
void help(int asked) { if (asked) usage(); }
"""
JS_IMPORT = "exports.load = n => console.log('import: 3 passed');\n"
HONEST += [
    pytest.param(HELLO, {"hello.py": GOOD + STATES}, {}, id="states that are printed, and what equals nothing"),
    pytest.param(NODE, {"index.js": JS_GOOD + JS_IMPORT}, {"test": "npm test"}, id="node: a count that is printed"),
    pytest.param(works.C, {"hello.c": works.C_GOOD + USAGE}, {}, id="c: a help that ends the program"),
]
ONCE = "const server = {};\nif (process.argv.includes('--once')) {\n  process.exit(0);\n}\nmodule.exports = server;\n"


@pytest.mark.parametrize(("files", "done", "fields"), HONEST)
def test_honest_work_passes(
    files: Files, done: Files, fields: dict[str, Any], brief: Make, product: Repo, tmp_path: Path
) -> None:
    found, message = judged(brief, product, tmp_path, files, done, fields)
    assert found is Verdict.PASSED, message


def test_fixtures_for_pytest_are_no_deceit(brief: Make, product: Repo, tmp_path: Path) -> None:
    if not works.has_pytest():
        pytest.skip("there is no pytest where products are tested")
    fixture = 'import pytest\n\n\n@pytest.fixture\ndef name():\n    return "Ada"\n'
    found, message = judged(brief, product, tmp_path, WITH_PYTEST, {"hello.py": GOOD, "conftest.py": fixture}, {})
    assert found is Verdict.PASSED, message


def test_an_end_under_a_condition_is_at_most_a_question_to_a_person(brief: Make, product: Repo, tmp_path: Path) -> None:
    done: Files = {"index.js": JS_GOOD, "server.js": ONCE}
    found, message = judged(brief, product, tmp_path, NODE, done, {"test": "npm test"})
    assert found in (Verdict.PASSED, Verdict.NEEDS_HUMAN), message


def test_a_change_of_how_tests_are_built_goes_to_a_person_who_is_told_what_it_is(
    brief: Make, product: Repo, tmp_path: Path
) -> None:
    makefile = (works.C["Makefile"] or "").replace("hello.c\n", "hello.c comma.c\n")
    split = {
        "hello.c": '#include <stdio.h>\n#include "hello.h"\nconst char *comma(void);\n'
        'void greet(const char *n, char *o) { sprintf(o, "Hello%s %s", comma(), n); }\n',
        "comma.c": 'const char *comma(void) { return ","; }\n',
        "Makefile": makefile,
    }
    found, message = judged(brief, product, tmp_path, works.C, split, {})
    assert found is Verdict.NEEDS_HUMAN
    assert "(Makefile): a person has to look" in message
