"""What a shell command starts: the programs whose exit decides, and the files that it compares with. Pure text.

It reads words, not the shell's whole grammar: what is put together while it runs (`eval`, `$(...)`) is not seen.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import msgspec

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


class Step(msgspec.Struct, frozen=True):
    """One simple command. `judges`: its exit, not only what it says, may decide."""

    words: tuple[str, ...]
    judges: bool


def steps(text: str) -> Iterator[Step]:
    """The simple commands of a shell text, in order."""
    for line in _lines(text):
        parts = _split(line)
        commands, marks = parts[::2], [*parts[1::2], ""]
        for command, mark in zip(commands, marks, strict=False):
            words = _words(command)
            # what feeds a pipe, a file or the background is what is looked at, not who looks
            if words:
                yield Step(tuple(words), mark not in ("|", "&") and not re.search(r"(?<!2)>{1,2}\s*[^&\s>]", command))


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
    if not _INTERPRETER.fullmatch(name):
        return [program], []
    files: list[str] = []
    at = 0
    while at < len(rest):
        word = rest[at]
        after = rest[at + 1] if at + 1 < len(rest) else ""
        if word == "-m":
            return files, [after]
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
