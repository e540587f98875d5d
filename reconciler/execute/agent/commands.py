"""The tool `run_command`: a line of shell in the sandbox, at the product's root. The text is the agent's own."""

from __future__ import annotations

from typing import Any

from reconciler.execute.agent.files import ASK_FIRST
from reconciler.execute.agent.port import ToolResult
from reconciler.execute.agent.seat import Forbidden, Mistake, Seat, number, required, said, schema
from reconciler.execute.backends.port import ToolSpec
from reconciler.execute.confine import confined
from reconciler.execute.process import Completed

SECONDS = 120
_LONGEST = 20_000

RUN = ToolSpec(
    name="run_command",
    description="Run a shell command at the product's root. There is no network, and no input.",
    parameters=schema(
        ("command",),
        command=said("string", "as for /bin/sh -c"),
        timeout=said("integer", f"seconds, {SECONDS} if not given"),
    ),
)


class Commands:
    specs = (RUN,)

    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        command = required(arguments, "command")
        if not command.strip() or "\0" in command or len(command) > _LONGEST:
            raise Mistake("the command is empty, or nothing that a shell can take")
        seat = self._seat
        if seat.blocking:
            raise Forbidden(command, ASK_FIRST)
        work = seat.work
        done, undone = await confined(
            work,
            seat.phase,
            ["/bin/sh", "-c", command],
            writes=seat.writes == "product",
            rules=seat.rules,
            timeout=float(number(arguments, "timeout", SECONDS)),
            tool=name,
        )
        work.note(
            phase=seat.phase.name, tool=name, command=command, exit=done.exit, output=done.text(), stopped=done.stopped
        )
        said = done.text().rstrip()
        parts = [said, *(f"[undone: {why}]" for why in undone), _ending(done)]
        return ToolResult(
            text="\n".join(part for part in parts if part), ok=done.ok and not undone, refused=bool(undone)
        )


def _ending(done: Completed) -> str:
    return f"[ended: {done.stopped}]" if done.stopped else f"[exit {done.exit}]"
