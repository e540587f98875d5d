"""Reads just enough Kotlin to know the API's routes and whether a file is whole. No parser: a tokenizer and a stack."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "api" / "src" / "main" / "kotlin"
OPENAPI = ROOT / "api" / "openapi"

METHODS = ("get", "post", "put", "patch", "delete")
TOKEN = re.compile(
    r'(?P<skip>//[^\n]*|/\*.*?\*/|"""(?P<raw>.*?)""")'
    r'|\b(?P<call>route|get|post|put|patch|delete)\("(?P<path>[^"]*)"\)\s*\{'
    r"|\b(?P<include>\w+Routes)\("
    r'|(?P<string>"(?:\\.|[^"\\])*")'
    r"|(?P<open>\{)|(?P<close>\})",
    re.DOTALL,
)
FUNCTION = re.compile(r"fun Route\.(\w+Routes)\([^)]*\)\s*\{")


def sources() -> dict[str, str]:
    """Text of every Kotlin file, by its path below the source root."""
    return {str(path.relative_to(SOURCES)): path.read_text(encoding="utf-8") for path in sorted(SOURCES.rglob("*.kt"))}


def code_only(text: str) -> str:
    """The text without comments and string literals."""
    return re.sub(r'//[^\n]*|/\*.*?\*/|""".*?"""|"(?:\\.|[^"\\])*"', " ", text, flags=re.DOTALL)


def body(text: str, start: int) -> str:
    """What stands between the brace just before `start` and the one that closes it."""
    depth = 1
    for match in TOKEN.finditer(text, start):
        if match["call"] or match["open"]:
            depth += 1
        elif match["close"]:
            depth -= 1
        if depth == 0:
            return text[start : match.start()]
    raise ValueError("a brace is never closed")


def walk(text: str, prefix: str, functions: dict[str, str]) -> Iterator[tuple[str, str]]:
    """(method, path) of every endpoint in this piece of a routing tree."""
    position = 0
    while match := TOKEN.search(text, position):
        position = match.end()
        if match["include"] and match["include"] in functions:
            yield from walk(functions[match["include"]], prefix, functions)
        elif match["call"]:
            inner = body(text, position)
            path = prefix + match["path"]
            if match["call"] == "route":
                yield from walk(inner, path, functions)
            else:
                yield match["call"], path
            position += len(inner)


def routes() -> set[tuple[str, str]]:
    """Every (method, path) that the application serves, as its routing says."""
    files = sources()
    functions = {
        match[1]: body(text, match.end()) for text in files.values() for match in FUNCTION.finditer(text)
    }
    routing = next(text for name, text in files.items() if name.endswith("plugins/Routing.kt"))
    start = re.search(r"\brouting \{", routing)
    if start is None:
        raise ValueError("Routing.kt has no routing block")
    return set(walk(body(routing, start.end()), "", functions))


def described() -> set[tuple[str, str]]:
    """Every (method, path) that the OpenAPI files describe."""
    found: set[tuple[str, str]] = set()
    for path in sorted(OPENAPI.glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        found |= {(method, url) for url, item in document["paths"].items() for method in item if method in METHODS}
    return found
