"""The default factory: what `init` copies is valid, whole, and routes and refuses as promised."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import yaml

from reconciler.desired.read import is_manifest, read_file
from reconciler.desired.references import check
from reconciler.model.objects import Object
from reconciler.model.refs import Ref
from reconciler.model.spec import (
    SPECS,
    AgentSpec,
    BlueprintSpec,
    CompanySpec,
    FleetSpec,
    PipelineSpec,
    PolicySpec,
    RoutingSpec,
    Spec,
    TaskSpec,
)
from reconciler.model.view import Config, World
from reconciler.plan.blueprint import lesser_needs, needs
from reconciler.plan.match import Vocabulary, holds
from reconciler.plan.routing import Route, route

ROOT = Path(__file__).resolve().parents[2]
FACTORY = [
    path
    for root in ("manifests", "companies")
    for path in sorted((ROOT / root).rglob("*.yaml"))
    if is_manifest(path.relative_to(ROOT).as_posix())
]
FLEETS = sorted((ROOT / "examples/fleets").glob("*.yaml"))
ACTIVE = ("agentforge", "codecraft", "datavera", "flowforge", "lexicon", "proveo", "securion", "vizu")
ARCHIVED = {
    "skybound": "codecraft",
    "proxima": "vizu",
    "skillforge": "flowforge",
    "helixsupport": "flowforge",
    "finverge": "lexicon",
}
SCAFFOLD = "Bento: Project scaffold — Next.js frontend + Kotlin/Ktor API"
SCHEMA = "Bento: Database schema design — users, subscriptions, meals, deliveries"
LANDING = "Bento: Landing page design — Nordic minimalist, hero + pricing + CTA"
AUTH = "Bento: API — user auth + subscription management endpoints"
MEALS = "Bento: Frontend — meal selection + checkout flow"
BENTO = (SCAFFOLD, SCHEMA, LANDING, AUTH, MEALS)
ALL = frozenset({"text", "schema", "tools"})
BACKENDS = dict.fromkeys(("ollama-tool", "ollama-simple", "llama-tool", "llama-server", "claude-cli"), ALL)


def documents(path: Path) -> list[tuple[str, str, Spec]]:
    return [
        (item["kind"], item["metadata"]["name"], msgspec.convert(item["spec"], SPECS[item["kind"]]))
        for item in yaml.safe_load_all(path.read_text())
    ]


def load(kind: str) -> dict[str, tuple[Spec, Path]]:
    return {name: (spec, path) for path in FACTORY for found, name, spec in documents(path) if found == kind}


def specs(kind: str) -> dict[str, Spec]:
    return {name: spec for name, (spec, _) in load(kind).items()}


def config(fleet: str = "anvil-forge") -> Config:
    return Config(
        pipelines=specs("Pipeline"),  # type: ignore[arg-type]
        companies=specs("Company"),  # type: ignore[arg-type]
        agents=specs("Agent"),  # type: ignore[arg-type]
        blueprints=specs("Blueprint"),  # type: ignore[arg-type]
        fleet=documents(ROOT / f"examples/fleets/{fleet}.yaml")[0][2],  # type: ignore[arg-type]
        routing=specs("Routing")["default"],  # type: ignore[arg-type]
        policy=specs("Policy")["default"],  # type: ignore[arg-type]
        folders={Ref("Blueprint", name): "" for name in specs("Blueprint")},
        languages=specs("Language"),  # type: ignore[arg-type]
    )


CONFIG = config()


def routed(title: str, stage: str = "BUILD", **more: object) -> Route:
    return route(TaskSpec(title=title, **more), stage, CONFIG, World(backends=BACKENDS), "standard")  # type: ignore[arg-type]


def objects(paths: list[Path]) -> Iterator[Object]:
    for path in paths:
        record = read_file(path.relative_to(ROOT).as_posix(), "0" * 40, path.read_bytes())
        assert record.problems == (), path
        yield from record.objects


@pytest.mark.parametrize("fleet", FLEETS, ids=lambda path: path.stem)
def test_the_default_factory_is_valid_with_each_example_fleet(fleet: Path) -> None:
    assert check(list(objects([*FACTORY, fleet]))) == []


@pytest.mark.parametrize("path", [*FACTORY, *FLEETS], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_manifest_begins_with_the_line_that_gives_editors_its_schema(path: Path) -> None:
    found = re.match(r"# yaml-language-server: \$schema=(\S+)\n", path.read_text())
    assert found
    place = ROOT / "manifests" if path in FLEETS else path.parent
    kind = documents(path)[0][0].lower()
    assert (place / found[1]).resolve() == ROOT / "schemas" / f"{kind}.json"


def test_there_are_eight_active_companies_and_five_archived_ones() -> None:
    companies = {name: spec for name, spec in specs("Company").items() if isinstance(spec, CompanySpec)}
    assert sorted(name for name, spec in companies.items() if spec.merged_into is None) == list(ACTIVE)
    assert {name: spec.merged_into for name, spec in companies.items() if spec.merged_into} == ARCHIVED


@pytest.mark.parametrize("name", ACTIVE)
def test_a_company_has_its_soul_its_agents_and_its_skills(name: str) -> None:
    spec, path = load("Company")[name]
    assert isinstance(spec, CompanySpec)
    soul = (path.parent / spec.soul).read_text()
    assert 40 <= len(soul.splitlines()) <= 80
    assert (path.parent / "README.md").is_file()
    agents = specs("Agent")
    assert set(spec.agents) == {"lead", "builder", "reviewer"}
    for role, agent_name in spec.agents.items():
        agent = agents[agent_name]
        assert isinstance(agent, AgentSpec)
        assert (agent.company, agent.role) == (name, role)
        assert len(agent.prompt.splitlines()) >= 8
        assert agent.writes == {"lead": "company", "reviewer": "nothing"}.get(role, "product")
        if role == "lead":
            assert agent.paths.allow == (f"companies/{name}/state/**",)
        if role == "builder":
            assert ".git/**" in agent.paths.forbid
    assert 2 <= len(spec.skills) <= 3
    for skill in spec.skills:
        text = (path.parent / "skills" / skill / "SKILL.md").read_text()
        head = yaml.safe_load(text.split("---\n")[1])
        assert head["name"] == skill
        assert len(head["description"]) > 30
        assert len(text.splitlines()) >= 12


def test_every_agent_reads_what_others_did_asks_first_and_leads_write_notes_only() -> None:
    for name, spec in specs("Agent").items():
        assert isinstance(spec, AgentSpec)
        assert "HiveMind" in spec.prompt, name
        assert re.search(r"what others reported|what was done on this work", spec.prompt), name
        assert {"knowledge", "finish"} <= set(spec.tools), name
        if spec.writes != "product":
            assert "edit_file" not in spec.tools, name
        if spec.role == "reviewer":
            assert "write_file" not in spec.tools, name
        if spec.role == "lead":
            assert "run_command" not in spec.tools, name
            assert "propose_tasks" in spec.tools, name


def test_the_skills_of_a_blueprint_are_its_companys() -> None:
    companies = specs("Company")
    for spec in specs("Blueprint").values():
        assert isinstance(spec, BlueprintSpec)
        if spec.company:
            owner = companies[spec.company]
            assert isinstance(owner, CompanySpec)
            assert set(spec.skills) <= set(owner.skills)


@pytest.mark.parametrize(
    ("title", "company", "domain", "kind", "complexity", "model", "host"),
    [
        (SCAFFOLD, "codecraft", "code", "scaffold", 3, "kimi-k2.5:tq1", "forge"),
        (SCHEMA, "codecraft", "code", "schema", 3, "kimi-k2.5:tq1", "forge"),
        (AUTH, "codecraft", "code", "api", 3, "kimi-k2.5:tq1", "forge"),
        (LANDING, "vizu", "frontend", "design", 2, "qwen2.5-coder:32b", "anvil"),
        (MEALS, "vizu", "frontend", "feature", 2, "qwen2.5-coder:32b", "anvil"),
    ],
)
def test_the_five_bento_titles_route_as_the_seeds_say(
    title: str, company: str, domain: str, kind: str, complexity: int, model: str, host: str
) -> None:
    found = routed(title)
    assert (found.company, found.domain, found.type, found.complexity) == (company, domain, kind, complexity)
    assert (found.model, found.host, found.unroutable) == (model, host, None)


@pytest.mark.parametrize(
    ("title", "company", "blueprint"),
    [
        ("Add rate limiting to the API", "codecraft", "codecraft-api-backend"),
        ("Fix crash when the basket is empty", "codecraft", "bugfix"),
        ("Refactor the order module", "codecraft", "refactor"),
        ("Store the delivery address", "codecraft", "one-shot"),
        ("React component for the price table", "vizu", "one-shot"),
        ("Weekly analytics of churn", "datavera", "one-shot"),
        ("Train an ML model for demand", "datavera", "one-shot"),
        ("Write integration tests for sign-up", "proveo", "one-shot"),
        ("Code review of the billing module", "proveo", "proveo-code-review"),
        ("Security audit of the login", "securion", "securion-security-review"),
        ("Fix CVE-2026-1234 in the parser", "securion", "security-fix"),
        ("Deploy to Kubernetes", "flowforge", "flowforge-deploy-setup"),
        ("Set up CI/CD", "flowforge", "flowforge-deploy-setup"),
        ("GDPR privacy policy for the app", "lexicon", "lexicon-legal-docs"),
        ("Update the documentation of the installer", "lexicon", "docs"),
        ("API documentation for partners", "lexicon", "lexicon-api-docs"),
        ("Fix a typo in the README", "lexicon", "small-change"),
        ("Prompt for the support agent", "agentforge", "one-shot"),
        ("Fine-tuning of the LLM on tickets", "agentforge", "one-shot"),
    ],
)
def test_rules_reach_every_company(title: str, company: str, blueprint: str) -> None:
    found = routed(title)
    assert (found.company, found.blueprint) == (company, blueprint)


def test_words_decide_and_not_parts_of_words() -> None:
    assert routed("Latest prices in the database").company == "codecraft"


@pytest.mark.parametrize(("archived", "living"), ARCHIVED.items())
def test_work_for_an_archived_company_goes_to_its_heir(archived: str, living: str) -> None:
    assert routed("Anything", company=archived).company == living


@pytest.mark.parametrize(
    ("stage", "title", "company", "kind", "blueprint"),
    [
        ("REVIEW", f"Code review: {SCAFFOLD}", "proveo", "code_review", "proveo-code-review"),
        ("SECURITY", f"Security audit: {SCAFFOLD}", "securion", "security-audit", "securion-security-review"),
        ("OPS", "[BENTO-OPS] Deploy setup", "flowforge", "deploy", "flowforge-deploy-setup"),
        ("DOCS", "[BENTO-DOCS] Documentation: legal", "lexicon", "docs", "lexicon-legal-docs"),
        ("DOCS", "[BENTO-DOCS] Documentation: api", "lexicon", "docs", "lexicon-api-docs"),
        ("DOCS", "[BENTO-DOCS] Documentation: user-guide", "lexicon", "docs", "docs"),
    ],
)  # fmt: skip
def test_a_stage_has_its_company_and_blueprint(stage: str, title: str, company: str, kind: str, blueprint: str) -> None:
    found = routed(title, stage)
    assert (found.company, found.type, found.blueprint) == (company, kind, blueprint)


def test_what_must_look_around_needs_tools_and_the_rest_can_do_without() -> None:
    found = {name: spec for name, spec in specs("Blueprint").items() if isinstance(spec, BlueprintSpec)}
    with_tools = {name for name, spec in found.items() if "tools" in needs(spec)}
    otherwise = {name for name in with_tools if lesser_needs(found[name]) is not None}
    assert with_tools - otherwise == {"one-shot", "bugfix", "refactor", "security-fix", "codecraft-api-backend"}
    assert otherwise == {"docs", "small-change", "codecraft-nextjs-app", "flowforge-deploy-setup"}


EIGHT = {
    "one-shot": ["analyse", "plan", "build", "test", "report"],
    "bugfix": ["reproduce", "diagnose", "fix", "verify"],
    "refactor": ["understand", "plan", "refactor", "test"],
    "security-fix": ["audit", "fix", "verify"],
    "docs": ["read", "generate"],
    "codecraft-nextjs-app": ["shape", "scaffold", "test"],
    "codecraft-api-backend": ["contract", "build", "test"],
    "securion-security-review": ["checks", "judge"],
}


@pytest.mark.parametrize(("name", "phases"), EIGHT.items())
def test_the_eight_sorts_of_work_have_the_phases_of_the_seeds(name: str, phases: list[str]) -> None:
    spec = specs("Blueprint")[name]
    assert isinstance(spec, BlueprintSpec)
    assert [phase.name for phase in spec.phases] == phases


def test_leads_plan_builders_write_and_reviewers_judge() -> None:
    for name, spec in specs("Blueprint").items():
        assert isinstance(spec, BlueprintSpec)
        for phase in spec.phases:
            agent = phase.agent
            writes = agent is not None and (agent.output == "files" or agent.file or agent.otherwise)
            writes = writes or (phase.run is not None and phase.run.template is not None)
            place = f"{name}/{phase.name}"
            assert not (writes and phase.role != "builder"), place
            if agent and agent.output == "verdict":
                assert phase.role == "reviewer", place
            if agent and "tools" in phase.needs and phase.role == "builder":
                assert phase.gates, f"{place} writes, and nothing is asked of it"


def gate_passes(blueprint: str, phase: str, product: Path, test: str = "") -> bool:
    """Whether the first command among the phase's gates exits 0 in a folder."""
    spec = specs("Blueprint")[blueprint]
    assert isinstance(spec, BlueprintSpec)
    [found] = [item for item in spec.phases if item.name == phase]
    command = next(gate.command for gate in found.gates if gate.command)
    environment = {**os.environ, "ALAI_TEST": test}
    done = subprocess.run(["/bin/sh", "-c", command], cwd=product, env=environment, capture_output=True, check=False)
    return done.returncode == 0


def test_a_fault_is_reproduced_once_the_tests_are_red_and_mended_once_they_are_green(tmp_path: Path) -> None:
    for passing in (True, False):
        outcome = "true" if passing else "false"
        assert gate_passes("bugfix", "reproduce", tmp_path, outcome) is not passing
        assert gate_passes("bugfix", "verify", tmp_path, outcome) is passing
    write(tmp_path, {"Makefile": "test:\n\tfalse\n"})
    assert gate_passes("bugfix", "reproduce", tmp_path)
    for name, phase in (("bugfix", "verify"), ("one-shot", "test"), ("refactor", "test"), ("security-fix", "verify")):
        assert not gate_passes(name, phase, tmp_path)
        assert gate_passes(name, phase, tmp_path, "true")


def test_tiers_of_both_fleets_end_at_a_person() -> None:
    for path in FLEETS:
        fleet = documents(path)[0][2]
        assert isinstance(fleet, FleetSpec)
        assert [tier.tier for tier in fleet.tiers] == [1, 2, 3, 4, 5]
        assert [link.hosts for link in fleet.tiers[-1].chain] == [()]


def rails(title: str) -> list[str]:
    found = Vocabulary(CONFIG.policy.human, CONFIG.languages).found(title)
    return [rule.id for rule in CONFIG.policy.human if holds(rule, found)]


@pytest.mark.parametrize(
    "title",
    [
        *BENTO,
        "[BENTO-DOCS] Documentation: legal",
        "Salary page for employees' self-service",
        "Show the price in the customer's currency",
        "Fire an event when the basket changes",
        "Add a payment form",
        "Remove hardcoded secrets",
        "Reset password by e-mail",
    ],
)
def test_ordinary_work_meets_no_safety_rail(title: str) -> None:
    assert rails(title) == []


@pytest.mark.parametrize(
    ("title", "rule"),
    [
        ("CEO decision: enter the Danish market", "ceo-decision"),
        ("Implement PSD2 consent", "regulated-service"),
        ("Apply for a payment services licence", "regulated-service"),
        ("Rotate the production credentials", "production-access"),
        ("Drop the production database", "production-data"),
        ("Sign the contract with the caterer", "legal-commitment"),
        ("Fire an employee", "people"),
        ("Pricing decision for the family plan", "pricing-decision"),
    ],
)
def test_what_belongs_to_a_person_meets_a_safety_rail(title: str, rule: str) -> None:
    assert rule in rails(title)


def test_findings_of_the_default_reviews_meet_no_safety_rail() -> None:
    for spec in specs("Blueprint").values():
        assert isinstance(spec, BlueprintSpec)
        for item in spec.checks:
            assert rails(f"{item.title}\n{item.detail}") == [], item.id


@pytest.mark.parametrize(
    ("line", "unfinished"),
    [
        ("# TODO: write this", True),
        ("Lorem ipsum dolor", True),
        ("[Insert company name]", True),
        ("// ... existing code ...", True),
        ("rest of the file unchanged", True),
        ('<input placeholder="Your e-mail">', False),
        ("const todos = [...rest]", False),
        ("- [x] done", False),
        ("[your rights](#rights) under the GDPR", False),
    ],
)
def test_placeholders_are_told_from_finished_text(line: str, unfinished: bool) -> None:
    policy = specs("Policy")["default"]
    assert isinstance(policy, PolicySpec)
    assert any(re.search(pattern, line) for pattern in policy.gates.placeholders) is unfinished


def test_default_manifests_have_one_pipeline_routing_and_policy() -> None:
    assert isinstance(specs("Pipeline")["standard"], PipelineSpec)
    assert isinstance(specs("Routing")["default"], RoutingSpec)
    assert len(specs("Policy")) == 1
    assert specs("Fleet") == {}


def failing(blueprint: str, product: Path) -> set[str]:
    spec = specs("Blueprint")[blueprint]
    assert isinstance(spec, BlueprintSpec)
    return {
        item.id
        for item in spec.checks
        if subprocess.run(["/bin/sh", "-c", item.check], cwd=product, capture_output=True, check=False).returncode
    }


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


SERVICE = {
    "README.md": "# Shop\n\nStart it with `node server.js`. It limits no request rate and has no /health yet.\n",
    "docker-compose.yml": "services:\n  web:\n    image: node:22\n",
    "server.js": "app.get('/meals', (q, r) => r.json([]))\nlisten(process.env.PORT)\n",
    "web/index.html": "<h1>Shop</h1>\n",
    ".gitignore": "node_modules\n",
    "tests/server.test.js": "test('meals', () => {})\n",
}


def test_reviews_find_in_a_bare_service_what_the_seeds_tell_of(tmp_path: Path) -> None:
    write(tmp_path, SERVICE)
    assert failing("proveo-code-review", tmp_path) == {"env-example", "health-endpoint"}
    assert failing("securion-security-review", tmp_path) == {"csp-headers", "rate-limit"}


def test_reviews_find_nothing_once_it_is_repaired(tmp_path: Path) -> None:
    write(tmp_path, SERVICE)
    code = "app.get('/health', ok)\nuse(rateLimit({max: 100}))\nheader('Content-Security-Policy', 'x')\n"
    write(tmp_path, {".env.example": "PORT=3000\n", ".gitignore": ".env\n", "server.js": SERVICE["server.js"] + code})
    assert failing("proveo-code-review", tmp_path) == set()
    assert failing("securion-security-review", tmp_path) == set()


def test_reviews_ask_no_service_things_of_a_library(tmp_path: Path) -> None:
    write(tmp_path, {"README.md": "# Lib\n", ".gitignore": "dist\n", "lib.py": "import os\nos.environ['X']\n"})
    assert failing("proveo-code-review", tmp_path) == {"tests"}
    assert failing("securion-security-review", tmp_path) == set()


def test_reviews_block_what_must_not_be_merged(tmp_path: Path) -> None:
    write(tmp_path, {"README.md": "# Lib\n", ".gitignore": "x\n", "tests/test_a.py": "pass\n"})
    write(
        tmp_path, {"package.json": "{,}", "a.py": "<<<<<<< ours\n", ".env": "A=1\n", "k.py": f"k = 'AKIA{'Q' * 16}'\n"}
    )
    assert {"package-json", "merge-markers"} <= failing("proveo-code-review", tmp_path)
    assert {"hardcoded-secrets", "env-committed"} <= failing("securion-security-review", tmp_path)


def markdown_gate(root: Path, changed: str | None) -> int:
    script = ROOT / "manifests/blueprints/docs/check.py"
    environment = {key: value for key, value in os.environ.items() if key != "ALAI_CHANGED"}
    if changed is not None:
        environment["ALAI_CHANGED"] = changed
    return subprocess.run(
        [sys.executable, str(script)], cwd=root, env=environment, capture_output=True, check=False
    ).returncode


def test_the_docs_gate_wants_markdown_whose_links_lead_somewhere(tmp_path: Path) -> None:
    text = "# Guide\n\n" + "How to install and start the shop on a new machine. " * 3
    write(
        tmp_path, {"README.md": f"{text}\n[usage](docs/use.md#start) [web](https://example.org)\n", "docs/use.md": text}
    )
    write(tmp_path, {"old.md": "[gone](nowhere.md)\n", "lib.py": "pass\n"})
    assert markdown_gate(tmp_path, "README.md\ndocs/use.md") == 0
    assert markdown_gate(tmp_path, "lib.py") == 1
    assert markdown_gate(tmp_path, "README.md\nold.md") == 1
    assert markdown_gate(tmp_path, None) == 1
