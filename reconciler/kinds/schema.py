"""JSON Schemas of the kinds, for editors, other tools and fast checking. The same models give the same bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from pydantic import TypeAdapter

from reconciler.kinds.manifest import KINDS, Anything

DIALECT = "https://json-schema.org/draft/2020-12/schema"
BASE = "https://alai.dev/schemas/v1/"


def schemas() -> dict[str, dict[str, Any]]:
    """File name without `.json` -> schema: one for each kind, and `all`, which takes any of them."""
    found = {kind.lower(): _dressed(kind.lower(), kind, model.model_json_schema()) for kind, model in KINDS.items()}
    found["all"] = _dressed("all", "Any manifest", TypeAdapter[Any](Anything).json_schema())
    return found


def _dressed(name: str, title: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"$schema": DIALECT, "$id": f"{BASE}{name}.json", **_closed(schema), "title": title}


def _closed(schema: Any) -> Any:
    """pydantic writes `patternProperties` for keys with a pattern, which lets every other key pass: close that hole."""
    if isinstance(schema, list):
        return [_closed(item) for item in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _closed(value) for key, value in cast("dict[str, Any]", schema).items()}
    patterns = plain.pop("patternProperties", None)
    if patterns is not None:
        [(pattern, value)] = patterns.items()
        plain["propertyNames"] = {**plain.get("propertyNames", {}), "pattern": pattern}
        plain["additionalProperties"] = value
    return plain


def text(schema: dict[str, Any]) -> bytes:
    """The bytes of a schema file."""
    return (json.dumps(schema, indent=2, ensure_ascii=False, sort_keys=True) + "\n").encode()


def write(folder: Path) -> list[Path]:
    """Write all schemas into `folder`; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    for name, schema in schemas().items():
        file = folder / f"{name}.json"
        file.write_bytes(text(schema))
        files.append(file)
    return files
