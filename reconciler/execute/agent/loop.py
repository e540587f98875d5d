"""The loop around a model that works with tools: `step() = execute(query())`, until one of the named ends.

It knows no tool and no rule: the tools enforce those. It keeps the conversation whole (each call gets exactly one
answer), within its limits, and on record before it goes on.
"""

from __future__ import annotations

import time
from typing import Any

import msgspec

from reconciler.execute import answers, text
from reconciler.execute.agent import patterns, repair, say, spoken, window
from reconciler.execute.agent.gauge import Gauge, Overflow
from reconciler.execute.agent.port import Ending, Journal, Terms, ToolResult, Tools
from reconciler.execute.backends.port import Answer, Backend, BackendError, Call, ChatRequest, Message, OnToken
from reconciler.execute.bill import Bill
from reconciler.model.vocabulary import Reason

FORMAT_ERRORS = 3
"""in a row end the conversation"""
SAID_BADLY = 2
"""failures of the server over what the model said, in a row: then its last turn is taken back, once"""
REMINDERS = 1
"""of a model that stops without finishing"""
ASKED = 2
"""how often a model that never called a tool is asked to"""
_MOST_CALLS = 32
"""of one answer; those that are more are answered, not done"""
_HEARD = 400
_BEAT = 5.0
"""characters, or seconds, between two signs of life while an answer comes"""


class Loop:
    """Lets the model behind `backend` work. One conversation at a time, any number after one another."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def work(self, opening: tuple[Message, ...], tools: Tools, terms: Terms, journal: Journal) -> Ending:
        return await _Conversation(self._backend, opening, tools, terms, journal).hold()


class _End(Exception):
    """The conversation is over."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class _Interrupt(Exception):
    """The model has to be told something before it goes on."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class _Conversation:
    def __init__(
        self, backend: Backend, opening: tuple[Message, ...], tools: Tools, terms: Terms, journal: Journal
    ) -> None:
        self._backend = backend
        self._tools = tools
        self._terms = terms
        self._journal = journal
        self._specs = {spec.name: spec for spec in tools.specs}
        self._messages: list[Message] = []
        self._gauge = Gauge(tools.specs, terms)
        self._bill = Bill()
        self._steps = 0
        self._spoken = 0
        self._called = False
        self._steered = False
        self._history: list[patterns.Done] = []
        # what happened in a row, each begun anew by the opposite
        self._unreadable = self._cut = self._empty = self._silent = self._badly = 0
        for message in opening:
            self._keep(message)

    async def hold(self) -> Ending:
        try:
            while True:
                await self._step()
        except _End as end:
            reason, message = end.reason, end.message
        self._journal.event("conversation ended", reason=str(reason), message=message, steps=self._steps)
        return Ending(
            reason=reason,
            message=message,
            steps=self._steps,
            tokens=self._bill.tokens,
            cost_usd=self._bill.cost_usd,
            spoken_calls=self._spoken,
        )

    async def _step(self) -> None:
        try:
            await self._execute(await self._query())
        except _Interrupt as interrupt:
            self._keep(Message(role="user", text=interrupt.message))

    # -- asking

    async def _query(self) -> Message:
        """The model's next turn, kept."""
        self._within_limits()
        try:
            self._fit()
            return self._taken(await self._ask())
        except Overflow as overflow:
            raise _End(Reason.CONTEXT_OVERFLOW, str(overflow)) from overflow

    async def _ask(self) -> Answer:
        messages = window.without_old_thoughts(self._messages)
        request = ChatRequest(messages=messages, max_tokens=self._terms.max_tokens, tools=self._tools.specs)
        self._steps += 1
        self._journal.event("asked", step=self._steps)
        try:
            answer = await self._backend.chat(request, self._heard())
        except BackendError as error:
            self._bill.failed()
            raise self._failed(error) from error
        self._bill.add(answer)
        self._badly = 0
        self._gauge.check(messages, answer)
        return answer

    def _within_limits(self) -> None:
        terms = self._terms
        if self._steps >= terms.max_steps:
            raise _End(Reason.STEP_LIMIT, f"not finished after {self._steps} steps, the most it may take")
        spent_usd = self._bill.known_usd
        if terms.budget_usd is not None and spent_usd > 0 and spent_usd >= terms.budget_usd:
            spent = f"${spent_usd:.4f} of ${terms.budget_usd:.4f} are spent"
            raise _End(Reason.BUDGET_EXCEEDED, f"{spent} after {self._steps} steps")

    def _fit(self) -> None:
        """Shorten the conversation where it nears the window."""
        fitted = self._gauge.fitted(self._messages)
        if fitted != tuple(self._messages):
            before, after = window.total(self._messages), window.total(fitted)
            self._journal.event("shortened", before=before, after=after, messages=len(fitted))
            self._messages = list(fitted)

    def _failed(self, error: BackendError) -> Exception:
        """What a failure of the server leads to."""
        if not error.said_badly:
            return _End(error.reason, error.message)
        self._badly += 1
        self._journal.event("server failed over the answer", message=error.message, times=self._badly)
        if self._badly <= SAID_BADLY:
            return _Interrupt(say.said_badly(error.message))
        if self._badly == SAID_BADLY + 1 and self._take_back():
            return _Interrupt(say.TAKEN_BACK)
        return _End(Reason.FORMAT_ERRORS, f"the server could not read what the model said, again and again: {error}")

    def _take_back(self) -> bool:
        """Drop the last turn of the model and all that followed: one bad call in it would fail every request."""
        at = max((at for at, message in enumerate(self._messages) if message.role == "assistant"), default=None)
        if at is None:
            return False
        self._journal.event("took back the last turn", messages=len(self._messages) - at)
        del self._messages[at:]
        self._gauge.forget()
        return True

    # -- taking

    def _taken(self, answer: Answer) -> Message:
        """The answer as a turn of the conversation, its calls readable. Raises _Interrupt where there is none."""
        said = answers.answer(answer.text)
        calls = answer.calls
        if answer.ended == "length":
            self._journal.event("cut off", calls=[call.name for call in calls])
            self._keep(Message(role="assistant", text=said))
            self._cut += 1
            if self._cut >= FORMAT_ERRORS:
                told = f"its answers were cut off at {self._terms.max_tokens} tokens, {self._cut} times in a row"
                raise _End(Reason.FORMAT_ERRORS, told)
            raise _Interrupt(say.cut_off(self._terms.max_tokens))
        self._cut = 0
        as_text = () if calls else spoken.calls(said, self._specs)
        if as_text:
            self._spoken += len(as_text)
            said, calls = "", as_text
        turn = Message(role="assistant", text=said, thinking=answer.thinking, calls=self._identified(calls))
        self._keep(turn, tokens_in=answer.tokens_in, tokens_out=answer.tokens_out, spoken=bool(as_text))
        if not turn.calls:
            raise self._nothing_called(said)
        self._called = True
        self._empty = self._silent = 0
        return turn

    def _identified(self, calls: tuple[Call, ...]) -> tuple[Call, ...]:
        """Each with an id of its own."""
        taken = {call.id for message in self._messages for call in message.calls}
        made: list[Call] = []
        for call in calls:
            known = call.id if call.id and call.id not in taken else f"call-{self._steps}-{len(made) + 1}"
            taken.add(known)
            made.append(msgspec.structs.replace(call, id=known))
        return tuple(made)

    def _nothing_called(self, said: str) -> Exception:
        if not said:
            self._empty += 1
            if self._empty > REMINDERS:
                return _End(Reason.EMPTY_RESPONSE, "the model answered with nothing, twice")
            return _Interrupt(say.EMPTY)
        self._empty = 0
        self._silent += 1
        if not self._called and self._silent > ASKED:
            told = f"the model only talks: it called no tool, though asked to {ASKED} times"
            return _End(Reason.CAPABILITY_MISSING, told)
        if self._called and self._silent > REMINDERS:
            return _End(Reason.UNFINISHED, f"it stopped without calling finish: {text.line(said, 160)}")
        return _Interrupt(say.reminder(self._specs))

    # -- doing

    async def _execute(self, turn: Message) -> None:
        await self._do_all(turn.calls)
        if self._tools.finished is not None:
            raise _End(Reason.PASSED, "finished")
        if self._unreadable >= FORMAT_ERRORS:
            told = f"{self._unreadable} calls in a row could not be read"
            raise _End(Reason.FORMAT_ERRORS, f"{told}: {self._last_words()}")
        self._look_for_circles()

    async def _do_all(self, calls: tuple[Call, ...]) -> None:
        """Do what is called for; every call gets exactly one answer, come what may."""
        done, why = 0, "the conversation was ended"
        try:
            for call in calls[:_MOST_CALLS]:
                if self._tools.finished is not None:
                    break
                self._answer(call, await self._do(call))
                done += 1
            why = "you had finished before" if self._tools.finished else f"at most {_MOST_CALLS} calls at a time"
        finally:
            for call in calls[done:]:
                self._answer(call, ToolResult(text=f"not done: {why}", ok=False))

    async def _do(self, call: Call) -> ToolResult:
        spec = self._specs.get(call.name) or next(
            (spec for spec in self._specs.values() if repair.plain(spec.name) == repair.plain(call.name)), None
        )
        try:
            arguments = repair.arguments(call.arguments, spec.parameters) if spec else _object(call)
        except repair.FormatError as error:
            self._unreadable += 1
            self._remember(call, {"raw": call.arguments}, str(error), ok=False)
            return ToolResult(text=f"error: {error}", ok=False)
        name = spec.name if spec else call.name
        self._journal.event("call", tool=text.line(name, 60), step=self._steps)
        # a name that is not offered goes to the tools as well: it may be one that this role must not have
        result = await self._tools.call(name, arguments)
        self._unreadable = 0 if spec or result.refused else self._unreadable + 1
        self._remember(call, arguments, result.text, ok=result.ok)
        return result

    def _remember(self, call: Call, arguments: dict[str, Any], result: str, *, ok: bool) -> None:
        self._history.append(patterns.done(call.name, arguments, result, ok))

    def _look_for_circles(self) -> None:
        circle = patterns.circle(self._history)
        if circle is None:
            return
        if self._steered:
            raise _End(Reason.NO_PROGRESS, f"it {circle}, and went on after it was told")
        self._steered = True
        self._journal.event("steered", why=circle)
        raise _Interrupt(say.steering(circle))

    # -- keeping

    def _answer(self, call: Call, result: ToolResult) -> None:
        shown = window.capped(result.text, self._terms.num_ctx)
        message = Message(role="tool", name=call.name, call=call.id, text=shown)
        self._keep(message, ok=result.ok, refused=result.refused)

    def _keep(self, message: Message, **more: object) -> None:
        """On record first, as it is; what is sent back to the server is only what servers and templates can take."""
        self._journal.keep(message, **more)
        last = self._messages[-1] if self._messages else None
        if last and last.role == message.role == "user":
            self._messages[-1] = msgspec.structs.replace(last, text=f"{last.text}\n\n{message.text}")
            return
        calls = tuple(msgspec.structs.replace(call, arguments=_object(call)) for call in message.calls)
        empty = message.role == "assistant" and not (message.text or calls)
        self._messages.append(
            msgspec.structs.replace(message, calls=calls, text=say.NOTHING if empty else message.text)
        )

    def _last_words(self) -> str:
        return text.line(self._messages[-1].text, 160)

    def _heard(self) -> OnToken:
        heard, told, last = 0, 0, time.monotonic()

        def on_token(piece: str) -> None:
            nonlocal heard, told, last
            heard += len(piece)
            now = time.monotonic()
            if heard - told >= _HEARD or now - last >= _BEAT:
                told, last = heard, now
                self._journal.event("answering", step=self._steps, characters=heard)

        return on_token


def _object(call: Call) -> dict[str, Any]:
    return (repair.read(call.arguments) if isinstance(call.arguments, str) else call.arguments) or {}
