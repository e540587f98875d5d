"""Any program on this machine that answers on standard output what it is asked on standard input.

It runs with the user's own environment, since the Fleet that names it is theirs, but in an empty folder: it is asked
for words, it has no business with files.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import AsyncGenerator

from reconciler import trees
from reconciler.execute import text
from reconciler.execute.backends.port import Answer, BackendError, ChatRequest, OnToken
from reconciler.execute.backends.streaming import checked, limits_of, paced, told_schema
from reconciler.execute.child import started
from reconciler.model.job import ModelBrief
from reconciler.model.vocabulary import Reason

LONGEST = 4_000_000
"""bytes of an answer; what comes after them ends the program"""


class Command:
    """`model.command`, run anew for each question. What it used and what that cost is not known."""

    def __init__(self, model: ModelBrief) -> None:
        self._model = model
        self._limits = limits_of(model.limits)

    async def chat(self, request: ChatRequest, on_token: OnToken) -> Answer:
        host = self._model.host
        checked(request, tools=False, who=f"host {host}")
        if not self._model.command:
            raise BackendError(Reason.CAPABILITY_MISSING, f"host {host} names no command: give it one in the Fleet")
        said: list[str] = []
        pieces = paced(self._pieces(_prompt(request)), self._limits, self._who)
        try:
            async for piece in pieces:
                said.append(piece)
                on_token(piece)
        finally:
            await pieces.aclose()
        answer, thinking = text.divided("".join(said))
        return Answer(text=answer, tokens_in=None, tokens_out=None, cost_usd=None, ended="stop", thinking=thinking)

    async def _pieces(self, prompt: str) -> AsyncGenerator[str, None]:
        """Standard output as it comes."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        length = 0
        try:
            with trees.scratch() as folder:
                async with started(self._model.command, cwd=folder, env=os.environ, said=prompt.encode()) as child:
                    assert child.process.stdout is not None
                    while chunk := await child.process.stdout.read(65536):
                        length += len(chunk)
                        if length > LONGEST:
                            raise BackendError(Reason.BACKEND_ERROR, f"{self._who} said more than {LONGEST} bytes")
                        yield decoder.decode(chunk)
                    yield decoder.decode(b"", final=True)
                    code = await child.ended()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise BackendError(Reason.HOST_UNREACHABLE, f"{self._who} cannot be started: {why}") from error
        if code != 0:
            words = text.line(child.complaints.decode("utf-8", "replace"), 300) or "it said nothing about it"
            raise BackendError(Reason.BACKEND_ERROR, f"{self._who} ended with exit status {code}: {words}")

    @property
    def _who(self) -> str:
        return f"{self._model.command[0]} of host {self._model.host}"


def _prompt(request: ChatRequest) -> str:
    """The conversation as one text; who speaks is said only where it is more than one question."""
    asked = [message for message in request.messages if message.text]
    plain = [message.role for message in asked] in (["user"], ["system", "user"])
    parts = [message.text if plain else f"[{message.role}]\n{message.text}" for message in asked]
    return "\n\n".join(parts) + told_schema(request) + "\n"
