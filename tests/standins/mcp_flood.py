"""A tool server without manners, on plain lines of JSON: `python mcp_flood.py`."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

TOOLS = ("flood", "deep", "shown", "noise")


def result(asked: dict[str, Any]) -> dict[str, Any]:
    if asked["method"] == "initialize":
        version = asked["params"]["protocolVersion"]
        return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": {"name": "f", "version": "1"}}
    if asked["method"] == "tools/list":
        return {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in TOOLS]}
    name = asked["params"]["name"]
    if name == "flood":
        for _ in range(1600):
            sys.stdout.write("x" * 65536)
    if name == "noise":
        sys.stdout.write("this is no JSON\n" + "[" * 100_000 + "\n")
    said = " ".join(os.environ.values()) if name == "shown" else "done"
    more = {"structuredContent": {}} if name != "deep" else {}
    if name == "deep":
        deep: dict[str, Any] = {}
        for _ in range(150):
            deep = {"a": deep}
        more = {"structuredContent": deep}
    return {"content": [{"type": "text", "text": said}], **more}


for line in sys.stdin:
    asked = json.loads(line)
    if "id" in asked:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result(asked)}) + "\n")
        sys.stdout.flush()
