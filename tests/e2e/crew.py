"""A factory whose agents hold conversations with tools, with stand-ins for every model: for tests that kill it.

What an agent does next follows from the conversation alone, so that one begun anew goes the same way. By a word of the
task's title: LEAD notes a plan and proposes two tasks, MINOR is found by its reviewer; all else writes its own file.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.factory import TinyFactory, build
from tests.e2e.kills import TOKEN
from tests.standins.llama import LlamaStandIn
from tests.standins.ollama import OllamaStandIn
from tests.standins.script import Body, Reply, calls

STAND_IN = Path(__file__).parents[1] / "standins" / "claude.py"
SUMMARY = "It is done as it was asked for, and there is a file which says so."
NOTE = "companies/works/state/plan.md"
PARTS = [
    {"name": f"part-{name}", "title": f"Do part {name}", "acceptance": [{"text": "There is work.", "check": "ls work"}]}
    for name in ("one", "two")
]
FINDING = {"id": "small-thing", "title": "Settle the small thing", "severity": "minor", "detail": "It is small."}

PIPELINE = """\
apiVersion: alai.dev/v1
kind: Pipeline
metadata: {name: standard}
spec:
  stages:
    - {name: BUILD}
    - {name: REVIEW, blueprint: review, readOnly: true}
  mergeAfter: REVIEW
"""
BLUEPRINT = """\
apiVersion: alai.dev/v1
kind: Blueprint
metadata: {name: NAME}
spec:
  phases:
    - {name: PHASE, role: ROLE, needs: [tools], agent: {prompt: "Please PHASE: {{ task.title }}.", maxTokens: 600MORE}}
  gates:
    - {id: slow, text: there is work, check: "sleep 0.5; [ $ALAI_STAGE = REVIEW ] || [ -d work ] || [ PHASE = plan ]"}
"""
LEAD = """\
apiVersion: alai.dev/v1
kind: Agent
metadata: {name: lead}
spec: {company: works, role: lead, writes: company, prompt: You lead.}
"""
FLEET = """\
apiVersion: alai.dev/v1
kind: Fleet
metadata: {name: default}
spec:
  hosts:
    - {name: anvil, kind: ollama, url: OLLAMA, capacity: 2, models: [{name: tiny, offers: [text, schema, tools]}]}
    - {name: forge, kind: llama-server, url: LLAMA, capacity: 4, models: [{name: tiny, offers: [text, schema, tools]}]}
    - {name: cloud, kind: claude-cli, command: CLAUDE, models: [{name: sonnet, offers: [text, schema, tools]}]}
  tiers:
    - {tier: 1, chain: [{backend: ollama-tool, model: tiny, hosts: [anvil]}]}
    - {tier: 2, chain: [{backend: llama-tool, model: tiny, hosts: [forge]}]}
    - {tier: 3, chain: [{backend: claude-cli, model: sonnet, hosts: [cloud]}]}
    - {tier: 5, chain: [{backend: human-queue}]}
"""
CLAUDE = [
    {"deaf": True},
    {"call": "knowledge", "arguments": {"query": "page"}},
    {"call": "write_file", "arguments": {"path": "work/page.html", "content": "<h1>Page</h1>\n"}},
    {"sleep": 0.7},
    {"call": "run_command", "arguments": {"command": "sleep 0.7; cat work/page.html"}},
    {"call": "finish", "arguments": {"summary": SUMMARY}},
]


@dataclass
class Crew:
    """The factory and the servers of its models."""

    made: TinyFactory
    ollama: OllamaStandIn
    llama: LlamaStandIn


def agent(body: Body, pause: float = 0.05) -> Reply:
    """The next step of whoever is asked, `pause` seconds late, and as much between its pieces."""
    messages = body["messages"]
    said = " ".join(str(message.get("content")) for message in messages if message["role"] == "user")
    found = re.search(r"Please (work|plan|look): ([^.]*)\.", re.sub(r"</?data \w+>", "", said))
    assert found, said
    step = sum(1 for message in messages if message["role"] == "assistant")
    steps = {"work": _work, "plan": _plan, "look": _look}[found[1]](found[2])
    return calls(steps[min(step, len(steps) - 1)], text="I go on with the next step.", pause=pause)


def _work(title: str) -> list[tuple[str, dict[str, Any]]]:
    name = re.sub(r"\W+", "-", title.lower()).strip("-")
    return [
        ("knowledge", {"query": title}),
        ("write_file", {"path": f"work/{name}.txt", "content": f"{title}\n"}),
        ("run_command", {"command": "sleep 0.7; ls work"}),
        ("finish", {"summary": SUMMARY, "decisions": [f"It is called {name}."]}),
    ]


def _plan(title: str) -> list[tuple[str, dict[str, Any]]]:
    del title
    return [
        ("write_file", {"path": NOTE, "content": "First one part, then the other.\n"}),
        ("propose_tasks", {"tasks": PARTS}),
        ("run_command", {"command": "sleep 0.4; ls"}),
        ("finish", {"summary": SUMMARY}),
    ]


def _look(title: str) -> list[tuple[str, dict[str, Any]]]:
    findings = [FINDING] if "MINOR" in title and "Settle" not in title else []
    return [
        ("run_command", {"command": "sleep 0.4; ls work"}),
        ("finish", {"summary": SUMMARY, "findings": findings}),
    ]


@contextlib.contextmanager
def crew(folder: Path, *, llama_port: int = 0) -> Generator[Crew]:
    """Without a task. The stand-ins run in this process, and end with the block."""
    with OllamaStandIn(agent) as ollama, LlamaStandIn(agent, slots=4, port=llama_port) as llama:
        made = build(folder)
        made.environment |= {TOKEN: str(made.root), "ANTHROPIC_API_KEY": "sk-ant-stand-in-key-of-nobody"}
        script = folder / "claude" / "script.json"
        script.parent.mkdir()
        script.write_text(json.dumps(CLAUDE))
        command = json.dumps([sys.executable, str(STAND_IN), str(script)])
        fleet = FLEET.replace("OLLAMA", ollama.url).replace("LLAMA", llama.url).replace("CLAUDE", command)
        made.write("manifests/fleet.yaml", fleet)
        made.write("manifests/pipeline.yaml", PIPELINE)
        made.write("manifests/lead.yaml", LEAD)
        for name, phase, role, more in (
            ("build", "work", "builder", ""),
            ("lead", "plan", "lead", ""),
            ("review", "look", "reviewer", ", output: verdict"),
        ):
            text = BLUEPRINT.replace("NAME", name).replace("PHASE", phase).replace("ROLE", role).replace("MORE", more)
            made.write(f"manifests/blueprints/{name}/blueprint.yaml", text)
        made.edit("companies/works/company.yaml", "reviewer: reviewer}", "reviewer: reviewer, lead: lead}")
        made.commit("Take on a crew")
        yield Crew(made, ollama, llama)
