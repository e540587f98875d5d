"""Adds up what the answers of a model took. Once one of them is unknown, so is the sum."""

from __future__ import annotations

from reconciler.execute.backends.port import Answer


class Bill:
    """`known_usd` is the part of the cost that is known, for comparing it with a budget."""

    def __init__(self) -> None:
        self.tokens: int | None = 0
        self.cost_usd: float | None = 0.0
        self.known_usd = 0.0
        self._free = False

    def add(self, answer: Answer) -> None:
        both = None if answer.tokens_in is None or answer.tokens_out is None else answer.tokens_in + answer.tokens_out
        self.tokens = None if both is None or self.tokens is None else self.tokens + both
        self.known_usd += answer.cost_usd or 0.0
        unknown = answer.cost_usd is None or self.cost_usd is None
        self.cost_usd = None if unknown else self.known_usd
        self._free = self.cost_usd == 0.0

    def failed(self) -> None:
        """No answer, but the server may have worked: what that took nobody knows. What was free stays free."""
        self.tokens = None
        self.cost_usd = 0.0 if self._free else None
