"""What a shell command starts: the programs whose exit decides, and the files that it compares with. Pure text.

It reads words, not the shell's whole grammar: what is put together while it runs (`eval`, `$(...)`) is not seen.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator

import msgspec

_PLACES = re.compile(r"[\w.@+-]+(?:/[\w.@+-]+)*")
_LONGEST = 4_000
"""characters of one line that are read"""
_SPLIT = re.compile(r"(\|\||&&|(?<![<>])&(?!>)|;|\||\n)")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\??:?=.*", re.DOTALL)
_QUOTED = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"|\\.", re.DOTALL)
_BEFORE = frozenset(
    (
        "env", "exec", "time", "nice", "nohup", "command", "sudo", "stdbuf", "setsid", "xvfb-run", "timeout", "then",
        "do", "else", "if", "while", "until", "elif", "!", "{", "poetry", "uv", "pipenv", "pdm", "hatch", "rye", "run",
        "coverage", "bundle", "npx", "bunx", "corepack", "dlx", "firejail", "xargs",
    )
)  # fmt: skip
"""words that stand before a program"""
_INTERPRETER = re.compile(
    r"(?:python|pypy)[\d.]*|node(?:js)?|deno|bun|[bdkz]?a?sh|\.|source|ruby|perl|php\d*|lua\S*|Rscript|tsx|ts-node|swc-node"
    r"|elixir|julia|pwsh|tclsh|java|dart|groovy|kotlin|scala|swift|guile|racket|\$[({]?\w+[)}]?|\$\$?\w+"
)
_HOOKS = ("-r", "--require", "--import", "--loader", "--experimental-loader", "--rcfile", "--init-file", "-p")
_COMPARES = frozenset(("diff", "cmp", "comm", "colordiff", "sdiff"))
_CODE = ("-c", "-e", "--eval", "-p", "--print")
TESTERS = frozenset(
    (
        "pytest", "py.test", "unittest", "nose2", "doctest", "jest", "vitest", "mocha", "ava", "tap", "tape", "jasmine",
        "bats", "rspec", "phpunit", "prove",
    )
)  # fmt: skip
"""programs and modules that run each file which they are told"""
_PASSES_ON = frozenset(("tee", "cat", "less", "more", "head", "tail", "sed", "ts", "tr", "cut", "logger", "sponge"))
"""what ends a pipe without looking"""
_INTO = re.compile(r"(?<!2)>{1,2}\s*([^&\s>;|]+)")
_INNER = re.compile(r"\$\(([^()]{1,400})\)|`([^`]{1,400})`")


class Step(msgspec.Struct, frozen=True):
    """One simple command. `judges`: its exit, not only what it says, may decide."""

    words: tuple[str, ...]
    judges: bool


def steps(text: str) -> Iterator[Step]:
    """The simple commands of a shell text, in order."""
    said = Counter(_PLACES.findall(text))
    for line in _lines(text):
        parts = _split(line)
        commands, marks = parts[::2], [*parts[1::2], ""]
        looked = False
        after: list[str] = []
        found: list[Step] = []
        for command, mark in reversed([*zip(commands, marks, strict=False)]):
            words = _words(command)
            # what feeds a pipe, a file that is read again, or the background is looked at, and not who looks
            looked = mark == "|" and (looked or _looks(after))
            after = words
            if words:
                into = _INTO.search(command)
                kept = into is not None and not into[1].startswith("/dev/") and said[into[1].strip("'\"")] > 1
                found.append(Step(tuple(words), not (looked or mark == "&" or kept)))
        yield from reversed(found)


def listened(text: str) -> Iterator[str]:
    """The files that are started for what they say, as they are written: a program that is checked."""
    for step in steps(text):
        if not step.judges:
            yield from starts(step)[0]
    for line in _lines(text):
        for found in _INNER.finditer(line):
            for step in steps(found[1] or found[2]):
                yield from starts(step)[0]


def chained(text: str) -> bool:
    """Whether every command of it has to end well: nothing but commands, one after another by `&&`."""
    plain = _QUOTED.sub("", text.strip())
    return not re.search(r"[|;`\n]|\$\(|(?<!&)&(?!&)|(?:^|\s)(?:!|if|while|for|case|trap)\s", plain)


def starts(step: Step) -> tuple[list[str], list[str]]:
    """The files and the modules (`-m`) that a command starts or loads before them, as they are written."""
    words = [word for word in step.words if not _ASSIGNMENT.fullmatch(word)]
    while words and (words[0] in _BEFORE or re.fullmatch(r"-\S*|\d+[smh]?", words[0])):
        words.pop(0)
    if not words:
        return [], []
    program, rest = words[0].lstrip("@-+"), words[1:]
    name = program.rpartition("/")[2]
    if name in _COMPARES:
        return [word for word in rest if not word.startswith("-")], []
    told = [word.partition("::")[0] for word in rest if not word.startswith("-")]
    if name in TESTERS or (name == "node" and "--test" in rest):
        return [program, *told], []
    if not _INTERPRETER.fullmatch(name):
        return [program], []
    files: list[str] = []
    at = 0
    while at < len(rest):
        word = rest[at]
        after = rest[at + 1] if at + 1 < len(rest) else ""
        if word == "-m":
            named = [word for word in rest[at + 2 :] if not word.startswith("-")] if after in TESTERS else []
            return [*files, *(word.partition("::")[0] for word in named)], [after, *named]
        if word in _CODE:
            return files, []
        if word in _HOOKS or word in ("-W", "-X", "-o", "-f"):
            files.append(after)
            at += 2
            continue
        if "=" in word and word.startswith("--"):
            files.append(word.partition("=")[2])
        elif not word.startswith("-"):
            return [*files, word], []
        at += 1
    return [*files, program], []


def inner(step: Step) -> list[str]:
    """What a shell is told to do in a word of its own (`sh -c '...'`)."""
    pairs = zip(step.words, step.words[1:], strict=False)
    shell = any(re.fullmatch(r"(?:.*/)?[bdkz]?a?sh", word) for word in step.words[:4])
    return [said for word, said in pairs if shell and re.fullmatch(r"-\w*c", word)]


def compares(step: Step) -> bool:
    """Whether it is a program that holds two files against each other."""
    return any(word.rpartition("/")[2] in _COMPARES for word in step.words[:3])


def _looks(words: list[str]) -> bool:
    return bool(words) and words[0].rpartition("/")[2] not in _PASSES_ON


def _lines(text: str) -> Iterator[str]:
    for line in text.replace("\\\n", " ").split("\n"):
        plain = line[:_LONGEST].strip()
        if plain and not plain.startswith("#"):
            yield plain


def _split(line: str) -> list[str]:
    """Commands and the marks between them, by turns; nothing is split within quotes."""
    kept: list[str] = []

    def hide(found: re.Match[str]) -> str:
        kept.append(found[0])
        return f"\0{len(kept) - 1}\0"

    hidden = _QUOTED.sub(hide, line)
    return [re.sub(r"\0(\d+)\0", lambda found: kept[int(found[1])], part) for part in _SPLIT.split(hidden)]


def _words(command: str) -> list[str]:
    plain = command.strip().strip("()").strip()
    try:
        return shlex.split(plain, comments=True)
    except ValueError:
        return plain.split()
