"""Writes docs/API.md from the OpenAPI files: `python3 docs/api_docs.py`. With `--check` it only says whether it is current."""

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "API.md"
HEAD = """\
# API

Written by `python3 docs/api_docs.py` from `api/openapi/`; change those files, not this one. All bodies are JSON. Errors carry
`{"error": "what to tell the person"}`. Prices are whole øre.
"""


def kind(schema: dict[str, Any]) -> str:
    """One line for a schema: `string`, `array of Plan`, `NO | SE`."""
    if "$ref" in schema:
        return f"[{name(schema)}](#{name(schema).lower()})"
    if schema.get("type") == "array":
        return f"array of {kind(schema['items'])}"
    if "enum" in schema:
        return " \\| ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    return f"{schema.get('type', 'any')}" + (f" ({schema['format']})" if "format" in schema else "")


def name(schema: dict[str, Any]) -> str:
    return schema["$ref"].rpartition("/")[2]


def content(message: dict[str, Any]) -> str:
    media = message.get("content", {}).get("application/json")
    return kind(media["schema"]) if media else "nothing"


def operation(method: str, path: str, item: dict[str, Any]) -> str:
    lines = [f"### {method.upper()} {path}", "", f"{item['summary']}.", ""]
    if item.get("security"):
        lines += ["Needs `Authorization: Bearer <token>`.", ""]
    for parameter in item.get("parameters", ()):
        lines += [f"- `{parameter['name']}` in {parameter['in']}: {kind(parameter['schema'])}", ""]
    if "requestBody" in item:
        lines += [f"Body: {content(item['requestBody'])}", ""]
    lines += ["| status | meaning | body |", "| --- | --- | --- |"]
    lines += [f"| {status} | {answer['description']} | {content(answer)} |" for status, answer in item["responses"].items()]
    return "\n".join(lines) + "\n"


def model(title: str, schema: dict[str, Any]) -> str:
    required = schema.get("required", ())
    lines = [f"### {title}", "", "| field | type | needed | about |", "| --- | --- | --- | --- |"]
    for field, value in schema.get("properties", {}).items():
        lines.append(f"| `{field}` | {kind(value)} | {'yes' if field in required else 'no'} | {value.get('description', '')} |")
    return "\n".join(lines) + "\n"


def render() -> str:
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "api" / "openapi").glob("*.json"))]
    parts = [HEAD]
    schemas: dict[str, Any] = {}
    for document in documents:
        info = document["info"]
        parts.append(f"## {info['title'].removeprefix('Bento ').capitalize()}\n\n{info['description']}\n")
        parts += [operation(method, path, item) for path, items in document["paths"].items() for method, item in items.items()]
        schemas |= document.get("components", {}).get("schemas", {})
    parts.append("## Bodies\n")
    parts += [model(title, schemas[title]) for title in sorted(schemas)]
    return "\n".join(parts)


def main(arguments: list[str]) -> int:
    text = render()
    if "--check" in arguments:
        current = TARGET.exists() and TARGET.read_text(encoding="utf-8") == text
        print("docs/API.md is current" if current else "docs/API.md is out of date: run python3 docs/api_docs.py")
        return 0 if current else 1
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
