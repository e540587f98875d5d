"""A small company's tool server, written with the official SDK: `python mcp_server.py`."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

PLACE = {"type": "object", "properties": {"host": {"anyOf": [{"type": "string"}, {"type": "null"}], "title": "Host"}}}


def tool(name: str, schema: dict[str, Any] | None = None) -> types.Tool:
    return types.Tool(name=name, description=f"{name} \u200bsomething", input_schema=schema or {"type": "object"})


async def listed(_context: object, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
    """In two pages."""
    if params is None or params.cursor is None:
        return types.ListToolsResult(tools=[tool("look_up", PLACE), tool("look_around")], next_cursor="2")
    return types.ListToolsResult(tools=[tool("look_broken"), tool("delete_all"), tool("a name with spaces")])


async def called(_context: object, params: types.CallToolRequestParams) -> types.CallToolResult:
    if params.name == "look_around":
        seen = {
            "home": [path.name for path in Path.home().iterdir()],
            "key": os.environ.get("COMPANY_KEY"),
            "leaked": os.environ.get("UNRELATED_TOKEN"),
        }
        return said(repr(seen))
    if params.name == "look_up":
        try:
            socket.create_connection(("1.1.1.1", 53), timeout=1).close()
        except OSError as error:
            return said(type(error).__name__)
        return said("connected")
    if params.name == "look_broken":
        os._exit(3)
    raise ValueError(f"{params.name} was called")


def said(text: str) -> types.CallToolResult:
    image = types.ImageContent(type="image", data="AAAA", mime_type="image/png")
    return types.CallToolResult(content=[types.TextContent(type="text", text=text), image])


async def main() -> None:
    server = Server("company", on_list_tools=listed, on_call_tool=called)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


if __name__ == "__main__":
    anyio.run(main)
