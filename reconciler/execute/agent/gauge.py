"""Keeps one conversation within its window, and checks each answer for signs that the server cut it nevertheless."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.execute.agent import window
from reconciler.execute.agent.port import Terms
from reconciler.execute.backends.port import Answer, Message, ToolSpec

_TELLING = 500
"""tokens that a server must have read for its count to correct our estimate"""
_FACTOR = 2.0


class Overflow(Exception):
    """The conversation does not fit, or did not: the message says how that is known."""


class Gauge:
    """Learns from what the server says it read how many of its tokens one of our estimated ones is."""

    def __init__(self, tools: Sequence[ToolSpec], terms: Terms) -> None:
        self._terms = terms
        self._overhead = window.tools_size(tools)
        self._factor = 1.0
        self._sent = 0
        self._read: int | None = None

    def fitted(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        """The messages, shortened where they near the window. Raises Overflow: never send what would be cut."""
        terms = self._terms
        now = window.total(messages)
        soft = self._room(window.soft_limit(terms.num_ctx, terms.max_tokens))
        if now <= soft:
            return tuple(messages)
        hard = self._room(terms.num_ctx - terms.max_tokens)
        for room in (soft, hard):
            shorter = window.shortened(messages, room, terms.num_ctx)
            if shorter is not None and window.total(shorter) < now:
                self.forget()
                return shorter
        if now <= hard:
            return tuple(messages)
        needed = int((now + self._overhead) * self._factor)
        told = f"the conversation needs about {needed} tokens and its answer {terms.max_tokens}"
        raise Overflow(f"{told}, the window has {terms.num_ctx}")

    def check(self, messages: Sequence[Message], answer: Answer) -> None:
        """Raises Overflow where the server cut the prompt: the answer is one to something else then."""
        sent, read = window.least(messages), answer.tokens_in
        new = max(sent - self._sent, 0)
        count = window.Count(sent=sent, new=new, read=read, before=self._read, num_ctx=self._terms.num_ctx)
        why = window.lost(count)
        if why:
            raise Overflow(f"{why}; part of the conversation was cut silently")
        self._sent, self._read = sent, read
        if read is not None and read > _TELLING:
            self._factor = min(max(self._factor, read / (window.total(messages) + self._overhead)), _FACTOR)

    def forget(self) -> None:
        """The conversation lost something: what was read before is no measure any more."""
        self._read = None

    def _room(self, tokens: int) -> int:
        return int(tokens / self._factor) - self._overhead
