"""Claude through its own command line, `claude -p`: a question, or a whole conversation with our tools.

The program runs in the sandbox with no view of the product, an empty home, and one way out, to a model, on which we add
the credential. Its own tools are off, hooks deny what is not ours, and ours come to it over the Model Context Protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

import msgspec

from reconciler import trees
from reconciler.execute import child, text
from reconciler.execute.agent.port import Ending, Journal, Terms, Tools
from reconciler.execute.backends import claude_prompt, claude_run, claude_stream
from reconciler.execute.backends.claude_api import ClaudeApi, NoWay
from reconciler.execute.backends.claude_login import NoLogin, login
from reconciler.execute.backends.claude_place import Place
from reconciler.execute.backends.claude_run import Run, Watch
from reconciler.execute.backends.port import Answer, BackendError, ChatRequest, Message, OnToken, Probe
from reconciler.execute.backends.streaming import checked, told_schema
from reconciler.execute.backends.version import version
from reconciler.execute.egress import Heard
from reconciler.execute.enclosure import program
from reconciler.execute.mcp.bridge import Bridge
from reconciler.execute.mcp.wire import INSTALL, SERVER
from reconciler.execute.sandbox import MISSING, Sandbox
from reconciler.model.job import ModelBrief
from reconciler.model.spec import Host
from reconciler.model.vocabulary import Reason

PROGRAM = ("claude",)
_INSTALL_CLAUDE = "npm install -g @anthropic-ai/claude-code"

Refuse = Callable[[str, str, str], None]
"""called with tool, what was wanted and why not, for each thing that the program was denied"""

_SCHEMA_TURNS = 5
"""giving its answer a form takes the program a few turns of its own"""
_OURS = (
    f"Your tools are those whose names begin with mcp__{SERVER}__; there are no others. Where you are told of a tool, "
    f"such as finish, it is the one named mcp__{SERVER}__finish. Only what you did with them counts, and only once you "
    "called finish."
)


class ClaudeCli:
    """`model.command` or `claude`. Without `sandbox` the machine's own is looked for, and there must be one."""

    def __init__(self, model: ModelBrief, *, sandbox: Sandbox | None = None, refuse: Refuse | None = None) -> None:
        self._model = model
        self._sandbox = sandbox
        self._refuse = refuse
        self._who = " ".join(filter(None, ("Claude's command line", model.name and f"({model.name})")))

    async def chat(self, request: ChatRequest, on_token: OnToken) -> Answer:
        """Ask once, without tools. Temperature and length of the answer are the program's own. Raises BackendError."""
        checked(request, tools=False, who=f"{self._who}, asked a single question,")
        system = "\n\n".join(message.text for message in request.messages if message.role == "system")
        told = [message.text for message in request.messages if message.role != "system"] + [told_schema(request)]
        flags = ["--max-turns", str(_SCHEMA_TURNS if request.schema else 1)]
        if request.schema is not None:
            flags += ["--json-schema", json.dumps(request.schema)]

        def hear(line: dict[str, Any]) -> None:
            if line["type"] == "assistant":
                for message in claude_stream.messages(line):
                    on_token(message.text)

        watch = Watch(hear=hear, limits=self._model.limits)
        async with self._place(self._refused, watch.finished) as place:
            run = await self._follow(place, [*flags, *place.locks(None), *place.speaks(system)], told, watch)
        wrong = run.late or claude_stream.trouble(run.outcome, run.status, run.complaints)
        if wrong is not None or run.outcome is None:
            reason, why = wrong or (Reason.BACKEND_ERROR, "ended without a result")
            raise BackendError(reason, f"{self._who} {why}")
        found = run.outcome
        return Answer(
            text=found.text if found.structured is None else json.dumps(found.structured),
            tokens_in=found.tokens_in,
            tokens_out=found.tokens_out,
            cost_usd=found.cost_usd,
            ended="stop",
        )

    async def work(self, opening: tuple[Message, ...], tools: Tools, terms: Terms, journal: Journal) -> Ending:
        """Hold a conversation with `tools` until the program ends. Raises BackendError where it cannot be started."""
        if importlib.util.find_spec("mcp") is None:
            told = f"{self._who} needs the package mcp to be given tools: run: {INSTALL}"
            raise BackendError(Reason.CAPABILITY_MISSING, told)
        flags = ["--max-turns", str(terms.max_steps)]
        if terms.budget_usd is not None:
            if terms.budget_usd <= 0:
                told = "nothing is left of the budget"
                return Ending(reason=Reason.BUDGET_EXCEEDED, message=told, steps=0, tokens=0, cost_usd=0.0)
            flags += ["--max-budget-usd", f"{terms.budget_usd:.4f}"]
        for message in opening:
            journal.keep(message)
        system = "\n\n".join([*(message.text for message in opening if message.role == "system"), _OURS])
        told = [message.text for message in opening if message.role != "system"]

        def heard(where: str, through: bool, why: str) -> None:
            journal.event("network", to=where, let_through=through, why=why)
            self._refused(where, through, why)

        def finished() -> bool:
            return tools.finished is not None

        async with self._place(heard, finished) as place, Bridge(place.tools, tools, journal) as bridge:
            watch = Watch(
                hear=lambda line: _keep(line, journal),
                limits=self._model.limits,
                tools=frozenset(spec.name for spec in tools.specs),
                pulse=bridge.pulse,
                finished=finished,
            )
            run = await self._follow(place, [*flags, *place.locks(bridge), *place.speaks(system)], told, watch)
        return self._ending(run, tools)

    def _refused(self, where: str, through: bool, why: str) -> None:
        if not through and self._refuse is not None:
            self._refuse("network", where, why)

    def _ending(self, run: Run, tools: Tools) -> Ending:
        finished = tools.finished is not None
        found = claude_stream.ending(run.outcome, run.status, run.complaints, finished=finished, steps=run.steps)
        if run.late is not None and not finished:
            found = msgspec.structs.replace(found, reason=run.late[0], message=run.late[1])
        for tool, what in run.outcome.denied if run.outcome and self._refuse else ():
            assert self._refuse is not None
            self._refuse(tool, what, "an agent of this factory has no tools but the factory's")
        return msgspec.structs.replace(found, message=f"{self._who} {found.message}" if found.message else "")

    @contextlib.asynccontextmanager
    async def _place(self, heard: Heard, finished: Callable[[], bool]) -> AsyncGenerator[Place]:
        """Where it runs, with its way out. Raises BackendError where it must not or cannot run on this machine."""
        sandbox = self._sandbox or await asyncio.to_thread(Sandbox.detect)
        if sandbox is None:
            raise BackendError(Reason.SANDBOX_MISSING, MISSING)
        found = program(self._model.command or PROGRAM)
        if found is None:
            raise BackendError(Reason.HOST_UNREACHABLE, _absent(self._model.command))
        try:
            account = login().account
            with trees.scratch() as scratch:
                async with ClaudeApi(scratch / "out", login, finished, heard) as api:
                    yield Place(scratch, sandbox, *found, way_out=api, account=account)
        except (NoLogin, NoWay) as trouble:
            raise BackendError(Reason.HOST_UNREACHABLE, f"{self._who} cannot be asked: {trouble}") from trouble

    async def _follow(self, place: Place, flags: Sequence[str], told: Sequence[str], watch: Watch) -> Run:
        """Run it to its end, or to the end of our patience."""
        argv = ["-p", "--output-format", "stream-json", "--verbose", "--include-partial-messages", *flags]
        if self._model.name:
            argv += ["--model", self._model.name]
        said = claude_prompt.prompt(told).encode("utf-8", "replace")
        enclosed = place.enclosed(argv)
        run = Run()
        try:
            async with child.started(
                enclosed.argv, cwd=enclosed.cwd, env=enclosed.env, bounds=enclosed.bounds, said=said
            ) as process:
                await claude_run.listen(process, run, watch)
            if process.stopped:
                run.late = (Reason.BACKEND_ERROR, f"was ended: {process.stopped}")
        except OSError as error:
            raise BackendError(Reason.HOST_UNREACHABLE, f"{self._who} cannot be started: {error}") from error
        run.complaints = process.complaints.decode("utf-8", "replace")
        return run


def _keep(line: dict[str, Any], journal: Journal) -> None:
    """A line of the conversation goes into the journal before the next one is read."""
    kind = line["type"]
    if kind in ("assistant", "user"):
        for message in claude_stream.messages(line):
            journal.keep(message)
    elif kind == "system" and line.get("subtype") == "init":
        names = [text.line(str(name), 60) for name in line.get("tools") or ()]
        others = [name for name in names if not name.startswith(f"mcp__{SERVER}__")]
        journal.event("program", model=line.get("model"), version=line.get("claude_code_version"), other_tools=others)
    elif kind == "result":
        journal.event("result", subtype=line.get("subtype"), turns=line.get("num_turns"))
    elif kind == claude_run.UNREADABLE:
        journal.event(kind)
    else:
        journal.event("answering", kind=text.line(kind, 40))


def _absent(command: Sequence[str]) -> str:
    if command:
        return f"there is no program {command[0]} on this machine"
    return f"there is no program claude on this machine: run: {_INSTALL_CLAUDE}, then: claude setup-token"


def probe(host: Host) -> Probe:
    """Is the program here, and what does it say that it is? It is not asked to talk to anybody."""
    found = program(host.command or PROGRAM)
    if found is None:
        return Probe(reachable=False, message=_absent(host.command))
    try:
        login()
    except NoLogin as trouble:
        return Probe(reachable=False, message=str(trouble))
    return version(*found)
