"""`python -m bench.loop PROTOCOL STEPS`: what a step of the tool loop takes when the model answers at once.

The loop, its journal, the tools and the backend are the real ones; the server is a process of its own that answers
every request with the next call. The reference is a plain POST of the conversation to the same server. Prints JSON.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx
import msgspec

from reconciler.execute.agent.history import History
from reconciler.execute.agent.loop import Loop
from reconciler.execute.agent.opening import opening
from reconciler.execute.agent.port import Terms
from reconciler.execute.agent.toolbox import open_tools
from reconciler.execute.backends import open_backend
from reconciler.execute.redact import Redactor
from reconciler.execute.sandbox import Sandbox
from reconciler.execute.work import Work
from reconciler.model.execution import Execution
from reconciler.model.job import Brief, ModelBrief
from reconciler.model.spec import AgentPhase, BlueprintPhase, BlueprintSpec, Paths, PolicySpec

PATHS = {"ollama-tool": "/api/chat", "llama-tool": "/v1/chat/completions"}
WINDOW = 131_072


def answer(protocol: str, number: int, steps: int) -> bytes:
    """The body of the answer to request `number`: read the next file, or finish."""
    last = number + 1 >= steps
    name = "finish" if last else "read_file"
    arguments = {"summary": "All files are read; nothing is wrong."} if last else {"path": f"{number}.txt"}
    if protocol == "ollama-tool":
        call = {"function": {"name": name, "arguments": arguments}}
        said = {"role": "assistant", "content": "", "tool_calls": [call]}
        return json.dumps({"model": "m", "message": said, "done": True, "done_reason": "stop"}).encode() + b"\n"
    call = {"index": 0, "id": f"c{number}", "function": {"name": name, "arguments": json.dumps(arguments)}}
    choice = {"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": "tool_calls"}
    return f"data: {json.dumps({'choices': [choice]})}\n\ndata: [DONE]\n\n".encode()


def serve(protocol: str, steps: int, port: Connection) -> None:
    """Answers at once, whatever is asked; counts the requests of the loop, not those to `/plain`."""
    number = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal number
        kind = b"application/x-ndjson" if protocol == "ollama-tool" else b"text/event-stream"
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
                await reader.readexactly(int(fields[b"content-length"]))
                body = answer(protocol, number, steps)
                number += not head.startswith(b"POST /plain")
                length = b"%d" % len(body)
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ncontent-length: %s\r\n\r\n" % (kind, length) + body
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def work_in(folder: Path, url: str, protocol: str) -> Work:
    """An attempt without a product, at a folder of small files."""
    execution = Execution(
        id="bench.1.0", task="bench", goal=None, generation="g", stage="BUILD", attempt=1, company="bench",
        blueprint="bench", tier=2, backend=protocol, model="m", host="here", priority=1, created_at=0.0,
    )  # fmt: skip
    brief = Brief(
        execution=execution, factory=str(folder), factory_commit="", title="Read all files", description="",
        goal_title="", goal_description="", labels={}, type="feature", domain="backend", acceptance=(), findings=(),
        previous="", document=None, company_title="Bench", soul="You read.", agents={}, skills=(),
        blueprint=BlueprintSpec(phases=()), blueprint_folder="", product=None,
        model=ModelBrief(backend=protocol, name="m", host="here", url=url, num_ctx=WINDOW, offers=("tools",)),
        paths=Paths(), branch="alai/bench", read_only=False, policy=PolicySpec(),
    )  # fmt: skip
    root = folder / "work"
    root.mkdir()
    for number in range(1000):
        (root / f"{number}.txt").write_text(f"{number} bottles of beer on the wall\n" * 20)
    redactor = Redactor.of()
    return Work(brief=brief, root=root, run_dir=folder, sandbox=Sandbox.plain(brief.policy.limits), redactor=redactor)


async def converse(work: Work, steps: int) -> tuple[float, float]:
    """Seconds a step, by the clock and of this process's CPU time."""
    spec = AgentPhase(prompt="Read them.", max_steps=steps)
    phase = BlueprintPhase(name="read", needs=("tools",), agent=spec)
    terms = Terms(max_steps=steps, max_tokens=1024, num_ctx=WINDOW)
    async with open_tools(work, phase) as tools:
        messages, _ = opening(work, phase, spec, tools.specs, terms)
        loop = Loop(open_backend(work.brief.model))
        began, busy = time.perf_counter(), time.process_time()
        ending = await loop.work(messages, tools, terms, History(work, phase.name))
        took, busy = time.perf_counter() - began, time.process_time() - busy
    if ending.steps != steps:
        raise RuntimeError(f"the conversation ended early: {ending}")
    return took / steps, busy / steps


async def post(url: str, body: Any, times: int) -> float:
    """Median seconds of a plain POST over one open connection."""
    took: list[float] = []
    async with httpx.AsyncClient(trust_env=False) as client:
        for _ in range(times):
            began = time.perf_counter()
            response = await client.post(f"{url}/plain", json=body)
            response.raise_for_status()
            took.append(time.perf_counter() - began)
    return statistics.median(took)


def measure(protocol: str, steps: int) -> dict[str, float]:
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("fork").Process(target=serve, args=(protocol, steps, theirs), daemon=True)
    server.start()
    try:
        url = f"http://127.0.0.1:{ours.recv()}"
        with tempfile.TemporaryDirectory(prefix="alai-bench-") as folder:
            work = work_in(Path(folder), url, protocol)
            step, cpu = asyncio.run(converse(work, steps))
            # half of the conversation: as large as its requests were on average
            said = [json.loads(line) for line in (work.run_dir / "conversation.jsonl").read_text().splitlines()]
            plain = asyncio.run(post(url, {"messages": said[: len(said) // 2]}, steps))
    finally:
        server.kill()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"step": step, "cpu": cpu, "post": plain, "memory": peak if sys.platform == "darwin" else peak * 1024}


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.encode(measure(sys.argv[1], int(sys.argv[2]))).decode() + "\n")
