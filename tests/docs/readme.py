"""The README as a newcomer meets it: its headings, the commands below each, and the files it asks to save."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(
    r"^(?:<!-- file: (?P<file>\S+) -->\n)?```(?P<language>\w+)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True)
class Command:
    """One line of a block marked `sh`. `exits`: what the line says of its exit code, else 0."""

    text: str
    exits: frozenset[int]


@dataclass
class Section:
    commands: list[Command] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)


def sections(path: Path = ROOT / "README.md") -> dict[str, Section]:
    """Heading -> what stands below it."""
    found: dict[str, Section] = {}
    for part in re.split(r"^#{2,3} ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        heading, _, text = part.partition("\n")
        section = found[heading] = Section()
        for fence in FENCE.finditer(text):
            if fence["file"]:
                section.files[fence["file"]] = fence["body"]
            elif fence["language"] == "sh":
                section.commands += [command(line) for line in fence["body"].splitlines()]
    return found


def command(line: str) -> Command:
    codes = re.findall(r"\b(?:exits|or) (\d)", line.partition("#")[2])
    return Command(line.partition("    #")[0], frozenset(int(code) for code in codes) or frozenset({0}))


def blocks(path: Path, language: str) -> list[str]:
    """The fenced blocks of a language in any page."""
    return [
        fence["body"] for fence in FENCE.finditer(path.read_text(encoding="utf-8")) if fence["language"] == language
    ]
