"""What the package imports is what it declares, and what only an extra brings is imported where it is used."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OURS = frozenset(("reconciler", "cli"))


def named(requirements: list[str]) -> set[str]:
    return {plain(re.split(r"[^\w.-]", line, maxsplit=1)[0]) for line in requirements}


def plain(name: str) -> str:
    """A distribution's name as all its spellings share it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def imports(body: list[ast.stmt], inner: bool = False) -> Iterator[tuple[str, bool]]:
    """(package, whether it is imported when it is needed) of each import outside of ours and of Python's own."""
    for node in body:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
        for name in names:
            package = name.partition(".")[0]
            if package not in OURS and package not in sys.stdlib_module_names:
                yield package, inner
        typing = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        later = inner or typing or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        for part in ("body", "orelse", "finalbody"):
            yield from imports(getattr(node, part, []), later)
        for handler in getattr(node, "handlers", []):
            yield from imports(handler.body, later)


def test_every_import_is_declared() -> None:
    always = named(PROJECT["dependencies"])
    extras = {name: lines for name, lines in PROJECT["optional-dependencies"].items() if name != "dev"}
    extra = set[str]().union(*map(named, extras.values()))
    known = packages_distributions()
    wrong: list[str] = []
    for path in (found for top in OURS for found in (ROOT / top).rglob("*.py")):
        text = path.read_text()
        program = "__name__ == " in text  # which nothing else imports
        for package, later in imports(ast.parse(text).body, program):
            brought = {plain(name) for name in known.get(package, [package])}
            if not brought & always and not (later and brought & extra):
                wrong.append(f"{path.relative_to(ROOT)}: {package}")
    assert wrong == []
