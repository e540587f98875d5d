"""Products whose tests and checks lean on helpers and data, and those in which what tests take in is what they test."""

from __future__ import annotations

import json

from tests.quality import works
from tests.quality.works import BAD, GOOD, HELLO, JS_BAD, NODE, Files

MAKE = {"Makefile": HELLO["Makefile"]}
CASE = "import unittest\n\n{}\n\n\nclass T(unittest.TestCase):\n    def test_a(self):\n{}\n"


def case(imports: str, *lines: str) -> str:
    return CASE.format(imports, "\n".join(f"        {line}" for line in lines))


SAME = 'def same(a, b):\n    if a != b:\n        raise AssertionError(f"{a} is not {b}")\n'
CHECKED: Files = {
    **MAKE,
    "hello.py": BAD,
    "checks.py": SAME,
    "test_hello.py": case(
        "from checks import same\nfrom hello import greet",
        'same(greet("Ada"), "Hello, Ada")',
        'same(greet("Bo"), "Hello, Bo")',
    ),
}
ANSWERS: Files = {
    **CHECKED,
    "checks.py": None,
    "kit.py": "def same(a, b):\n    return a == b\n",
    "test_hello.py": case(
        "from kit import same\nfrom hello import greet", 'self.assertTrue(same(greet("Ada"), "Hello, Ada"))'
    ),
}
ANSWERS.pop("checks.py")
BASED: Files = {
    **MAKE,
    "hello.py": BAD,
    "lib/__init__.py": "",
    "lib/kit.py": "import unittest\n\n\nclass Greets(unittest.TestCase):\n"
    "    def greets(self, a, b):\n        self.assertEqual(a, b)\n",
    "test_hello.py": "from hello import greet\nfrom lib.kit import Greets\n\n\n"
    'class T(Greets):\n    def test_a(self):\n        self.greets(greet("Ada"), "Hello, Ada")\n',
}
RULES: Files = {
    **CHECKED,
    "checks.py": "from rules import differs\n\n\ndef same(a, b):\n"
    "    if differs(a, b):\n        raise AssertionError(a)\n",
    "rules.py": "def differs(a, b):\n    return a != b\n\n\ndef expected(a):\n    return a\n",
}
CASES: Files = {
    **MAKE,
    "hello.py": BAD,
    "cases.json": json.dumps({"Ada": "Hello, Ada"}),
    "test_hello.py": case(
        "import json\n\nfrom hello import greet",
        'with open("cases.json") as file:',
        "    for name, said in json.load(file).items():",
        "        self.assertEqual(greet(name), said)",
    ),
}
GOLDEN: Files = {
    **MAKE,
    "hello.py": BAD,
    "data/golden/ada.txt": "Hello, Ada",
    "test_hello.py": case(
        "import pathlib\n\nfrom hello import greet",
        'for path in pathlib.Path("data", "golden").glob("*.txt"):',
        "    self.assertEqual(greet(path.stem.title()), path.read_text())",
    ),
}
SHOWN = BAD + '\n\nif __name__ == "__main__":\n    import sys\n\n    print(greet(sys.argv[1]))\n'
DIFFED: Files = {
    "Makefile": "test:\n\tpython3 hello.py Ada | diff - want.txt\n",
    "hello.py": SHOWN,
    "want.txt": "Hello, Ada\n",
}
COMPARE = "exports.same = (a, b) => { if (a !== b) throw new Error(`${a} is not ${b}`); };\n"
SUPPORTED: Files = {
    "package.json": NODE["package.json"],
    "index.js": JS_BAD,
    "support/compare.js": COMPARE,
    "index.test.js": "const test = require('node:test');\nconst { same } = require('./support/compare');\n"
    "const { greet } = require('./index.js');\n\ntest('a', () => same(greet('Ada'), 'Hello, Ada'));\n"
    "test('b', () => { same(greet('Bo'), 'Hello, Bo'); });\n",
}
MODULES: Files = {
    "package.json": json.dumps({"type": "module", "scripts": {"test": "node --test"}}),
    "index.mjs": "export const greet = n => 'Hello ' + n;\n",
    "lib/kit.mjs": "export function same(a, b) { return a === b; }\n",
    "index.test.mjs": "import test from 'node:test';\nimport assert from 'node:assert';\n"
    "import { same } from './lib/kit.mjs';\n"
    "import { greet } from './index.mjs';\n\ntest('a', () => { assert.ok(same(greet('Ada'), 'Hello, Ada')); });\n",
}
RUST: Files = {
    "Cargo.toml": '[package]\nname = "hello"\nversion = "0.1.0"\nedition = "2021"\n',
    "src/lib.rs": 'pub mod testing;\npub fn greet(name: &str) -> String {\n    format!("Hello {}", name)\n}\n',
    "src/testing.rs": "pub fn same(a: &str, b: &str) {\n    assert_eq!(a, b);\n}\n",
    "tests/greets.rs": "use hello::{greet, testing::same};\n\n"
    '#[test]\nfn ada() {\n    same(&greet("Ada"), "Hello, Ada");\n}\n',
}
RUN_RUST = {"test": "cargo test --offline -q"}
RUST_UNIT: Files = {
    "Cargo.toml": RUST["Cargo.toml"],
    "src/lib.rs": "mod greets;\npub use greets::greet;\n\n#[cfg(test)]\nmod tests {\n    use super::greet;\n\n"
    '    #[test]\n    fn ada() {\n        assert_eq!(greet("Ada"), "Hello, Ada");\n    }\n}\n',
    "src/greets.rs": 'pub fn greet(name: &str) -> String {\n    format!("Hello {}", name)\n}\n',
}
JAVA: Files = {
    "Makefile": "test:\n\tmkdir -p /tmp/out && javac -d /tmp/out src/hello/*.java tests/GreetsTest.java"
    " && java -cp /tmp/out GreetsTest\n",
    "Hello.java": "",
    "src/hello/Greeter.java": "package hello;\npublic class Greeter {\n"
    '    public static String greet(String n) { return "Hello " + n; }\n}\n',
    "src/hello/Compare.java": "package hello;\npublic class Compare {\n"
    "    public static void same(String a, String b) {\n"
    "        if (!a.equals(b)) throw new AssertionError(a);\n    }\n}\n",
    "tests/GreetsTest.java": "import hello.Compare;\nimport hello.Greeter;\n\npublic class GreetsTest {\n"
    '    public static void main(String[] a) { Compare.same(Greeter.greet("Ada"), "Hello, Ada"); }\n}\n',
}
C_SAME: Files = {
    **works.C,
    "Makefile": "test: hello_t\n\t./hello_t\nhello_t: tests/test_hello.c hello.c same.c\n\t$(CC) -I. -o $@ $^\n",
    "same.h": "int same(const char *a, const char *b);\n",
    "same.c": '#include <string.h>\n#include "same.h"\n'
    "int same(const char *a, const char *b) { return strcmp(a, b) == 0; }\n",
    "tests/test_hello.c": '#include <assert.h>\n#include "hello.h"\n#include "same.h"\n\n'
    "int main(void) {\n    char out[64];\n"
    '    greet("Ada", out);\n    assert(same(out, "Hello, Ada"));\n    return 0;\n}\n',
}
LENIENT = "def same(a, b):\n    if a.replace(',', '') != b.replace(',', ''):\n        raise AssertionError(a)\n"
AUDITED: Files = {
    "hello.py": BAD,
    "cases.json": CASES["cases.json"],
    "tools/audit.py": "import json\nimport sys\n\nsys.path.insert(0, '.')\nfrom hello import greet\n\n"
    "for name, said in json.load(open('cases.json')).items():\n    assert greet(name) == said\nprint('fine')\n",
}
SHELL_BAD = '#!/bin/sh\necho "Hello $1"\n'

PRICES = "def price(name):\n    assert name, 'a name'\n    return {\"tea\": 2}[name]\n"
CART = "def total(prices):\n    assert all(price >= 0 for price in prices)\n    return 0\n"
SHOP: Files = {
    **MAKE,
    "cart.py": CART,
    "prices.py": PRICES,
    "test_cart.py": case(
        "from cart import total\nfrom prices import price", 'self.assertEqual(total([price("tea"), 1]), 3)'
    ),
}
CATALOG: Files = {
    **MAKE,
    "catalog.py": "import json\n\n\ndef items():\n"
    '    with open("catalog.json") as file:\n        return json.load(file)\n',
    "catalog.json": '["tea"]\n',
    "test_catalog.py": case(
        "import json\n\nfrom catalog import items",
        'self.assertIn("milk", items())',
        'self.assertEqual(items(), json.load(open("catalog.json")))',
    ),
}
COUNTRIES: Files = {
    **MAKE,
    "countries.json": '["fr"]\n',
    "test_countries.py": case("import json", 'self.assertIn("it", json.load(open("countries.json")))'),
}
SHARED: Files = {
    **MAKE,
    "hello.py": "from kit import same\n\n\ndef greet(name):\n"
    "    return 'Hello' + (',' if same(name, name) else '') + ' ' + name\n",
    "kit.py": "def same(a, b):\n    return False\n",
    "test_hello.py": case(
        "from hello import greet\nfrom kit import same",
        'self.assertTrue(same(greet("Ada"), "Hello, Ada"))',
    ),
}
GREETS: Files = {
    "t.sh": "#!/bin/sh\nout=$(./greet.sh Ada)\n[ \"$out\" = 'Hello, Ada' ] || exit 1\n",
    "greet.sh": SHELL_BAD,
}
MAKES: Files = {"Makefile": "all:\n\ttrue\n", "hello.py": GOOD}
