"""Whatever reads strangers' text takes time in proportion to it: a line of text must not hold a worker for hours.

The functions are listed here; every expression that a module compiles is attacked in
`tests/real/test_expressions.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from reconciler.desired import frontmatter
from reconciler.execute import globs
from reconciler.execute.agent import repair, spoken
from reconciler.execute.gates import (
    canary,
    content,
    discovery,
    files,
    makefile,
    places,
    shell,
    support,
    taking,
    watching,
)
from reconciler.execute.gates.cause import cause
from reconciler.execute.gates.subject import Subject
from reconciler.execute.mcp.schema import flat
from reconciler.execute.redact import Redactor
from reconciler.knowledge import entry
from reconciler.model.history import TreeChange
from reconciler.model.spec import Match
from reconciler.plan.match import Vocabulary
from tests.growth import linear


def _subject(**fields: Any) -> Subject:
    return cast("Subject", SimpleNamespace(**fields))


def _search(patterns: tuple[str, ...]) -> Callable[[str], object]:
    compiled = [re.compile(pattern) for pattern in patterns]
    return lambda line: [pattern.search(line) for pattern in compiled]


READERS: dict[str, tuple[Callable[[Any], object], Callable[[int], Any]]] = {
    "placeholder: todo and blanks": (_search(content.PLACEHOLDERS), lambda n: "# TODO" + " " * n + "x"),
    "placeholder: todo and dashes": (_search(content.PLACEHOLDERS), lambda n: "# TODO" + "-" * n + "x"),
    "placeholder: your": (_search(content.PLACEHOLDERS), lambda n: "<your " * (n // 6)),
    "redaction: one long word": (Redactor.of({}).text, lambda n: "a" * n),
    "redaction: addresses": (Redactor.of({}).text, lambda n: "://a:bbbbbb@" * (n // 12)),
    "json: unclosed": (repair.read, lambda n: '{"a":' * (n // 5)),
    "json: quotes": (repair.read, lambda n: '{"' + '\\"' * (n // 2)),
    "json: trailing commas": (repair.read, lambda n: "{" + ",   " * (n // 4)),
    "said: functions left open": (lambda said: spoken.calls(said, ("a",)), lambda n: "<function=a>" * (n // 12)),
    "said: parameters left open": (
        lambda said: spoken.calls(said, ("a",)),
        lambda n: "<function=a>" + "<parameter=a>" * (n // 13) + "</function>",
    ),
    "said: blanks in a call": (lambda said: spoken.calls(said, ("a",)), lambda n: "<tool_call>x" + " " * n + "y"),
    "front matter: commas": (
        lambda said: frontmatter.FrontMatter({"tools": said}, "").words("tools"),
        lambda n: "a," * (n // 2),
    ),
    "front matter: dashes": (frontmatter.read, lambda n: "---\n" + "---   x\n" * (n // 8)),
    "front matter: one key on many lines": (frontmatter._by_line, lambda n: "a: x\n" + " y\n" * (n // 3)),
    "front matter: a list by lines": (frontmatter._by_line, lambda n: "a:\n" + "- y: : \n" * (n // 8)),
    "code: python that asks for its stack": (
        lambda said: list(watching.look("a.py", said.encode(), said.split("\n"))),
        lambda n: "def a():\n" + " sys._getframe(0)\n" * (n // 18),
    ),
    "code: python in one expression": (
        lambda said: list(watching.look("a.py", said.encode(), said.split("\n"))),
        lambda n: "a = " + "1 +" * (n // 3) + "1",
    ),
    "code: javascript's quotes and braces": (
        lambda said: list(watching.look("a.js", said.encode(), said.split("\n"))),
        lambda n: ("'\\" * 20 + "{if (a) {" * 20 + "process.exit(0)\n") * (n // 235),
    ),
    "code: rust's attributes left open": (
        lambda said: list(watching.look("a.rs", said.encode(), said.split("\n"))),
        lambda n: "#[cfg(test) #[x]\nfn a\n" * (n // 22),
    ),
    "packages that import each other": (
        lambda said: discovery.unasked(
            ["b/__init__.py"], {"test_a.py": said}, (), ["b/__init__.py"], lambda path: said
        ),
        lambda n: "from .a import b, c\n" * (n // 20),
    ),
    "shell: quotes left open": (lambda said: list(shell.steps(said)), lambda n: '"\\' * (n // 2)),
    "shell: many commands": (lambda said: list(shell.steps(said)), lambda n: "a && '' | b\n" * (n // 12)),
    "shell: what is listened to": (lambda said: list(shell.listened(said)), lambda n: "a=$(b > c) | `" * (n // 14)),
    "canary: c that opens main again and again": (
        lambda said: canary.fail_at_end("t.c", said, "seed"),
        lambda n: "main(" * (n // 5),
    ),
    "canary: c with blanks after main": (
        lambda said: canary.fail_at_end("t.c", said, "seed"),
        lambda n: ("main()" + " " * 500) * (n // 506),
    ),
    "canary: c of many texts": (
        lambda said: canary.fail_at_end("t.c", said, "seed"),
        lambda n: "int main() { strcmp(" + '"ab", ' * (n // 6) + "}",
    ),
    "taking: imports of python": (
        lambda said: taking.taking("a.py", said, closely=False),
        lambda n: "from a import (b,\n" * (n // 18),
    ),
    "taking: calls of python": (
        lambda said: taking.taking("a.py", said, closely=True),
        lambda n: "from a import b\nfrom c import d\n" + "b(d(1), 2)\n" * (n // 11),
    ),
    "taking: calls of javascript": (
        lambda said: taking.taking("a.js", said, closely=True),
        lambda n: "import {a} from './a'\nimport {b} from './b'\n" + "; a(b(1), 2)" * (n // 12),
    ),
    "taking: imports of javascript": (
        lambda said: taking.taking("a.js", said, closely=True),
        lambda n: "import   { a, " * (n // 14),
    ),
    "support: modules that take in the next": (
        lambda texts: support.support(["a.txt"], texts, [], "make test"),
        lambda n: {
            "test_a.py": "import helper0",
            **{f"helper{at}.py": f"import helper{at + 1}\nassert 1" for at in range(n // 30)},
        },
    ),
    "shell: chained quotes": (shell.chained, lambda n: '"\\' * (n // 2)),
    "make: blanks before a remark": (lambda said: makefile.recipes(said, []), lambda n: "a:" + " " * n + "#"),
    "make: variables of variables": (
        lambda said: makefile.recipes(said, []),
        lambda n: "A=" + "$(B)" * 20 + "\nB=" + "$(C)" * 20 + "\nC=x\na:\n" + "\t$(A)\n" * (n // 60),
    ),
    "make: targets that need each other": (
        lambda said: makefile.recipes(said, []),
        lambda n: "".join(f"a{at}: a{at + 1}\n\tx\n" for at in range(n // 12)),
    ),
    "yaml: nested": (lambda data: files._fault(files._yaml, data), lambda n: b"[" * n),
    "toml: a key of many parts": (lambda data: files._fault(files._toml, data), lambda n: b"a." * n + b"a=1"),
    "phrases": (Vocabulary([Match(id="m", any=("full stack",))], {}).found, lambda n: "full" + "-" * n),
    "cause: names of tests": (cause, lambda n: ("FAILED a.py" + " " * 50 + "not ok 1 " + " " * 50) * (n // 120)),
    "cause: errors": (cause, lambda n: "a.b." * (n // 8) + "Error" * (n // 10)),
    "phrases: stems": (
        Vocabulary([Match(id="m", any=("fu* sta*",))], {}).found,
        lambda n: "fu" + "l" * (n // 2) + "-" * (n // 4) + " full sta" * (n // 36),
    ),
    "phrases: what is no plain letter": (
        Vocabulary([Match(id="m", any=("full stack",))], {}).found,
        lambda n: "fu\u200bll\u2011" * (n // 6),
    ),
    "glob: stars": (lambda path: globs.matches("*a*a*a*a*a*b", path), lambda n: "a" * n),
    "glob: crossings": (lambda path: globs.matches("**/a/**/a/**/b", path), lambda n: "a/" * (n // 2)),
    "glob: crossings within a name": (lambda path: globs.matches("**a**a**b", path), lambda n: "a" * n),
}


@pytest.mark.parametrize("name", READERS)
def test_a_reader_of_strangers_text_takes_time_in_proportion_to_it(name: str) -> None:
    read, make = READERS[name]
    assert linear(read, make)


def test_an_entry_of_knowledge_is_read_in_proportion_to_its_size() -> None:
    def read(data: bytes) -> None:
        with pytest.raises(entry.Malformed):
            entry.parse("x", data)

    assert linear(read, lambda n: b"---\n" + b"---  x\n" * (n // 7), largest=30_000)


def test_many_files_in_a_folder_are_compared_by_listing_it_once(tmp_path: Path) -> None:
    def folder(count: int) -> Path:
        place = tmp_path / str(count)
        if not place.exists():
            place.mkdir()
            for number in range(count):
                (place / f"{number}.txt").touch()
        return place

    def look(place: Path) -> None:
        twins = places._Twins(place)
        assert not any(twins.of(path.name) for path in place.iterdir())

    assert linear(look, folder, 300, 300)


def test_added_lines_that_are_nowhere_in_the_file_are_looked_for_once(tmp_path: Path) -> None:
    def added(count: int) -> Subject:
        body = "".join(f"{number}\r\n" for number in range(count))
        (tmp_path / "f").write_bytes(body.encode())
        lines = [("f", str(number)) for number in range(count)]
        return _subject(added=lines, content=lambda path: body.encode(), changes=[TreeChange("f", "100644", None, "x")])

    assert linear(lambda subject: list(content._added(subject)), added, 500, 20_000)


def test_a_schema_whose_parts_refer_to_each_other_stays_small() -> None:
    names = [f"p{number}" for number in range(40)]
    each = {"type": "object", "properties": {name: {"$ref": f"#/$defs/{name}"} for name in names}}
    found = flat({"type": "object", "$defs": dict.fromkeys(names, each), **each})
    assert len(json.dumps(found)) < 100_000
    assert set(found["properties"]) == set(names)


@pytest.mark.parametrize(
    ("glob", "path", "held"),
    [
        ("app/**", "app/a/b.py", True), ("app/**", "app", False), ("app/**", "apps/x", False), ("**", "a/b", True),
        ("**/*.lock", "x.lock", True), ("**/*.lock", "a/b/x.lock", True), ("**/*.lock", "a/x.lock.d/y", False),
        ("*.md", "a/b.md", False), ("a?c", "abc", True), ("a?c", "a/c", False), ("*a*b", "xaxxb", True),
        ("*a*b", "xaxxbc", False), ("**/tests/**", "tests/x", True), ("**/tests/**", "a/tests/x/y", True),
        ("**/tests/**", "a/mytests/x", False), ("a/**/b/**/c", "a/b/c", True), ("a/**/b/**/c", "a/x/b/y/z/c", True),
        ("a/**/b/**/c", "a/xb/c", False), ("src**a", "src/b/a", True), ("src**a**b", "srcxaxb", True),
        ("*x/y*z/**", "ax/yyz/q", True), ("*x/y*z/**", "ax/a/yz/q", False), ("a.b", "axb", False), ("*", "", True),
        ("**/a*/b", "x/ay/b", True), ("**/a*/b", "x/ay/c/b", False), ("**/", "a/", True), ("é*", "éa\nb", True),
    ],
)  # fmt: skip
def test_globs_mean_what_the_documents_say_both_ways_of_following_them(glob: str, path: str, held: bool) -> None:
    assert globs.matches(glob, path) is held
    assert globs._followed(globs._steps(glob), path) is held
