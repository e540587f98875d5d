"""An enclosed server and the streams that the MCP SDK's session wants, each line bounded before it is parsed.

The SDK's own way to start a server would add variables of ours, read lines of any length, and watch nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from reconciler.execute import child
from reconciler.execute.enclosure import Enclosed

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

LONGEST = 4 * 2**20
"""bytes of one message"""
SESSION = 256 * 2**20
"""bytes of all that a server says in one session: some thousand large answers"""


@contextlib.asynccontextmanager
async def talked_with(enclosed: Enclosed, most: int = SESSION) -> AsyncGenerator[tuple[child.Child, Any, Any]]:
    """The server, what it says and what it is told. Raises OSError where it cannot be started.

    One that says too much, at once or in all (`most`, bytes), is heard no longer; why stands in its `stopped`.
    """
    import anyio
    from mcp.shared.message import SessionMessage

    said, hears = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    tells, told = anyio.create_memory_object_stream[SessionMessage](0)
    started = child.started(enclosed.argv, cwd=enclosed.cwd, env=enclosed.env, bounds=enclosed.bounds, said=None)
    async with started as process, said, hears, tells, told, anyio.create_task_group() as tasks:
        tasks.start_soon(_hear, process, said, most)
        tasks.start_soon(_tell, process, told)
        try:
            yield process, hears, tells
        finally:
            tasks.cancel_scope.cancel()


async def _hear(process: child.Child, said: MemoryObjectSendStream[Any], most: int) -> None:
    import anyio
    import mcp_types
    from mcp.shared.message import SessionMessage

    async with said:
        with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            try:
                async for line in process.lines(most=most, longest=LONGEST):
                    try:
                        message = mcp_types.jsonrpc_message_adapter.validate_json(line, by_name=False)
                    except ValueError as error:
                        await said.send(error)
                    else:
                        await said.send(SessionMessage(message))
            except child.TooMuch as flood:
                process.stopped = str(flood)


async def _tell(process: child.Child, told: MemoryObjectReceiveStream[Any]) -> None:
    # a server that hears nothing any more is found out by what it does not answer
    with contextlib.suppress(OSError):
        async for message in told:
            line = message.message.model_dump_json(by_alias=True, exclude_unset=True)
            await process.say(line.encode("utf-8", "replace"))
