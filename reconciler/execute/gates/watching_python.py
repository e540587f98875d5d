"""The same for Python, by its syntax: what a module does to, and asks of, whoever runs it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache

_RUNNERS = frozenset(("unittest", "pytest", "_pytest", "nose", "nose2", "pluggy", "doctest"))
_ENDS = frozenset(("sys.exit", "exit", "quit", "os._exit", "SystemExit", "sys.exit.__call__"))
_KILLS = frozenset(("os.abort", "os.execv", "os.execl", "os.execvp", "os.execve", "os.execlp"))
_ENVIRONMENT = re.compile(r"PYTEST_(?!ADDOPTS)\w+|NODE_TEST_CONTEXT|UNITTEST\w*")
_WHO = frozenset(("USER", "LOGNAME", "USERNAME", "HOSTNAME", "PYTHONDONTWRITEBYTECODE"))
_MACHINE = frozenset(("socket.gethostname", "platform.node", "getpass.getuser", "os.getlogin", "os.uname", "os.getcwd"))
_STACK = frozenset(("inspect.stack", "inspect.currentframe", "sys._getframe", "traceback.extract_stack"))
_SUMMARY = re.compile(
    r"\bRan \d+ tests?\b|\b\d+ passed\b|^TAP version \d|^(?:not )?ok \d+\b|# (?:tests|pass) \d|(?:^|\n)OK\s*$"
)
_PRINTS = frozenset(("print", "sys.stdout.write", "sys.stderr.write", "sys.__stdout__.write", "os.write"))
_WATCHERS = re.compile(r"(?i)unit_?test|pytest|\btest_|assert|_pytest")
_FINDERS = frozenset(("meta_path", "path_hooks", "path_importer_cache"))
"""of `sys`: where Python asks for modules"""
_PLACES = frozenset(("/blueprint", "/product", "/tmp/home"))

Found = tuple[int, str, bool]


def look(path: str, text: str, mine: set[int], *, script: bool) -> Iterator[Found]:
    """(line, what, doubtful) of what stands in the lines `mine`. `script`: it may end itself."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    script = (
        script or path.endswith("__main__.py") or re.search(r"\bsys\.argv\b|\bargparse\b|\binput\(", text) is not None
    )
    seen: set[int] = set()
    called = _called_at_once(tree)
    for node, inside, guarded in _walk(tree):
        line = getattr(node, "lineno", 0)
        if line not in mine or line in seen or guarded:
            continue
        at_once = inside is None or getattr(inside, "name", "") in called or (not script and _ends_all(inside))
        found = _asks(node, inside, at_once) or (None if inside else _ends(node, script=script))
        if found:
            seen.add(line)
            yield line, *found


def _walk(tree: ast.Module) -> Iterator[tuple[ast.AST, ast.AST | None, bool]]:
    """Every node, the innermost function that it stands in, and whether only a program started by name comes to it."""
    waiting: list[tuple[ast.AST, ast.AST | None, bool]] = [(tree, None, False)]
    while waiting:
        node, inside, guarded = waiting.pop()
        yield node, inside, guarded
        below = node if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) else inside
        main = isinstance(node, ast.If) and "__name__" in ast.dump(node.test)
        waiting += [(child, below, guarded or main) for child in reversed(list(ast.iter_child_nodes(node)))]


def _called_at_once(tree: ast.Module) -> set[str]:
    """The functions that are called while the module is loaded."""
    outside = (node for node, inside, guarded in _walk(tree) if inside is None and not guarded)
    return {_name(node.func) for node in outside if isinstance(node, ast.Call)}


@lru_cache(maxsize=8)
def _ends_all(function: ast.AST) -> bool:
    """Whether a function ends the whole program: then nobody hears an answer of its."""
    calls = (node for node in ast.walk(function) if isinstance(node, ast.Call))
    return any(_name(call.func) in _ENDS | _KILLS for call in calls)


def _asks(node: ast.AST, inside: ast.AST | None, at_once: bool) -> tuple[str, bool] | None:
    if _finds_modules(node):
        return "changes how modules are found", True
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return _imports(node)
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and _ENVIRONMENT.fullmatch(node.value):
        return "asks whether a test runs", False
    if isinstance(node, ast.Compare):
        return _compares(node)
    if isinstance(node, ast.Call):
        return _calls(node, inside, at_once)
    if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete)):
        targets = node.targets if isinstance(node, (ast.Assign, ast.Delete)) else [node.target]
        for target in targets:
            if isinstance(target, (ast.Attribute, ast.Subscript)) and _of_runner(_name(target)):
                return "changes the test runner", False
            if _name(target).startswith("sys.modules"):
                return "puts a module in another's place", True
    if isinstance(node, ast.FunctionDef) and _constant(node) is {"__eq__": True, "__ne__": False}.get(node.name, ...):
        return "equals everything", False
    return None


def _finds_modules(node: ast.AST) -> bool:
    """Whether a node names what Python finds modules with, or puts something in the place of `import`."""
    if isinstance(node, ast.Attribute):
        stored = isinstance(node.ctx, (ast.Store, ast.Del))
        return node.attr in _FINDERS or (stored and _name(node) in ("builtins.__import__", "__builtins__.__import__"))
    if isinstance(node, ast.ImportFrom):
        return node.module == "sys" and any(item.name in _FINDERS for item in node.names)
    # `__import__` as a word is a key of builtins; called, it is a name
    return isinstance(node, ast.Constant) and node.value in (*_FINDERS, "__import__")


def _imports(node: ast.Import | ast.ImportFrom) -> tuple[str, bool] | None:
    names = [item.name for item in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    if isinstance(node, ast.ImportFrom) and node.level:
        return None
    if any(name.partition(".")[0] in _RUNNERS for name in names):
        return "takes in a test runner", all(name in ("unittest.mock", "doctest") for name in names)
    return None


def _compares(node: ast.Compare) -> tuple[str, bool] | None:
    sides = [node.left, *node.comparators]
    said = [side.value for side in sides if isinstance(side, ast.Constant) and isinstance(side.value, str)]
    names = [_name(side) for side in sides]
    if any(name.startswith("sys.modules") for name in names) and any(word in _RUNNERS for word in said):
        return "asks whether a test runs", False
    if any(name.startswith(("sys.argv", "sys.orig_argv")) for name in names):
        watched = [word for word in said if word in ("-c", "-m") or _WATCHERS.search(word)]
        return ("asks who calls it", False) if watched else None
    if said and any(name in _MACHINE or name.startswith("os.uname") for name in names):
        return "asks on which machine it runs", True
    if said and any(word in _WHO for side in sides for word in _strings(side) if not isinstance(side, ast.Constant)):
        return "asks on which machine it runs", True
    return None


def _calls(node: ast.Call, inside: ast.AST | None, at_once: bool) -> tuple[str, bool] | None:
    name = _name(node.func)
    first = node.args[0] if node.args else None
    if name == "setattr" and first is not None and _of_runner(_name(first)):
        return "changes the test runner", False
    # what a function prints is the answer of whoever calls it; a runner is forestalled while the module is loaded
    said = (word for argument in node.args for word in _strings(argument))
    if name in _PRINTS and at_once and any(map(_SUMMARY.search, said)):
        return "prints what a test runner prints", False
    if name in ("__import__", "importlib.import_module") and any(
        word.partition(".")[0] in _RUNNERS for word in _strings(node)
    ):
        return "takes in a test runner", False
    if name == "atexit.register" and any(_name(item) in ("os._exit", "os.abort", "os.kill") for item in node.args):
        return "ends the program behind its runner's back", False
    if name in _STACK and inside is not None and _watches(inside):
        return "asks who calls it", True
    if name.endswith(("exists", "isdir", "isfile", "is_dir", "is_file")) and _PLACES.intersection(_strings(node)):
        return "asks on which machine it runs", True
    return None


@lru_cache(maxsize=8)
def _watches(function: ast.AST) -> bool:
    """Whether a function names what watches it; asked again for each call in it."""
    return any(map(_WATCHERS.search, _strings(function)))


def _ends(node: ast.AST, *, script: bool) -> tuple[str, bool] | None:
    """What ends the program well while the module is loaded."""
    call = node.exc if isinstance(node, ast.Raise) else node
    name = (
        _name(call.func) if isinstance(call, ast.Call) else _name(call) if isinstance(node, ast.Raise) and call else ""
    )
    if name in _KILLS:
        return "ends the program while it is loaded", False
    if name not in _ENDS or (script and name != "os._exit"):
        return None
    arguments = call.args if isinstance(call, ast.Call) else []
    well = not arguments or (isinstance(arguments[0], ast.Constant) and arguments[0].value in (0, None, False))
    return ("ends the program while it is loaded", False) if well else None


def _constant(function: ast.FunctionDef) -> bool | None:
    """The True or False that a function gives whatever it is asked; None where it depends."""
    body = [node for node in function.body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))]
    last = body[0] if len(body) == 1 else None
    given = last.value.value if isinstance(last, ast.Return) and isinstance(last.value, ast.Constant) else None
    return given if isinstance(given, bool) else None


def _of_runner(name: str) -> bool:
    return name.partition(".")[0] in _RUNNERS and "." in name


def _name(node: ast.AST | None) -> str:
    """`a.b.c` of a name, an attribute, or what is called or indexed; empty for all else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}"
    if isinstance(node, (ast.Subscript,)):
        return f"{_name(node.value)}.[]"
    return _name(node.func) if isinstance(node, ast.Call) else ""


def _strings(node: ast.AST) -> Iterator[str]:
    for child in ast.walk(node):
        if isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child.value
