"""Tests of ours in C and Rust: where the tests' own way to compare may be the work's, it is tried as well."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.execute.gates.planted import Names, Planted

_C_COMPARES = re.compile(r"\b(strn?(?:case)?cmp|strcoll|memcmp|bcmp)\s{0,8}\(")
_STRING = re.compile(r'"([\w ,.:;!?-]{2,80})"')
_MOST_SEARCHED = 100_000
_MOST_TEXTS = 8
_RUST_FAILING = (
    'panic!("{t}")', 'assert_eq!("{a}", "{b}", "{t}")', 'assert_ne!("{a}", "{a}", "{t}")',
    'assert!("{a}".len() > 999, "{t}")',
)  # fmt: skip


def c_program(content: str, names: Names) -> str | None:
    main = re.search(r"\bmain\s{0,8}\([^()]{0,400}\)\s{0,400}\{", content)
    if main is None:
        return None
    last = max(content.rfind("return", main.end()), content.rfind("exit(", main.end()))
    at = last if last > 0 else content.rfind("}", main.end())
    token = names.one("-")
    texts, lies = _lies(content, names)
    said = f'if (!held) {{ extern void perror(const char *); extern void abort(void); perror("{token}"); abort(); }}'
    if "assert(" in content:
        said = f'assert(held && "{token}");'
    return f"{content[:at]}{{ {texts}int held = {lies}; {said} }} {content[at:]}"


def _lies(content: str, names: Names) -> tuple[str, str]:
    """Texts, and what is true of them if a function that the file compares with cannot tell one from another.

    The texts are reached by pointers that may change at any time, or the compiler would answer in a function's place.
    """
    used = sorted(set(_C_COMPARES.findall(content)))
    mine = [*dict.fromkeys(_STRING.findall(content[:_MOST_SEARCHED]))][:_MOST_TEXTS] if used else []
    pairs = [pair for text in (names.one(" "), *mine) for pair in _nearly(text, names)] if used else []
    texts = "".join(
        f'const char *volatile one{at} = "{one}", *volatile two{at} = "{two}"; ' for at, (one, two) in enumerate(pairs)
    )
    lies = [
        f"{name}(one{at}, two{at}{length}) == 0 || {name}(one{at}, one{at}{length}) != 0"
        for name in used
        for at, (one, two) in enumerate(pairs)
        for length in (f", {len(one)}" if "n" in name or name.startswith(("mem", "bcmp")) else "",)
        if not length or len(one) == len(two)
    ]
    return texts, " || ".join(lies) or "0"


def _nearly(text: str, names: Names) -> Iterator[tuple[str, str]]:
    """The text with what differs from it in one letter, and with what lacks its first mark."""
    yield text, names.nearly(text)
    if (plain := re.sub(r"[^\w]", "", text, count=1)) != text:
        yield text, plain


def rust_tests(content: str, names: Names) -> Planted | None:
    own = len(re.findall(r"#\[(?:\w+::)?test\]", content))
    if not own:
        return None
    bodies = [*_RUST_FAILING[:1], *(body for body in _RUST_FAILING[1:] if body.partition("(")[0] in content)]
    tokens = [names.one("-") for _ in bodies]
    tests = "".join(
        f"    #[test]\n    fn {names.one()}() {{ {body.format(a=names.one(' '), b=names.one(' '), t=token)} }}\n"
        for body, token in zip(bodies, tokens, strict=True)
    )
    added = f"\n#[cfg(test)]\nmod {names.one()} {{\n{tests}}}\n"
    return Planted(content.rstrip("\n") + added, tuple(tokens), len(tokens), own)
