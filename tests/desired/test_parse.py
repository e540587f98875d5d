"""The bulk parser: YAML 1.2 core, strict, bounded."""

from __future__ import annotations

import io
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from reconciler.desired.parse import MAX_BYTES, parse


def value(text: str) -> Any:
    parsed = parse(text.encode(), "a.yaml")
    assert not parsed.problems, parsed.problems
    return parsed.documents[0].value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no", "no"), ("yes", "yes"), ("on", "on"), ("2026-06-23", "2026-06-23"), ("1_000", "1_000"), ("0b1", "0b1"),
        ("1:30", "1:30"), ("true", True), ("FALSE", False), ("~", None), ("", None), ("012", 12), ("0o14", 12),
        ("0xff", 255), ("-7", -7), ("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0), ("1.", 1.0), ("'1'", "1"), ("=", "="),
        ("!!str 1", "1"), ("!!int 1", 1), ("! 1", "1"), ("-", [None]), ("0o9", "0o9"), ("+", "+"), (".", "."),
    ],
)  # fmt: skip
def test_plain_scalars_follow_the_core_schema(text: str, expected: object) -> None:
    found = value(f"a: {text}\n" if text != "-" else "a:\n-\n")["a"]
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        (b"a: 1\na: 2\n", 2, 1, "twice"),
        (b"1: a\n", 1, 1, "in quotes"),
        (b"? [a]\n: b\n", 1, 3, "must be text"),
        (b"a: &x {b: 1}\nc: {<<: *x}\n", 2, 5, "merge keys"),
        (b"a: !!python/object:os.system x\n", 1, 4, "tag"),
        (b"a: *x\n", 1, 4, "no anchor"),
        (b"a: &x [*x]\n", 1, 8, "refers to what it stands in"),
        (b"a:\n\tb: 1\n", 2, 1, "tab"),
        (b"\xef\xbb\xbfa: 1\n", 1, 1, "byte order mark"),
        (b"a: 1\nb: \xff\n", 2, 4, "not UTF-8: byte 0xff"),
        (b"a: b\x00c\n", 1, 5, "U+0000"),
        ("a: b\nc: \x9b31m\n".encode(), 2, 4, "U+009B"),
        (b'a: "\\x1b[31m"\n', 1, 4, "control characters"),
        (b"a: .inf\n", 1, 4, "no number"),
        (b"a: 1" + b"0" * 5000 + b"\n", 1, 4, "too large"),
        (b"a: b: c\n", 1, 5, "mapping values"),
        (b"%YAML 1.1\n---\na: 1\n", 1, 1, "1.2"),
        (b"[" * 100, 1, 65, "deeper"),
        (b"a: 1\rb: 2\n", 1, 5, "U+000D"),
        (b"#" * (MAX_BYTES + 1), 1, 1, "KiB"),
    ],
)
def test_what_is_refused_is_refused_with_its_place(text: bytes, line: int, column: int, words: str) -> None:
    [problem] = parse(text, "a.yaml").problems
    assert words in problem.message
    assert (problem.position.line, problem.position.column) == (line, column)
    assert str(problem).isprintable()


def test_an_alias_bomb_is_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    begun = time.monotonic()
    [problem] = parse("\n".join(lines).encode(), "a.yaml").problems
    assert "aliases repeat" in problem.message
    assert time.monotonic() - begun < 1


def test_a_modest_alias_is_what_it_stands_for() -> None:
    assert value("a: &x [1, {b: c}]\nd: *x\n")["d"] == [1, {"b": "c"}]


def test_places_are_those_of_keys_and_values() -> None:
    parsed = parse(b"---\n# only words\n---\nb: {c: [1, two]}\nd:\n  e: 1\n", "a.yaml")
    [document] = parsed.documents
    assert (document.line, document.column) == (4, 1)
    assert str(parsed.locate(document, ("b", "c", 1))) == "a.yaml:4:12"
    assert str(parsed.locate(document, ("d", "e"), key=True)) == "a.yaml:6:3"
    assert str(parsed.locate(document, ("d", "nothing"))) == "a.yaml:6:3"


WORDS = st.sampled_from(
    ["a", "b", "no", "yes", "true", "null", "~", "12", "-3", "1.5", "1e3", "'x'", '"y z"', "'#'", "é", "x y", "a:b",
     "[]", "{}", "[a, 1]", "{k: v, l: [1]}", "{k: v, k: w}", "!!str 5", "*n", "&n 1", "[", "'", "@x", "0x1F", "''",
     "|\n    text\n    more", ">-\n    folded\n    text", "# remark", "- a", "%x", "2 # two"]
)  # fmt: skip


NAMES = st.lists(st.sampled_from("xyz"), min_size=1, max_size=3)


@st.composite
def yaml_texts(draw: st.DrawFn) -> str:
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 5))):
        key = draw(st.sampled_from(["a", "b", "c", "d", "'e'", "f g", "é"]))
        sort = draw(st.integers(0, 3))
        if sort == 0:
            lines.append(f"{key}:")
            lines += [f"  - {draw(WORDS)}" for _ in range(draw(st.integers(1, 3)))]
        elif sort == 1:
            lines.append(f"{key}:")
            lines += [f"  {name}: {draw(WORDS)}" for name in draw(NAMES)]
        else:
            lines.append(f"{key}: {draw(WORDS)}")
    return "\n".join(lines) + "\n"


def by_ruamel(text: str) -> tuple[bool, Any]:
    yaml = YAML(typ="safe", pure=True)
    try:
        return True, list(yaml.load_all(io.StringIO(text)))
    except YAMLError:
        return False, None


@settings(max_examples=250, deadline=None)
@given(yaml_texts())
def test_bulk_parser_and_ruamel_agree_on_values_and_refusals(text: str) -> None:
    accepted, documents = by_ruamel(text)
    parsed = parse(text.encode(), "a.yaml")
    assert accepted == (not parsed.problems), (text, parsed.problems)
    if accepted:
        ours = [document.value for document in parsed.documents]
        assert ours == [document for document in documents if document is not None]


@settings(max_examples=300, deadline=2000)
@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>'\"%@`#,? \n\t~<0."), max_size=60) | st.text(max_size=40))
def test_any_text_at_all_gives_values_or_problems(text: str) -> None:
    parsed = parse(text.encode("utf-8", "surrogatepass"), "a.yaml")
    assert all(str(problem).isprintable() for problem in parsed.problems)


@settings(max_examples=150, deadline=2000)
@given(st.binary(max_size=60))
def test_any_bytes_at_all_give_values_or_problems(data: bytes) -> None:
    assert all(str(problem).isprintable() for problem in parse(data, "a.yaml").problems)
