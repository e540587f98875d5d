"""Packages that a test runner imports because they are there, and not because a program under test takes them in.

Discovery of `unittest` imports every package that it walks. Such an `__init__.py` could change the product for the
tests alone. Python is read and not run: only what a module takes in while it is loaded counts as taken in.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

INIT = "__init__.py"
_DEEPEST = 32
"""folders of a name that are told apart"""
_LOADED = (ast.Module, ast.Try, ast.TryStar, ast.ExceptHandler, ast.With, ast.ClassDef)
"""whose statements are carried out when the module is loaded"""


def unasked(
    inits: Iterable[str],
    tests: Mapping[str, str],
    before: Iterable[str],
    now: Iterable[str],
    text: Callable[[str], str],
) -> list[str]:
    """Those of `inits` (paths of `__init__.py`) that do something and that no test comes to by imports.

    `tests`: path -> text. `before`, `now`: the paths of the branch and of the work. `text`: gives a file of the work.
    """
    wanted = [path for path in inits if posixpath.basename(path) == INIT and _acts(text(path))]
    if not wanted:
        return []
    modules: dict[str, list[str]] = defaultdict(list)
    for path in now:
        parts = _module(path).split("/")
        for at in range(max(0, len(parts) - _DEEPEST), len(parts)):
            modules["/".join(parts[at:])].append(path)
    # where the branch has a package or module of that name, a test may also start it by any word
    known = {_module(path) for path in before if path.endswith(".py")}
    said = {word for content in tests.values() for word in re.findall(r"\w+", content)}
    seen = {path for path in wanted if _module(path) in known and posixpath.basename(_module(path)) in said}
    seen |= {path for path in wanted if path in before and any(test.startswith(path[: -len(INIT)]) for test in tests)}
    waiting = list(seen)
    names = {name for path, content in tests.items() for name in _imports(path, content, deep=True)}
    while names or waiting:
        found = {path for name in names for path in modules.pop(name, ())} - seen
        seen |= found
        waiting += found
        names = set[str]()
        if waiting:
            path = waiting.pop()
            names.update(_imports(path, text(path), deep=False))
    return [path for path in wanted if path not in seen]


def _acts(content: str) -> bool:
    """Whether a package does more than to name things."""
    tree = _parsed(content)
    return tree is None or not all(_is_plain(node) for node in tree.body)


def _is_plain(node: ast.stmt) -> bool:
    if not isinstance(node, (ast.Expr, ast.Assign)):
        return False
    named = isinstance(node, ast.Expr) or all(isinstance(target, ast.Name) for target in node.targets)
    return named and all(
        isinstance(part, (ast.Constant, ast.List, ast.Tuple, ast.expr_context)) for part in ast.walk(node.value)
    )


def _imports(path: str, content: str, *, deep: bool) -> Iterator[str]:
    """Each module (`a/b`) that is taken in, with the packages above it."""
    for node in _statements(content, deep=deep):
        if isinstance(node, ast.Import):
            names = [item.name.replace(".", "/") for item in node.names]
        else:
            folder = path.split("/")[: -node.level] if node.level else []
            module = "/".join([*folder, *(node.module or "").split(".")]).rstrip("/")
            names = [module, *(f"{module}/{item.name}".lstrip("/") for item in node.names)]
        for name in names:
            parts = name.split("/")[:_DEEPEST]
            yield from ("/".join(parts[:at]) for at in range(1, len(parts) + 1))


def _statements(content: str, *, deep: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    tree = _parsed(content)
    waiting: list[ast.AST] = [tree] if tree else []
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif deep or isinstance(node, _LOADED):
            waiting += ast.iter_child_nodes(node)


def _parsed(content: str) -> ast.Module | None:
    try:
        return ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _module(path: str) -> str:
    return posixpath.dirname(path) if posixpath.basename(path) == INIT else posixpath.splitext(path)[0]
