"""What a program takes in, names and hands to others, by its text: modules, files, and calls whose word counts.

Exact for Python and nearly so for JavaScript and Go; for other languages a file takes in what it names by a word.
Nothing is run: what is put together at run time is not seen.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections import Counter
from collections.abc import Iterator

import msgspec

from reconciler.execute.gates.families import suffix

_SCRIPTS = (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte")
_IMPORTS = re.compile(r"(?:\brequire\(|\bfrom|\bimport\s?\(?|\bmock\()[ \t]{0,8}['\"]([^'\"\n]{1,200})['\"]")
_LITERAL = re.compile(r"\"([^\"\n]{1,200})\"|'([^'\n]{1,200})'|`([^`\n]{1,200})`")
_WORD = re.compile(r"\w+")
_PATH = re.compile(r"[\w.@+*-]+(?:/[\w.@+*-]+)*")
_DECLARED = re.compile(r"^[ \t]*+(?:pub(?:\(\w+\))?[ \t]++)?mod[ \t]++\w++[ \t]*+;", re.MULTILINE)
"""of Rust: that a module is there, not that it is used"""
_MAIN = ("index", "__init__", "mod")
_LONGEST = 200
_LINE = re.compile(
    r"^[ \t]*+(?:from[ \t]++([\w.]++)[ \t]++import[ \t]*+(\([^()]{0,2000}\)|[^#\n(]{0,400})"
    r"|import[ \t]++([\w., \t]{1,400}))",
    re.MULTILINE,
)
_BOUND = re.compile(
    r"(?:\bimport\s+(?:\*\s+as\s+)?|\b(?:const|let|var)\s+)(\{[^{}]{0,400}\}|\w{1,80})"
    r"\s{0,8}(?:from|=\s{0,8}(?:await\s{1,8}import|require)\s{0,8}\()\s{0,8}['\"]([^'\"\n]{1,200})['\"]"
)
_CALL = re.compile(r"(?:^|[;{}]|=>)\s{0,8}(?:await\s)?(?P<name>\w{1,80})(?:\.\w{1,80})?\((?P<given>.{1,400})")
_TRUTH = re.compile(
    r"\b(?:assert(?:\.ok)?|(?P<equal>assert\.(?:equal|strictEqual)|expect))\((?P<name>\w{1,80})(?:\.\w{1,80})?\((?P<given>.{1,400})"
)

_SAYS = re.compile(r"\b(?:true|false|null|undefined|toBe(?:Truthy|Falsy|Null|Undefined))\b|\[\]")


class Taking(msgspec.Struct, frozen=True):
    """`modules`: ends of the paths of what it takes in, `/whole/path` where that is known; without suffixes."""

    modules: frozenset[str]
    words: frozenset[str]
    """where a language names no files: whatever it says"""
    literals: frozenset[str]
    """strings in it, which may name files"""
    drops: frozenset[str]
    """modules whose functions get what others made, and whose result nobody looks at: they raise, or do nothing"""
    trusts: frozenset[str]
    """modules whose word alone decides whether what others made is right"""


def key(path: str) -> str:
    """What a module is called by those that take it in: its path without suffix; of Go its folder."""
    if suffix(path) == ".go":
        return posixpath.dirname(path)
    plain = posixpath.splitext(path)[0]
    folder, name = posixpath.split(plain)
    return folder if folder and name in _MAIN else plain


def family(path: str) -> str:
    """Languages that take in each other's modules."""
    end = suffix(path)
    return end if end in (".py", ".go") else ".js" if end in _SCRIPTS else ""


def taking(path: str, text: str, *, closely: bool) -> Taking:
    """`closely`: how what is taken in is used, too."""
    known = family(path)
    if known == ".py" and closely:
        return _python(path, text)
    literals = frozenset(next(filter(None, found.groups())) for found in _LITERAL.finditer(text))
    nothing = frozenset[str]()
    if known == ".py":
        return Taking(frozenset(_python_imports(path, text)), nothing, literals, nothing, nothing)
    if suffix(path) in ("", ".sh", ".bash"):
        return command(text)
    if known == ".js":
        return _javascript(path, text, literals)
    if known == ".go":
        return Taking(frozenset((f"/{key(path)}", *literals)), nothing, literals, nothing, nothing)
    if suffix(path) == ".rs":
        text = _DECLARED.sub("", text)
    return Taking(nothing, frozenset(_WORD.findall(text)), literals, nothing, nothing)


def command(text: str) -> Taking:
    """The same of what a shell is told: every word may name a file."""
    words = frozenset(_PATH.findall(text))
    ends = {key(word) for word in words if "." in word}
    nothing = frozenset[str]()
    code = frozenset(found[1].replace(".", "/") for found in re.finditer(r"\b(?:from|import) ([\w.]{1,200})", text))
    return Taking(frozenset(ends) | code, nothing, words, nothing, nothing)


def _python_imports(path: str, text: str) -> Iterator[str]:
    """What a module takes in, by its lines: for the many that need not be looked at closely."""
    for found in _LINE.finditer(text):
        if found[3]:
            for name in found[3].split(","):
                yield from _ends(name.split()[0].replace(".", "/") if name.split() else "")
            continue
        plain = found[1].lstrip(".")
        module = _within(path, plain.replace(".", "/"), len(found[1]) - len(plain))
        yield from ([module] if module.startswith("/") else _ends(module))
        yield from (f"{module}/{name}" for name in _WORD.findall(found[2]))


def _python(path: str, text: str) -> Taking:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Taking(*[frozenset[str]()] * 5)
    modules: set[str] = set()
    literals: set[str] = set()
    bound: dict[str, str] = {}
    nodes = list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            for item in node.names:
                module = item.name.replace(".", "/")
                modules |= set(_ends(module))
                bound[item.asname or item.name.partition(".")[0]] = module
        elif isinstance(node, ast.ImportFrom):
            module = _from(path, node)
            modules |= {module} if module.startswith("/") else set(_ends(module))
            for item in node.names:
                modules.add(f"{module}/{item.name}")
                bound[item.asname or item.name] = module
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) <= _LONGEST:
            literals.add(node.value)
    if re.search(r"import_module|__import__|pytest_plugins|run_(?:module|path)", text):
        modules |= {word.replace(".", "/") for word in literals if re.fullmatch(r"[\w.]+", word)}
    calls = Counter(
        bound[name] for node in nodes if isinstance(node, ast.Call) for name in (_root(node.func),) if name in bound
    )
    alone = Counter(m for node in nodes if isinstance(node, ast.Expr) for m in _called(node.value, bound))
    given = {m for node in nodes if isinstance(node, ast.Expr) for m in _given(node.value, bound)}
    trusts = {m for node in nodes for truth in _truths(node) for m in _given(truth, bound) if _arguments(truth) > 1}
    drops = {module for module in given if alone[module] == calls[module]}
    drops |= {bound[name] for node in nodes for name in _bases(node) if name in bound}
    return Taking(*map(frozenset, (modules, (), literals, drops, trusts)))


def _from(path: str, node: ast.ImportFrom) -> str:
    """The module that a line takes names from: `a/b`, or `/whole/path` where it is relative."""
    return _within(path, (node.module or "").replace(".", "/"), node.level)


def _within(path: str, module: str, level: int) -> str:
    if not level:
        return module
    folder = posixpath.dirname(path)
    for _ in range(min(level, 50) - 1):
        folder = posixpath.dirname(folder)
    return "/" + posixpath.join(folder, module).rstrip("/")


def _ends(module: str) -> Iterator[str]:
    """A module and the packages around it, all of which are run."""
    module = module[:_LONGEST]
    while module:
        yield module
        module = posixpath.dirname(module)


def _called(node: ast.expr, bound: dict[str, str]) -> Iterator[str]:
    """The module of a function that is called."""
    call = node.value if isinstance(node, ast.Await) else node
    if isinstance(call, ast.Call) and (mine := bound.get(_root(call.func))):
        yield mine


def _given(node: ast.expr, bound: dict[str, str]) -> Iterator[str]:
    """The same where it is called with something of another module's."""
    call = node.value if isinstance(node, ast.Await) else node
    if not isinstance(call, ast.Call) or not (mine := bound.get(_root(call.func))):
        return
    for argument in (*call.args, *(word.value for word in call.keywords)):
        for inner in ast.walk(argument):
            if isinstance(inner, ast.Name) and bound.get(inner.id, mine) != mine:
                yield mine
                return


def _truths(node: ast.AST) -> Iterator[ast.expr]:
    """What has to be true for a test to pass."""
    if isinstance(node, ast.Assert):
        yield node.test
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        first, *others = node.args
        plain = node.func.attr in ("assertTrue", "assertFalse", "assertIsNone")
        if plain or (node.func.attr in ("assertEqual", "assertIs") and any(map(_is_word, others))):
            yield first


def _is_word(node: ast.expr) -> bool:
    """True, False, None or nothing: what a function that judges gives."""
    empty = isinstance(node, (ast.List, ast.Tuple)) and not node.elts
    return empty or (isinstance(node, ast.Constant) and (not node.value or node.value is True))


def _arguments(node: ast.expr) -> int:
    return len(node.args) + len(node.keywords) if isinstance(node, ast.Call) else 0


def _bases(node: ast.AST) -> Iterator[str]:
    """The classes that a class of tests takes after."""
    if isinstance(node, ast.ClassDef) and any(
        isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)) and each.name.startswith("test") for each in node.body
    ):
        yield from map(_root, node.bases)


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _javascript(path: str, text: str, literals: frozenset[str]) -> Taking:
    modules = frozenset(_script(path, found[1]) for found in _IMPORTS.finditer(text))
    bound: dict[str, str] = {}
    for found in _BOUND.finditer(text):
        for name in re.findall(r"(\w+)\s*(?:,|\}|$)", found[1]):
            bound[name] = _script(path, found[2])
    calls = Counter(bound[name] for name in re.findall(r"\b(\w{1,80})(?:\.\w{1,80})?\(", text) if name in bound)
    alone: Counter[str] = Counter()
    given: set[str] = set()
    trusts: set[str] = set()
    for line in text.split("\n"):
        for pattern, into in ((_CALL, given), (_TRUTH, trusts)):
            for call in pattern.finditer(line[:1000]):
                mine = bound.get(call["name"])
                if mine:
                    alone[mine] += pattern is _CALL
                    told = pattern is _CALL or not call["equal"] or _SAYS.search(call["given"])
                    others = told and any(bound.get(word, mine) != mine for word in _WORD.findall(call["given"]))
                    into |= {mine} if "," in call["given"] and others else set()
    drops = frozenset(module for module in given if alone[module] >= calls[module])
    return Taking(modules, frozenset(), literals, drops, frozenset(trusts))


def _script(path: str, name: str) -> str:
    """What an import of JavaScript means, without suffix: `/whole/path` where it is relative."""
    if name.startswith("."):
        whole = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
        return "/" + (key(whole) if suffix(whole) in _SCRIPTS or name.endswith("/index") else whole)
    plain = re.sub(r"^[@~#]/?", "", name)
    return key(plain) if suffix(plain) in _SCRIPTS else plain
