"""Tests of ours that must fail, put among a product's: a run that does not report them does not report the others.

They are written in the way of the file that they are put into, so that they are collected, run and reported like its
own, and are named anew for each judgement. Pure text; `trial` runs them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping

from reconciler.execute.gates.canary_compiled import c_program, rust_tests
from reconciler.execute.gates.families import is_test, suffix
from reconciler.execute.gates.planted import Names, Planted

_OWN_END = re.compile(
    r"\bexit\b|SystemExit|\bquit\b|\bmain\(|\bos\._|\bexec[lv]|__name__|\bkill\b|\bprocess\.exit|exitCode"
)
_INLINE = re.compile(
    r"\b(?P<program>python[\d.]*|node)(?:\s+-[A-Zbsu-]\w*)*\s+-[ec]\s+"
    r"(?P<quote>['\"])(?P<code>(?:\\.|(?!(?P=quote))[^\\])*)(?P=quote)",
)
MOST_FILES = 200
_MOST_WAYS = 8
_C_SUFFIXES = (".c", ".cc", ".cpp")


def plant(path: str, content: str, nonce: str) -> Planted | None:
    """The file with tests of ours; None where nothing of the sort is known of it."""
    way = _FRAMEWORKS.get(suffix(path))
    if way is None or not (is_test(path) or suffix(path) == ".rs"):
        return None
    return way(content, Names(f"{nonce}:{path}"))


def fail_at_end(path: str, content: str, nonce: str) -> Planted | None:
    """A program without a framework, made to fail where it would end well; None where it cannot be told."""
    seed = f"{nonce}:{path}"
    token = Names(seed).one("-")
    way = _PROGRAMS.get(suffix(path)) or (_shell if content.startswith("#!") and "sh" in content[:40] else None)
    changed = c_program(content, Names(seed)) if suffix(path) in _C_SUFFIXES else way(content, token) if way else None
    return Planted(changed, (token,), 0, 0) if changed else None


def falls_off(path: str, content: str) -> bool:
    """Whether a program ends well by reaching its end, and in no other way that can be seen."""
    if suffix(path) == ".py":
        tree = _readable(content)
        return bool(tree and tree.body) and not _OWN_END.search(content) and not _is_call(tree.body[-1])  # pyright: ignore
    return suffix(path) in (".js", ".mjs", ".cjs") and not _OWN_END.search(content)


def fail_inline(command: str) -> str:
    """The command with code of its own (`python3 -c '...'`) made to fail in its last line, where that can be."""
    found = _INLINE.search(command)
    if found is None:
        return command
    quote, code = found["quote"], found["code"]
    plain = code if quote == "'" else re.sub(r"\\([\"$`\\])", r"\1", code)
    if _OWN_END.search(plain):
        return command
    if found["program"].startswith("node"):
        return f"{command[: found.end('code')]}\n;throw 1{command[found.end('code') :]}"
    tree = _readable(plain)
    if tree is None or not tree.body or (_is_call(tree.body[-1]) and len(tree.body) == 1):
        return command
    if not _is_call(tree.body[-1]):
        return f"{command[: found.end('code')]}\nraise SystemExit(1){command[found.end('code') :]}"
    last = tree.body[-1]
    if quote != "'" or last.lineno != 1 or not plain.isascii():
        return command
    at = found.start("code") + last.col_offset
    return f"{command[:at]}raise SystemExit(1); {command[at:]}"


def _is_call(node: ast.stmt) -> bool:
    """Whether a program's last step is to run something, which may end it as well as its end does."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and "print" not in ast.dump(node.value.func)


# -- Python

_FAILING = {
    "assertEqual": '"{a}", "{b}", "{t}"', "assertEquals": '"{a}", "{b}", "{t}"', "assertTrue": 'False, "{t}"',
    "assertFalse": 'True, "{t}"', "assertIn": '"{a}", ["{b}"], "{t}"', "assertNotIn": '"{a}", ["{a}"], "{t}"',
    "assertIs": 'True, False, "{t}"', "assertIsNone": '"{a}", "{t}"', "assertIsNotNone": 'None, "{t}"',
    "assertNotEqual": '"{a}", "{a}", "{t}"', "assertGreater": '1, 2, "{t}"', "assertLess": '2, 1, "{t}"',
    "assertGreaterEqual": '1, 2, "{t}"', "assertLessEqual": '2, 1, "{t}"', "assertIsInstance": '"{a}", int, "{t}"',
    "assertListEqual": '["{a}"], ["{b}"], "{t}"', "assertDictEqual": '{{"{a}": 1}}, {{"{b}": 1}}, "{t}"',
    "assertCountEqual": '["{a}"], ["{b}"], "{t}"', "assertRegex": '"{a}", "{b}", "{t}"', "fail": '"{t}"',
    "assertMultiLineEqual": '"{a}", "{b}", "{t}"', "assertSequenceEqual": '["{a}"], ["{b}"], "{t}"',
    "assertAlmostEqual": '1.0, 2.0, msg="{t}"', "assertTupleEqual": '("{a}",), ("{b}",), "{t}"',
}  # fmt: skip


def _python(content: str, names: Names) -> Planted | None:
    tree = _readable(content)
    if tree is None:
        return None
    own = sum(_is_function(node) and node.name.startswith("test") for node in ast.walk(tree))  # pyright: ignore
    classes = "TestCase" in content
    plain = any(_is_function(node) and node.name.startswith("test") for node in tree.body)  # pyright: ignore
    if not own or not (classes or plain or re.search(r"^class Test", content, re.MULTILINE)):
        return None
    tokens: list[str] = []
    added = ""
    if classes:
        used = sorted(set(re.findall(r"\bself\.(assert\w+|fail)\(", content)) & set(_FAILING))[:_MOST_WAYS]
        added += f'\n\nclass {names.one("").title()}(__import__("unittest").TestCase):\n'
        for name in used:
            a, b, token = names.one(" "), names.one(" "), names.one("-")
            said = _FAILING[name].format(a=a, b=b, t=token)
            added += f"    def test_{names.one()}(self):\n        self.{name}({said})\n\n"
            tokens.append(token)
        token = names.one("-")
        added += f'    def test_{names.one()}(self):\n        raise AssertionError("{token}")\n\n'
        added += f"    def test_{names.one()}(self):\n        self.assertTrue(True)\n"
        tokens.append(token)
    if plain or not classes:
        for line in ('assert "{a}" == "{b}", "{t}"', 'raise AssertionError("{t}")'):
            token = names.one("-")
            said = line.format(a=names.one(" "), b=names.one(" "), t=token)
            added += f"\n\ndef test_{names.one()}():\n    {said}\n"
            tokens.append(token)
        added += f"\n\ndef test_{names.one()}():\n    assert True\n"
    changed = _before_main(content, added + "\n\n")
    return Planted(changed, tuple(tokens), added.count("def test_"), own) if _readable(changed) else None


def _is_function(node: ast.AST) -> bool:
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))


def _readable(content: str) -> ast.Module | None:
    try:
        return ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _before_main(content: str, added: str) -> str:
    main = re.search(r"^if __name__\b", content, re.MULTILINE)
    at = main.start() if main else len(content)
    return content[:at].rstrip("\n") + "\n" + added + content[at:]


def _python_program(content: str, token: str) -> str | None:
    tree = _readable(content)
    if tree is None or not tree.body:
        return None
    last = tree.body[-1]
    source = ast.get_source_segment(content, last) or ""
    lines = content.split("\n")
    ends = re.search(r"\bexit\(|SystemExit|__name__", source)
    at = last.lineno - 1 if ends else len(lines)
    if ends and "__name__" in source:
        return None
    return "\n".join([*lines[:at], f'raise AssertionError("{token}")', *lines[at:]])


# -- JavaScript

_TEST = re.compile(r"^[ \t]*(?:await[ \t]+)?(test|it|specify)[ \t]*\(", re.MULTILINE)
_RUNNER = re.compile(
    r"""(?:const|let|var|import)\s+(\w+)\s*(?:=\s*require\(|from\s*)['"](?:node:test|tape|tap|ava|zora)['"]"""
)
_ASSERT = re.compile(
    r"""(?:const|let|var|import)\s+(?:\*\s+as\s+)?(\w+)\s*(?:=\s*require\(|from\s*)['"](?:node:)?assert(?:/strict)?['"]"""
)
_JS_FAILING = {
    "equal": "'{a}', '{b}', '{t}'", "strictEqual": "'{a}', '{b}', '{t}'", "deepEqual": "['{a}'], ['{b}'], '{t}'",
    "deepStrictEqual": "['{a}'], ['{b}'], '{t}'", "ok": "false, '{t}'", "notStrictEqual": "'{a}', '{a}', '{t}'",
    "notEqual": "'{a}', '{a}', '{t}'", "match": "'{a}', /{b}/, '{t}'", "throws": "() => 1, undefined, '{t}'",
    "fail": "'{t}'",
}  # fmt: skip


def _javascript(content: str, names: Names) -> Planted | None:
    found = _RUNNER.search(content) or _TEST.search(content)
    if found is None:
        return None
    bodies: list[str] = ["throw new Error('{t}')"]
    if has := _ASSERT.search(content):
        used = sorted(set(re.findall(rf"\b{has[1]}\.(\w+)\(", content)) & set(_JS_FAILING))[:_MOST_WAYS]
        bodies += [f"{has[1]}.{name}({_JS_FAILING[name]})" for name in used]
        if re.search(rf"\b{has[1]}\(", content):
            bodies.append(f"{has[1]}(false, '{{t}}')")
    if re.search(r"\bexpect\(", content):
        bodies += ["expect('{t}').toBe('{b}')", "expect(['{t}']).toEqual(['{b}'])"]
    tokens: list[str] = []
    added = "\n"
    for body in bodies:
        token = names.one("-")
        said = body.format(a=names.one(" "), b=names.one(" "), t=token)
        added += f";{found[1]}('{names.one(' ')}', () => {{ {said}; }});\n"
        tokens.append(token)
    own = len(re.findall(rf"\b{found[1]}\s*\(", content))
    return Planted(content.rstrip("\n") + added, tuple(tokens), len(tokens), own)


def _javascript_program(content: str, token: str) -> str | None:
    body = content.rstrip()
    at = body.rfind("\n") + 1 if re.search(r"process\.exit\(", body[body.rfind("\n") + 1 :]) else len(body)
    return f"{body[:at]}\n;throw new Error('{token}');\n{body[at:]}\n"


# -- others: one test that must fail, where the file's last class or the file itself ends


def _appended(mark: str, text: str) -> Callable[[str, Names], Planted | None]:
    def way(content: str, names: Names) -> Planted | None:
        own = len(re.findall(mark, content, re.MULTILINE))
        if not own:
            return None
        token = names.one("-")
        added = text.replace("NAME", names.one("_")).replace("TITLE", names.one("").title()).replace("TOKEN", token)
        return Planted(content.rstrip("\n") + "\n" + added, (token,), 1, own)

    return way


def _inserted(mark: str, text: str, last: str = "}") -> Callable[[str, Names], Planted | None]:
    def way(content: str, names: Names) -> Planted | None:
        own, at = len(re.findall(mark, content, re.MULTILINE)), content.rstrip().rfind(last)
        if not own or at < 0:
            return None
        token = names.one("-")
        added = text.replace("NAME", names.one("_")).replace("TITLE", names.one("").title()).replace("TOKEN", token)
        return Planted(content[:at] + added + content[at:], (token,), 1, own)

    return way


def _ruby(content: str, names: Names) -> Planted | None:
    if re.search(r"Minitest::Test|Test::Unit::TestCase", content):
        base = "Minitest::Test" if "Minitest::Test" in content else "Test::Unit::TestCase"
        return _appended(
            r"^\s*def test_", f"class Test{'TITLE'} < {base}\n  def test_NAME\n    flunk 'TOKEN'\n  end\nend\n"
        )(content, names)
    return _appended(r"^\s*it\b", "RSpec.describe('NAME') { it('holds') { raise 'TOKEN' } }\n")(content, names)


def _shell(content: str, token: str) -> str:
    lines = content.rstrip("\n").split("\n")
    at = len(lines) - 1 if re.match(r"\s*(?:exit|exec)\b", lines[-1]) else len(lines)
    return "\n".join([*lines[:at], f"echo {token} >&2; exit 1", *lines[at:], ""])


_FRAMEWORKS: Mapping[str, Callable[[str, Names], Planted | None]] = {
    ".py": _python,
    **dict.fromkeys((".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx"), _javascript),
    ".go": _appended(r"^func Test\w*\(\w+ \*testing\.T\)", 'func TestTITLE(t *testing.T) { t.Fatal("TOKEN") }\n'),
    ".rs": rust_tests,
    ".java": _inserted(r"@Test\b", '    @Test public void NAME() { throw new AssertionError("TOKEN"); }\n'),
    ".kt": _inserted(r"@Test\b", '    @Test fun NAME() { throw AssertionError("TOKEN") }\n'),
    ".cs": _inserted(
        r"\[(?:Fact|Test|TestMethod)\]", '[Fact] public void NAME() => throw new System.Exception("TOKEN");\n'
    ),
    ".php": _inserted(r"function test", "    public function testTITLE(): void { $this->fail('TOKEN'); }\n"),
    ".exs": _inserted(r"^\s*test \"", '  test "NAME" do\n    flunk("TOKEN")\n  end\n', "end"),
    ".rb": _ruby,
}
_PROGRAMS: Mapping[str, Callable[[str, str], str | None]] = {
    ".py": _python_program,
    **dict.fromkeys((".js", ".mjs", ".cjs"), _javascript_program),
    **dict.fromkeys((".sh", ".bash"), _shell),
}


def tokens_in(said: str, planted: Mapping[str, Planted]) -> Iterator[tuple[str, int]]:
    """(path, how many of its tests that must fail were reported) of every file."""
    for path, file in planted.items():
        yield path, sum(token in said for token in file.tokens)
