"""Our tools as a server of the Model Context Protocol: `python -m reconciler.execute.mcp.server SOCKET`.

A CLI agent starts it and speaks to it on standard input and output. It knows no tool: it asks the worker's `Bridge`
behind the socket, with the secret that its environment names. The `mcp` package is needed here and in the client only.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from reconciler.execute.mcp.wire import LONGEST, SECRET, SERVER
from reconciler.execute.short_path import reachable


class Far:
    """The bridge, as seen from here. One connection for each request."""

    def __init__(self, socket: str, secret: str) -> None:
        self._socket = socket
        self._secret = secret

    async def ask(self, **request: object) -> dict[str, Any]:
        """The answer; `{"error": ...}` where there is none."""
        try:
            with reachable(self._socket) as path:
                reader, writer = await asyncio.open_unix_connection(path, limit=LONGEST)
        except OSError as error:
            return {"error": f"the factory's tools cannot be reached: {error}"}
        try:
            writer.write(json.dumps({"secret": self._secret, **request}).encode() + b"\n")
            await writer.drain()
            line = await reader.readline()
        except (OSError, ValueError) as error:
            return {"error": f"the factory's tools broke off: {error}"}
        finally:
            writer.close()
        return json.loads(line) if line else {"error": "the factory's tools broke off"}


def server(far: Far) -> Server[Any]:
    async def list_tools(_context: object, _params: object) -> types.ListToolsResult:
        answer = await far.ask(do="list")
        return types.ListToolsResult(
            tools=[
                types.Tool(name=tool["name"], description=tool["description"], input_schema=tool["parameters"])
                for tool in answer.get("tools", ())
            ]
        )

    async def call_tool(_context: object, params: types.CallToolRequestParams) -> types.CallToolResult:
        answer = await far.ask(do="call", name=params.name, arguments=params.arguments or {})
        said = str(answer["text"] if "text" in answer else answer.get("error", ""))
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=said)], is_error=answer.get("ok") is not True
        )

    return Server(SERVER, on_list_tools=list_tools, on_call_tool=call_tool)


async def main(socket: str, secret: str) -> None:
    ours = server(Far(socket, secret))
    async with stdio_server() as (incoming, outgoing):
        await ours.run(incoming, outgoing, ours.create_initialization_options())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], os.environ[SECRET]))
