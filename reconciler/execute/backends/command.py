"""Any program on this machine that answers on standard output what it is asked on standard input.

It runs in the sandbox, sees what its host's entry in the Fleet names and nothing else, and reaches nobody but whom that
names (see `command_place`). It is asked for words, it has no business with files.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
from collections.abc import AsyncGenerator, Callable

from reconciler import trees
from reconciler.execute import answers, text
from reconciler.execute.backends.command_place import NotAllowed, place
from reconciler.execute.backends.port import Answer, BackendError, ChatRequest, OnToken
from reconciler.execute.backends.streaming import checked, limits_of, paced, told_schema
from reconciler.execute.child import Child, started
from reconciler.execute.sandbox import Sandbox
from reconciler.model.job import ModelBrief
from reconciler.model.vocabulary import Reason

LONGEST = 4_000_000
"""bytes of an answer; what comes after them ends the program"""


class Command:
    """`model.command`, run anew for each question. What it used and what that cost is not known.

    Without `sandbox` the machine's own is looked for (`detect`). `refuse` is told of places that it wanted to reach and
    may not.
    """

    def __init__(
        self,
        model: ModelBrief,
        *,
        sandbox: Sandbox | None = None,
        detect: Callable[[], Sandbox | None] = Sandbox.detect,
        refuse: Callable[[str, str, str], None] | None = None,
    ) -> None:
        self._model = model
        self._sandbox = sandbox
        self._detect = detect
        self._refuse = refuse
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
        answer, thinking = answers.divided("".join(said))
        return Answer(text=answer, tokens_in=None, tokens_out=None, cost_usd=None, ended="stop", thinking=thinking)

    async def _pieces(self, prompt: str) -> AsyncGenerator[str, None]:
        """Standard output as it comes."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        length = 0
        try:
            async with self._running(prompt) as child:
                assert child.process.stdout is not None
                while chunk := await child.process.stdout.read(65536):
                    length += len(chunk)
                    if length > LONGEST:
                        raise BackendError(Reason.BACKEND_ERROR, f"{self._who} said more than {LONGEST} bytes")
                    yield decoder.decode(chunk)
                yield decoder.decode(b"", final=True)
                code = await child.ended()
        except NotAllowed as refused:
            raise BackendError(Reason.SANDBOX_MISSING, f"{self._who} {refused}") from refused
        except (OSError, ValueError) as error:
            why = (error.strerror if isinstance(error, OSError) else None) or str(error)
            raise BackendError(Reason.HOST_UNREACHABLE, f"{self._who} cannot be started: {why}") from error
        if code != 0:
            words = text.line(child.complaints.decode("utf-8", "replace"), 300) or "it said nothing about it"
            raise BackendError(Reason.BACKEND_ERROR, f"{self._who} ended with exit status {code}: {words}")

    @contextlib.asynccontextmanager
    async def _running(self, prompt: str) -> AsyncGenerator[Child]:
        """The program, started and asked. Raises NotAllowed, OSError."""
        sandbox = self._sandbox
        if not self._model.outside and (sandbox is None or sandbox.bwrap is None):
            sandbox = await asyncio.to_thread(self._detect)
        with trees.scratch() as folder:
            async with place(self._model, sandbox, folder, self._heard) as found:
                asked, bounds = prompt.encode(), found.bounds
                async with started(found.argv, cwd=found.cwd, env=found.env, bounds=bounds, said=asked) as child:
                    yield child

    def _heard(self, where: str, through: bool, why: str) -> None:
        if not through and self._refuse is not None:
            self._refuse("network", where, why)

    @property
    def _who(self) -> str:
        return f"{self._model.command[0]} of host {self._model.host}"


def _prompt(request: ChatRequest) -> str:
    """The conversation as one text; who speaks is said only where it is more than one question."""
    asked = [message for message in request.messages if message.text]
    plain = [message.role for message in asked] in (["user"], ["system", "user"])
    parts = [message.text if plain else f"[{message.role}]\n{message.text}" for message in asked]
    return "\n\n".join(parts) + told_schema(request) + "\n"
