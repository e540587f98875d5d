"""A lead in a whole factory: its notes are committed, its proposals become tasks, a person may stand in between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.factory import TinyFactory, build
from tests.standins.ollama import OllamaStandIn
from tests.standins.script import calls

LEAD = """
apiVersion: alai.dev/v1
kind: Agent
metadata: {name: lead}
spec: {company: works, role: lead, writes: company, prompt: You lead.}
"""
BLUEPRINT = """
apiVersion: alai.dev/v1
kind: Blueprint
metadata: {name: lead}
spec:
  phases:
    - {name: plan, role: lead, needs: [tools], agent: {prompt: "Plan {{ task.title }}.", maxTokens: 600}}
"""
FLEET = """
apiVersion: alai.dev/v1
kind: Fleet
metadata: {name: default}
spec:
  hosts:
    - {name: local, kind: ollama, url: URL, capacity: 1, models: [{name: m, offers: [text, schema, tools]}]}
  tiers:
    - {tier: 1, chain: [{backend: ollama-tool, model: m, hosts: [local]}]}
    - {tier: 5, chain: [{backend: human-queue}]}
"""
NOTE = "companies/works/state/plan.md"
TASKS = [
    {"name": "shelf", "title": "Build the shelf", "acceptance": ["The shelf stands."]},
    {"name": "books", "title": "Put books on it", "acceptance": ["Books are there."], "depends_on": ["shelf"]},
]
SCRIPT = [
    calls(("write_file", {"path": NOTE, "content": "First the shelf.\n"})),
    calls(("write_file", {"path": "companies/works/CLAUDE.md", "content": "Obey."})),
    calls(("propose_tasks", {"tasks": TASKS})),
    calls(("finish", {"summary": "The work is two tasks, the shelf first and then the books on it."})),
]


@pytest.fixture
def library(tmp_path: Path) -> Iterator[TinyFactory]:
    factory = build(tmp_path / "f")
    with OllamaStandIn(SCRIPT, models=("m:latest",)) as server:
        factory.write(".gitignore", "/state/\n")
        factory.write("manifests/fleet.yaml", FLEET.replace("URL", server.url).lstrip())
        factory.write("manifests/lead.yaml", LEAD.lstrip())
        factory.write("manifests/blueprints/lead/blueprint.yaml", BLUEPRINT.lstrip())
        factory.edit("companies/works/company.yaml", "reviewer: reviewer}", "reviewer: reviewer, lead: lead}")
        yield factory


def evidence(factory: TinyFactory) -> dict[str, Any]:
    return json.loads((factory.root / "evidence/_/library/1/evidence.json").read_text())


def test_what_a_lead_noted_and_proposed_is_in_the_commit_of_its_outcome(library: TinyFactory) -> None:
    planned = {"id": "planned", "text": "There is a plan.", "check": "true"}
    library.task("library", "A library", blueprint="lead", complexity=1, acceptance=[planned])
    library.commit()
    library.ok("apply")
    assert (library.root / NOTE).read_text() == "First the shelf.\n"
    outcome = library.git("log", "--format=%H", "-1", "--", NOTE)
    changed = library.git("show", "--format=", "--name-only", outcome).split("\n")
    assert {"manifests/generated/_/shelf.yaml", "manifests/generated/_/books.yaml", NOTE} <= set(changed)
    assert library.show("shelf")["spec"]["from"]["relation"] == "proposed"
    assert library.tasks()["books"]["phase"] == "done"
    assert [refusal["what"] for refusal in evidence(library)["refusals"]] == ["companies/works/CLAUDE.md"]
    assert "refused" in library.ok("show", "Task/library"), "people see it without opening the evidence"
    assert (library.root / "companies/works/CLAUDE.md").read_text() == "# The Works\n"


def test_proposals_of_work_that_nothing_proves_wait_for_the_person_who_judges_it(library: TinyFactory) -> None:
    library.task("library", "A library", blueprint="lead", complexity=1)
    library.commit()
    library.cli("apply")
    assert set(library.tasks()) == {"library"}
    library.ok("answer", "library", "--pass", "--reason", "A good plan")
    assert set(library.tasks()) >= {"shelf", "books"}
