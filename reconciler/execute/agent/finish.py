"""The tool `finish`: the agent says that it is through. A claim, which the gates judge."""

from __future__ import annotations

from typing import Any

import msgspec

from reconciler.execute import outputs, text
from reconciler.execute.agent.port import Finish, ToolResult
from reconciler.execute.agent.seat import Mistake, Seat, listed, required, said, schema
from reconciler.execute.backends.port import ToolSpec

_LISTED = 20
_TEXTS = {"type": "string"}


class Finishing:
    """`finished` is set by the first call that is accepted; decisions and blockers are then in the Work as well.

    Findings are left to whoever ends the phase, which takes them from `finished`.
    """

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._verdict = seat.phase.agent is not None and seat.phase.agent.output == "verdict"
        self.finished: Finish | None = None
        more: dict[str, Any] = {}
        if self._verdict:
            found: dict[str, Any] = outputs.VERDICT_SCHEMA["properties"]["findings"]["items"]
            items = {"type": "object", "properties": found["properties"], "required": found["required"]}
            more["findings"] = said("array", "what you found; an empty list for nothing", items=items)
        self.specs = (
            ToolSpec(
                name="finish",
                description="Say that you are through, and what came of it. Nothing can be done after it.",
                parameters=schema(
                    ("summary", "findings") if self._verdict else ("summary",),
                    summary=said("string", "what you did and how you know that it works"),
                    decisions=said("array", "what you decided that the next one must know", items=_TEXTS),
                    blockers=said("array", "what keeps the work from being complete", items=_TEXTS),
                    **more,
                ),
            ),
        )

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        summary = text.visible(required(arguments, "summary")).strip()
        work = self._seat.work
        minimum = work.brief.policy.gates.minimum_answer
        if len(summary) < minimum:
            raise Mistake(f"the summary has {len(summary)} characters, fewer than {minimum}: say what you did")
        decisions, blockers = _lines(arguments, "decisions"), _lines(arguments, "blockers")
        findings = ()
        if self._verdict:
            if "findings" not in arguments:
                raise Mistake("`findings` is missing: give an empty list where you found nothing")
            try:
                findings = outputs.found(listed(arguments, "findings"))
            except msgspec.ValidationError as error:
                raise Mistake(f"`findings` is not as asked: {error}") from error
        self.finished = Finish(summary=summary, decisions=decisions, blockers=blockers, findings=findings)
        work.decisions += [item for item in decisions if item not in work.decisions]
        work.blockers += [item for item in blockers if item not in work.blockers]
        return ToolResult(text="Finished.")


def _lines(arguments: dict[str, Any], name: str) -> tuple[str, ...]:
    lines = (text.line(str(item), 400) for item in listed(arguments, name)[:_LISTED])
    return tuple(line for line in lines if line)
