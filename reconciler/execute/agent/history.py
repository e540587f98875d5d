"""The conversation log of an attempt: `conversation.jsonl` in its run folder, a line a turn, written before the next.

Secrets are taken out of what is written, not of what the model sees. Append-only: nothing here reads it back.
"""

from __future__ import annotations

import json
from typing import Any

from reconciler.execute.backends.port import Message
from reconciler.execute.redact import scrubbed
from reconciler.execute.work import Work

FILE = "conversation.jsonl"


class History:
    """The `Journal` of one phase. Turns also go into the transcript, events to whoever watches the attempt."""

    def __init__(self, work: Work, phase: str) -> None:
        self._work = work
        self._phase = phase

    def keep(self, message: Message, **more: object) -> None:
        turn = {"phase": self._phase, **_spelled(message), **{key: value for key, value in more.items() if value}}
        self._write(turn)
        self._work.note(**turn)
        self._work.progress("turn", phase=self._phase, role=message.role, characters=len(message.text))

    def event(self, event: str, **more: object) -> None:
        """Kept in the log too where it changes what the model sees or how the conversation ends."""
        if event not in _FLEETING:
            self._write({"phase": self._phase, "event": event, **more})
        self._work.progress(event, phase=self._phase, **more)

    def _write(self, entry: dict[str, Any]) -> None:
        line = json.dumps(scrubbed(entry), ensure_ascii=False, default=str)
        with (self._work.run_dir / FILE).open("a", encoding="utf-8", errors="replace") as file:
            file.write(f"{line}\n")


_FLEETING = frozenset({"asked", "answering", "call"})
"""signs of life: the turns say the same"""


def _spelled(message: Message) -> dict[str, Any]:
    """The turn as plain data, without what it does not have."""
    calls = [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in message.calls]
    parts = {
        "role": message.role,
        "text": message.text,
        "thinking": message.thinking,
        "calls": calls,
        "name": message.name,
        "call": message.call,
    }
    return {key: value for key, value in parts.items() if value}
