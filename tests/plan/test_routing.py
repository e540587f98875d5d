"""Routing: words, specificity, aliases, tiers and capabilities."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.spec import (
    AgentPhase,
    BlueprintPhase,
    BlueprintSpec,
    CompanySpec,
    FleetSpec,
    Host,
    HostModel,
    Link,
    Match,
    RoutingDefaults,
    RoutingRule,
    RoutingSpec,
    TaskSpec,
    Tier,
)
from reconciler.model.view import World
from reconciler.model.vocabulary import Reason
from reconciler.plan.match import Vocabulary, holds
from reconciler.plan.routing import route
from tests.plan.scenes import config

SEEDS = FleetSpec(
    hosts=(
        Host(
            name="anvil",
            kind="ollama",
            capacity=2,
            models=(HostModel(name="qwen2.5-coder:32b", offers=("text", "schema", "tools")),),
        ),
        Host(
            name="forge",
            kind="ollama",
            capacity=4,
            models=(
                HostModel(name="qwen3:8b"),
                HostModel(name="kimi-k2.5:tq1", offers=("text", "schema", "tools")),
            ),
        ),
        Host(name="cloud", kind="claude-cli", models=(HostModel(name="sonnet", offers=("text", "schema", "tools")),)),
    ),
    tiers=(
        Tier(tier=1, chain=(Link(backend="ollama-tool", model="qwen3:8b", hosts=("forge",)),)),
        Tier(tier=2, chain=(Link(backend="ollama-tool", model="qwen2.5-coder:32b", hosts=("anvil",)),)),
        Tier(tier=3, chain=(Link(backend="llama-tool", model="kimi-k2.5:tq1", hosts=("forge",)),)),
        Tier(tier=4, chain=(Link(backend="claude-cli", model="sonnet", hosts=("cloud",)),)),
        Tier(tier=5, chain=(Link(backend="human-queue"),)),
    ),
)
FRONTEND = ("frontend", "UI", "landing page", "checkout flow")
BACKEND = ("backend", "API", "endpoints", "Ktor", "database schema")
RULES = RoutingSpec(
    rules=(
        RoutingRule(id="frontend", any=FRONTEND, domain="frontend"),
        RoutingRule(id="backend", any=BACKEND, domain="backend"),
        RoutingRule(id="full-stack", all=(FRONTEND, BACKEND), domain="code"),
        RoutingRule(id="data", any=("data", "analytics"), domain="data"),
        RoutingRule(id="scaffold", any=("scaffold",), type="scaffold", complexity=3),
        RoutingRule(id="auth", any=("auth",), type="feature", complexity=3),
        RoutingRule(id="schema", any=("schema",), type="design", complexity=3),
        RoutingRule(id="vizu", when={"domain": "frontend"}, company="vizu"),
        RoutingRule(id="old", any=("skybound",), company="skybound"),
    ),
    default=RoutingDefaults(domain="code", type="feature", complexity=2, company="codecraft", blueprint="one-shot"),
)
SETTINGS = config(
    companies={
        "codecraft": CompanySpec(
            title="CodeCraft", skills=("kotlin",), tools=("git",), tier_overrides={"lint": "ollama-tool:qwen3:8b"}
        ),
        "vizu": CompanySpec(title="Vizu"),
        "skybound": CompanySpec(title="Skybound", merged_into="middle"),
        "middle": CompanySpec(title="Middle", merged_into="codecraft"),
        "loop": CompanySpec(title="Loop", merged_into="pool"),
        "pool": CompanySpec(title="Pool", merged_into="loop"),
    },
    blueprints={
        "one-shot": BlueprintSpec(
            skills=("testing",),
            phases=(BlueprintPhase(name="build", needs=("text", "schema"), agent=AgentPhase(prompt="build")),),
        ),
        "looping": BlueprintSpec(extends="looping"),
        "handy": BlueprintSpec(extends="one-shot", phases=(BlueprintPhase(name="act", needs=("tools",)),)),
    },
    fleet=SEEDS,
    routing=RULES,
)


@pytest.mark.parametrize(
    ("title", "company", "complexity", "model", "host"),
    [
        ("Project scaffold: Next.js frontend + Kotlin/Ktor API", "codecraft", 3, "kimi-k2.5:tq1", "forge"),
        ("Database schema design — users, subscriptions, meals", "codecraft", 3, "kimi-k2.5:tq1", "forge"),
        ("Landing page design — Nordic minimalist, hero + pricing", "vizu", 2, "qwen2.5-coder:32b", "anvil"),
        ("API — user auth + subscription management endpoints", "codecraft", 3, "kimi-k2.5:tq1", "forge"),
        ("Frontend — meal selection + checkout flow", "vizu", 2, "qwen2.5-coder:32b", "anvil"),
    ],
)
def test_the_five_bento_titles_route_as_the_seeds_say(
    title: str, company: str, complexity: int, model: str, host: str
) -> None:
    found = route(TaskSpec(title=title), "BUILD", SETTINGS, World())
    assert (found.company, found.complexity, found.model, found.host) == (company, complexity, model, host)


def test_every_choice_records_the_rule_that_made_it() -> None:
    found = route(TaskSpec(title="Project scaffold: Next.js frontend + Ktor API"), "BUILD", SETTINGS, World())
    assert found.rules == {
        "domain": "full-stack",
        "type": "scaffold",
        "complexity": "scaffold",
        "company": "default",
        "blueprint": "default",
        "tier": "complexity",
    }
    assert (found.skills, found.tools) == (("kotlin", "testing"), ("git",))


def test_what_the_task_says_goes_before_rules_and_the_stage_of_a_pipeline_before_rules_too() -> None:
    said = route(TaskSpec(title="frontend", domain="legal", company="codecraft"), "BUILD", SETTINGS, World())
    assert (said.domain, said.company, said.rules["domain"], said.rules["company"]) == (
        "legal",
        "codecraft",
        "spec",
        "spec",
    )
    settings = msgspec.structs.replace(SETTINGS, pipelines=config().pipelines, companies=config().companies)
    staged = route(TaskSpec(title="frontend"), "REVIEW", settings, World(), "standard")
    assert (staged.company, staged.rules["company"]) == ("proveo", "pipeline/REVIEW")


def test_archived_companies_still_route_to_the_living_one_and_circles_are_refused() -> None:
    found = route(TaskSpec(title="Something for skybound"), "BUILD", SETTINGS, World())
    assert (found.company, found.rules["company"]) == ("codecraft", "old via skybound via middle")
    circle = route(TaskSpec(title="x", company="loop"), "BUILD", SETTINGS, World())
    assert circle.unroutable is Reason.NO_ROUTE
    assert "loop -> pool -> loop" in circle.message


def test_a_company_override_may_name_a_model_outside_the_tiers_unless_the_spec_says_the_complexity() -> None:
    found = route(TaskSpec(title="x", type="lint"), "BUILD", SETTINGS, World())
    assert (found.model, found.rules["tier"]) == ("qwen3:8b", "company/codecraft/tier_overrides/lint")
    said = route(TaskSpec(title="x", type="lint", complexity=3), "BUILD", SETTINGS, World())
    assert (said.model, said.tier) == ("kimi-k2.5:tq1", 3)


def test_an_override_with_a_model_that_no_host_has_falls_back_to_the_tier_and_says_so() -> None:
    companies = {"codecraft": CompanySpec(title="CodeCraft", tier_overrides={"lint": "ollama:gone:1b"})}
    settings = msgspec.structs.replace(SETTINGS, companies=companies)
    found = route(TaskSpec(title="x", type="lint"), "BUILD", settings, World())
    assert found.model == "qwen2.5-coder:32b"
    assert "no host of the Fleet has ollama:gone:1b" in found.rules["tier"]


@pytest.mark.parametrize(
    ("spec", "world", "reason", "waits"),
    [
        (TaskSpec(title="x", complexity=5), World(), Reason.HUMAN_TIER, False),
        (TaskSpec(title="x", complexity=7), World(), Reason.NO_ROUTE, False),
        (TaskSpec(title="x", blueprint="gone"), World(), Reason.NO_ROUTE, False),
        (TaskSpec(title="x", blueprint="looping"), World(), Reason.NO_ROUTE, False),
        (TaskSpec(title="x", company="gone"), World(), Reason.NO_ROUTE, False),
        (TaskSpec(title="x"), World(unreachable={"anvil": "no answer"}), Reason.HOST_UNREACHABLE, True),
        (
            TaskSpec(title="x"),
            World(missing_models=frozenset({("anvil", "qwen2.5-coder:32b")})),
            Reason.MODEL_MISSING,
            False,
        ),
        (TaskSpec(title="x"), World(backends={"embedded": frozenset({"text"})}), Reason.CAPABILITY_MISSING, False),
        (
            TaskSpec(title="x", blueprint="handy", complexity=1),
            World(backends={"ollama-tool": frozenset({"text", "schema"})}),
            Reason.CAPABILITY_MISSING,
            False,
        ),
        (
            TaskSpec(title="x"),
            World(backends={"ollama-tool": frozenset({"text"})}),
            Reason.CAPABILITY_MISSING,
            False,
        ),
    ],
)
def test_a_route_that_leads_nowhere_says_why(spec: TaskSpec, world: World, reason: Reason, waits: bool) -> None:
    found = route(spec, "BUILD", SETTINGS, world)
    assert (found.unroutable, found.waits) == (reason, waits)
    assert found.message
    assert found.host is None


def test_work_that_only_runs_commands_needs_no_model_to_be_reachable() -> None:
    found = route(TaskSpec(title="x", blueprint="plain"), "BUILD", config(), World(unreachable={"a": "off"}))
    assert (found.host, found.model, found.unroutable) == ("a", None, None)


@pytest.mark.parametrize(
    ("phrase", "text", "there"),
    [
        ("data", "a database", False),
        ("data", "the data, all of it", True),
        ("test", "the latest", False),
        ("Next.js", "a next.js page", True),
        ("Next.js", "nextjs", False),
        ("CI/CD", "our ci/cd.", True),
        ("C++", "in C++, please", True),
        ("full stack", "a Full-Stack  app", True),
        ("full stack", "full   stack", True),
        ("UI", "build", False),
        ("ML", "HTML", False),
        ("økonomi", "ØKONOMI nå", True),
    ],
)
def test_words_are_found_whole(phrase: str, text: str, there: bool) -> None:
    rule = Match(id="r", any=(phrase,))
    assert holds(rule, Vocabulary([rule], {}).found(text)) is there


@given(st.text("abc-/.+# ", min_size=1, max_size=12), st.text("abcxyz .,-/+", max_size=40))
def test_a_phrase_between_spaces_is_found_and_one_inside_a_word_is_not(phrase: str, text: str) -> None:
    if not phrase.split():
        return
    rule = Match(id="r", any=(phrase,))
    words = Vocabulary([rule], {})
    assert holds(rule, words.found(f"{text} {phrase} {text}"))
    stripped = phrase.strip()
    assert not holds(rule, words.found(f"1{stripped}1")) or not stripped[0].isalnum() or not stripped[-1].isalnum()


@given(st.permutations(list(RULES.rules)))
def test_the_more_specific_rule_wins_wherever_it_stands(rules: list[RoutingRule]) -> None:
    routing = msgspec.structs.replace(RULES, rules=tuple(rules))
    settings = msgspec.structs.replace(SETTINGS, routing=routing)
    found = route(TaskSpec(title="scaffold: frontend and API"), "BUILD", settings, World())
    assert found.domain == "code"
