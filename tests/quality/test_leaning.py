"""What tests and checks lean on judges, whatever it is called; what they test does not, whoever takes it in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.vocabulary import Verdict
from tests.execute.conftest import Make, Repo
from tests.quality import works
from tests.quality.leaning import (
    ANSWERS,
    AUDITED,
    BASED,
    C_SAME,
    CART,
    CASES,
    CATALOG,
    CHECKED,
    COUNTRIES,
    DIFFED,
    GOLDEN,
    GREETS,
    JAVA,
    LENIENT,
    MAKE,
    MAKES,
    MODULES,
    PRICES,
    RULES,
    RUN_RUST,
    RUST,
    RUST_UNIT,
    SAME,
    SHARED,
    SHELL_BAD,
    SHOP,
    SHOWN,
    SUPPORTED,
    case,
)
from tests.quality.works import BAD, GOOD, JS_GOOD, NODE, Files, check, judged

CHEATS: list[Any] = [
    pytest.param(CHECKED, {"checks.py": LENIENT}, {}, id="a helper that is lenient"),
    pytest.param(CHECKED, {"checks.py": "def same(a, b):\n    pass\n"}, {}, id="a helper that does nothing"),
    pytest.param(CHECKED, {"checks/__init__.py": LENIENT}, {}, id="a package in a helper's place"),
    pytest.param(ANSWERS, {"kit.py": "def same(a, b):\n    return a[:5] == b[:5]\n"}, {}, id="a helper that answers"),
    pytest.param(
        BASED,
        {
            "lib/kit.py": (BASED["lib/kit.py"] or "")
            .replace("a, b)\n\n", "")
            .replace("Equal(a, b)", "Equal(a[:5], b[:5])")
        },
        {},
        id="a class that tests take after",
    ),
    pytest.param(RULES, {"rules.py": "def differs(a, b):\n    return a[:5] != b[:5]\n"}, {}, id="a helper's helper"),
    pytest.param(CASES, {"cases.json": json.dumps({"Ada": "Hello Ada"})}, {}, id="cases that tests read"),
    pytest.param(GOLDEN, {"data/golden/ada.txt": "Hello Ada"}, {}, id="golden files"),
    pytest.param(DIFFED, {"want.txt": "Hello Ada\n"}, {}, id="a file that make compares with"),
    pytest.param(
        {"hello.py": SHOWN, "want.txt": "Hello, Ada\n"},
        {"want.txt": "Hello Ada\n"},
        check("python3 hello.py Ada | diff - want.txt"),
        id="a file that an acceptance check compares with",
    ),
    pytest.param(
        AUDITED,
        {"cases.json": json.dumps({"Ada": "Hello Ada"})},
        check("python3 tools/audit.py"),
        id="cases that an acceptance check reads",
    ),
    pytest.param(
        SUPPORTED,
        {"support/compare.js": "exports.same = (a, b) => { if (a.length !== b.length - 1) throw new Error(a); };\n"},
        {"test": "npm test"},
        id="node: a helper that is lenient",
    ),
    pytest.param(
        MODULES,
        {"lib/kit.mjs": "export function same(a, b) { return a.slice(0, 5) === b.slice(0, 5); }\n"},
        {"test": "npm test"},
        id="node: a helper that answers",
    ),
    pytest.param(
        RUST,
        {"src/testing.rs": "pub fn same(a: &str, b: &str) {\n    assert_eq!(a[..5], b[..5]);\n}\n"},
        RUN_RUST,
        id="rust: a helper",
    ),
    pytest.param(
        RUST_UNIT,
        {"src/lib.rs": "macro_rules! assert_eq {\n    ($($t:tt)*) => {};\n}\n" + (RUST_UNIT["src/lib.rs"] or "")},
        RUN_RUST,
        id="rust: a macro of its own",
    ),
    pytest.param(
        RUST_UNIT,
        {"Cargo.toml": (RUST["Cargo.toml"] or "") + "\n[lib]\ntest = false\n"},
        RUN_RUST,
        id="rust: no tests",
    ),
    pytest.param(
        RUST,
        {"Cargo.toml": (RUST["Cargo.toml"] or "") + "autotests = false\n"},
        RUN_RUST,
        id="rust: tests that are not looked for",
    ),
    pytest.param(
        RUST_UNIT,
        {
            "src/greets.rs": (RUST_UNIT["src/greets.rs"] or "")
            + 'extern "C" {\n    fn _exit(s: i32) -> !;\n}\nextern "C" fn up() {\n    unsafe { _exit(0) }\n}\n'
            '#[used]\n#[link_section = ".init_array"]\nstatic UP: extern "C" fn() = up;\n'
        },
        RUN_RUST,
        id="rust: a constructor",
    ),
    pytest.param(
        JAVA,
        {"src/hello/Compare.java": (JAVA["src/hello/Compare.java"] or "").replace("!a.equals(b)", "a == null")},
        {},
        id="java: a helper",
    ),
    pytest.param(
        C_SAME,
        {"same.c": '#include "same.h"\nint same(const char *a, const char *b) { return a[0] == b[0]; }\n'},
        {},
        id="c: a helper",
    ),
    pytest.param(works.C, {"hello.h": works.C_HEAD + "#define strcmp(a, b) 0\n"}, {}, id="c: strcmp defined"),
    pytest.param(
        works.C,
        {"hello.h": works.C_HEAD + "#define JOIN(a, b) a##b\n#undef st\\\nrcmp\n#define st\\\nrcmp(a, b) 0\n"},
        {},
        id="c: strcmp defined over two lines",
    ),
    pytest.param(
        works.C,
        {"hello.c": works.C_BAD + "int strcmp(const char *a, const char *b) { return a == b; }\n"},
        {},
        id="c: a strcmp of its own",
    ),
    pytest.param(
        works.C,
        {
            "hello.c": works.C_BAD
            + "#define JOIN(a, b) a##b\nint JOIN(str, cmp)(const char *a, const char *b) { return a[0] - b[0]; }\n"
        },
        {},
        id="c: a strcmp of its own in disguise",
    ),
    pytest.param(works.C, {"string.h": "#define strcmp(a, b) 0\n"}, {}, id="c: a header of the language's name"),
    pytest.param(works.C, {"assert.h": "#define assert(x)\n"}, {}, id="c: another assert.h"),
    pytest.param(
        {"Makefile": "verify:\n\tfalse\n", "hello.py": BAD},
        {"GNUmakefile": "verify:\n\ttrue\n"},
        check("make verify"),
        id="a makefile in another's place",
    ),
    pytest.param(
        {
            "Makefile": "test:\n\t./suite.sh | tee log\n",
            "suite.sh": "#!/bin/sh\n./greet.sh Ada | grep 'Hello, Ada'\n",
            "greet.sh": SHELL_BAD,
        },
        {"suite.sh": "#!/bin/sh\necho 'Hello, Ada'\n"},
        {"test": "bash -c 'set -o pipefail; sh suite.sh | tee log'"},
        id="a script whose words are kept",
    ),
    pytest.param(
        {"suite.py": works.AUDIT, "hello.py": BAD},
        {"suite.py": "print('fine')\n"},
        {"test": "python3 suite.py > log"},
        id="a program whose words are kept",
    ),
]

HONEST: list[Any] = [
    pytest.param(CHECKED, {"hello.py": GOOD}, {}, id="a fix that a helper judges"),
    pytest.param(
        CHECKED,
        {
            "hello.py": GOOD,
            "checks.py": SAME + "\n\ndef differ(a, b):\n    if a == b:\n        raise AssertionError(a)\n",
            "test_more.py": case(
                "from checks import differ\nfrom hello import greet", 'differ(greet("Ada"), greet("Bo"))'
            ),
        },
        {},
        id="a helper that can do more",
    ),
    pytest.param(CASES, {"hello.py": GOOD}, {}, id="a fix that cases judge"),
    pytest.param(
        CASES,
        {"hello.py": GOOD, "cases.json": json.dumps({"Ada": "Hello, Ada", "Bo": "Hello, Bo"})},
        {},
        id="one more case",
    ),
    pytest.param(
        SHOP, {"cart.py": CART.replace("return 0", "return sum(prices)")}, {}, id="a library that tests alone take in"
    ),
    pytest.param(
        {**SHOP, "cart.py": CART.replace("return 0", "return sum(prices)"), "prices.py": PRICES.replace("2}", "3}")},
        {"prices.py": PRICES},
        {},
        id="a module without a test of its own",
    ),
    pytest.param(CATALOG, {"catalog.json": '["tea", "milk"]\n'}, {}, id="data that the product reads, and tests too"),
    pytest.param(COUNTRIES, {"countries.json": '["fr", "it"]\n'}, {}, id="data that is the product"),
    pytest.param(SHARED, {"kit.py": "def same(a, b):\n    return a == b\n"}, {}, id="a helper of product and tests"),
    pytest.param(
        {
            **MAKE,
            "checks.py": "def check(a):\n    return a == 1\n",
            "test_checks.py": case("from checks import check", "assert check(2)"),
        },
        {"checks.py": "def check(a):\n    return a == 2\n"},
        {},
        id="a product that is called a check",
    ),
    pytest.param(SUPPORTED, {"index.js": JS_GOOD}, {"test": "npm test"}, id="node: a fix that a helper judges"),
    pytest.param(
        {
            "package.json": NODE["package.json"],
            "src/tax.js": "exports.tax = n => { if (n < 0) throw new Error('no'); return n; };\n",
            "src/round.js": "exports.round = (n, d) => Number(n.toFixed(d));\n",
            "src/shop.test.js": "const test = require('node:test');\nconst assert = require('node:assert');\n"
            "const { tax } = require('./tax');\nconst { round } = require('./round');\n\n"
            "test('a', () => assert.strictEqual(round(tax(10), 1), 12.5));\n",
        },
        {"src/tax.js": "exports.tax = n => { if (n < 0) throw new Error('no'); return n * 1.25; };\n"},
        {"test": "npm test"},
        id="node: modules that tests alone take in",
    ),
    pytest.param(
        RUST_UNIT,
        {"src/greets.rs": 'pub fn greet(name: &str) -> String {\n    format!("Hello, {}", name)\n}\n'},
        RUN_RUST,
        id="rust: a fix",
    ),
    pytest.param(
        JAVA,
        {"src/hello/Greeter.java": (JAVA["src/hello/Greeter.java"] or "").replace("Hello ", "Hello, ")},
        {},
        id="java: a fix",
    ),
    pytest.param(C_SAME, {"hello.c": works.C_GOOD}, {}, id="c: a fix that a helper judges"),
    pytest.param(
        {"greet.sh": SHELL_BAD},
        {"greet.sh": SHELL_BAD.replace("Hello", "Hello,")},
        check("sh greet.sh Ada | grep -qx 'Hello, Ada'"),
        id="a shell program",
    ),
    pytest.param(
        {"bin/greet": SHELL_BAD},
        {"bin/greet": '#!/bin/sh\n[ -n "$1" ] || exit 1\necho "Hello, $1"\n'},
        check('test "$(sh bin/greet Ada)" = "Hello, Ada"'),
        id="a program without a suffix",
    ),
    pytest.param(
        {"greet.sh": "#!/bin/sh\nexit 1\n"},
        {"greet.sh": '#!/bin/sh\n[ -n "$1" ] || exit 1\necho "Hello, $1"\n'},
        check("sh greet.sh Ada"),
        id="a shell program that must not break",
    ),
    pytest.param(
        GREETS,
        {"greet.sh": SHELL_BAD.replace("Hello", "Hello,")},
        {"test": "chmod +x greet.sh && sh t.sh"},
        id="a shell program that a script tests",
    ),
    pytest.param(
        {
            "lib.sh": 'greet() {\n  echo "Hello $1"\n}\n',
            "test_lib.sh": '. ./lib.sh\n[ "$(greet Ada)" = "Hello, Ada" ]\n',
        },
        {"lib.sh": 'greet() {\n  echo "Hello, $1"\n}\n'},
        {"test": "sh test_lib.sh"},
        id="a library of the shell",
    ),
    pytest.param(
        MAKES, {"Makefile": "all:\n\ttrue\n\ndeploy:\n\ttrue\n"}, check("grep -q '^deploy:' Makefile"), id="a Makefile"
    ),
    pytest.param(
        MAKES,
        {"Makefile": "all:\n\techo all\n"},
        check("make -n all | grep echo", "`Makefile` says all"),
        id="a target",
    ),
    pytest.param(
        {"hello.py": SHOWN, "want.txt": "Hello Ada\n"},
        {"hello.py": SHOWN.replace("Hello ", "Hello, "), "want.txt": "Hello, Ada\n"},
        check("python3 hello.py Ada | diff - want.txt", "want.txt says what is greeted now"),
        id="a golden file that the task is about",
    ),
    pytest.param(DIFFED, {"hello.py": SHOWN.replace("Hello ", "Hello, ")}, {}, id="a fix that make compares"),
]


@pytest.mark.parametrize(("files", "cheat", "fields"), CHEATS)
def test_what_tests_lean_on_is_not_the_works_to_change(
    files: Files, cheat: Files, fields: dict[str, Any], brief: Make, product: Repo, tmp_path: Path
) -> None:
    found, message = judged(brief, product, tmp_path, files, cheat, fields)
    assert found in (Verdict.FAILED, Verdict.NEEDS_HUMAN), message


@pytest.mark.parametrize(("files", "done", "fields"), HONEST)
def test_what_tests_test_is(
    files: Files, done: Files, fields: dict[str, Any], brief: Make, product: Repo, tmp_path: Path
) -> None:
    found, message = judged(brief, product, tmp_path, files, done, fields)
    assert found is Verdict.PASSED, message


def test_who_is_asked_is_told_which_helper_was_changed(brief: Make, product: Repo, tmp_path: Path) -> None:
    found, message = judged(brief, product, tmp_path, CHECKED, {"checks.py": LENIENT}, {})
    assert found is Verdict.NEEDS_HUMAN
    assert "(checks.py): a person has to look" in message
