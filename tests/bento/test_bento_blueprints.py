"""The demo's blueprints, played through without the factory: templates, scripts, checks and real git merges."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2
import msgspec
import pytest
import yaml

from reconciler.execute.answers import accepted
from reconciler.model.spec import SPECS, BlueprintSpec, FleetSpec, GoalSpec, PipelineSpec, PolicySpec

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "bento"
MANIFESTS = EXAMPLE / "factory" / "manifests"
BLUEPRINTS = MANIFESTS / "blueprints"
FINDINGS = {"env-example", "health-endpoint", "csp-headers", "rate-limit"}
FIXES = [f"bento-fix-{finding}" for finding in sorted(FINDINGS)]
AFTER_THE_SCAFFOLD = ["bento-landing", "bento-auth", "bento-meals", *FIXES]
DOCUMENTS = ("legal", "api")
KOTLIN = "api/src/main/kotlin/no/bento"


def manifests() -> Iterator[Path]:
    for path in sorted(MANIFESTS.rglob("*.yaml")):
        if "templates" not in path.relative_to(MANIFESTS).parts:
            yield path


def load(path: Path, kind: type[Any]) -> Any:
    return msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8"))["spec"], kind)


def blueprint(name: str) -> BlueprintSpec:
    return load(BLUEPRINTS / name / "blueprint.yaml", BlueprintSpec)


def goal() -> GoalSpec:
    return load(MANIFESTS / "goals" / "bento.yaml", GoalSpec)


def acceptance(name: str) -> list[str]:
    """The checks of the task that this blueprint is for: its own, or those of the finding it fixes."""
    wanted = [c.check for task in goal().tasks if task.blueprint == name for c in task.acceptance if c.check]
    return wanted + [check.check for review in reviews() for check in review.checks if check.fix.blueprint == name]


def reviews() -> list[BlueprintSpec]:
    return [blueprint("bento-code-review"), blueprint("bento-security-review")]


def shell(command: str, root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "-c", command], cwd=root, capture_output=True, text=True, timeout=120, check=False
    )


def findings(root: Path, *, only: str | None = None) -> dict[str, str]:
    """id -> severity of what both reviews (or one check of theirs) find in this tree."""
    checks = [check for review in reviews() for check in review.checks if only in (None, check.id)]
    return {check.id: check.severity for check in checks if shell(check.check, root).returncode != 0}


def environment(name: str, document: str) -> Mapping[str, str]:
    return {**os.environ, "BLUEPRINT": str(BLUEPRINTS / name), "ALAI_DOCUMENT": document}


def render(folder: Path, root: Path, values: Mapping[str, Any]) -> None:
    jinja = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False)
    for source in sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        target = root / str(source.relative_to(folder)).removesuffix(".j2")
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".j2":
            target.write_text(jinja.from_string(source.read_text(encoding="utf-8")).render(values), encoding="utf-8")
        else:
            shutil.copyfile(source, target)


def play(name: str, root: Path, *, document: str = "", answer: str = "", test: bool = True) -> None:
    """Carry out the phases in `root`; a phase of a model gives what it accepts of `answer`, or its fallback."""
    answers: dict[str, str] = {}
    values = {"product": {"name": "bento"}, "task": {"title": "x"}, "document": document, "answers": answers}
    for phase in blueprint(name).phases:
        if phase.agent is not None:
            jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(phase.agent.prompt).render(values)
            said = accepted(answer, phase.agent.accept or ".+")
            answers[phase.name] = said or jinja2.Template(phase.agent.fallback or "").render(values)
        elif phase.run is not None and phase.run.template is not None:
            render(BLUEPRINTS / name / jinja2.Template(phase.run.template).render(values), root, values)
        elif phase.run is not None and phase.run.command and (test or phase.run.command[0] != "make"):
            done = subprocess.run(
                phase.run.command,
                cwd=root,
                env=environment(name, document),
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{name}/{phase.name}: {done.stdout}{done.stderr}"


def judge(name: str, root: Path) -> None:
    for check in [*acceptance(name), *(gate.check for gate in blueprint(name).gates if gate.check)]:
        done = shell(check, root)
        assert done.returncode == 0, f"{name}: {check}\n{done.stdout}{done.stderr}"


def git(root: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *arguments], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def commit(root: Path, subject: str) -> str:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", subject)
    return git(root, "rev-parse", "HEAD")


@pytest.fixture
def product(tmp_path: Path) -> Path:
    root = tmp_path / "bento"
    shutil.copytree(EXAMPLE / "products" / "bento", root, ignore=shutil.ignore_patterns("__pycache__"))
    git(root.parent, "init", "--quiet", "--initial-branch=main", str(root))
    commit(root, "Start")
    return root


def everything_built(root: Path) -> None:
    for name in ("bento-scaffold", "bento-schema", *AFTER_THE_SCAFFOLD):
        play(name, root, test=False)


@pytest.mark.parametrize("path", list(manifests()), ids=lambda path: str(path.relative_to(MANIFESTS)))
def test_every_manifest_is_of_a_known_kind_and_names_its_schema(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    document = yaml.safe_load(text)
    assert document["apiVersion"] == "alai.dev/v1"
    msgspec.convert(document["spec"], SPECS[document["kind"]], strict=True)
    schema = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    up = "../" * len(path.relative_to(MANIFESTS).parts)
    assert schema == f"{up}schemas/{document['kind'].lower()}.json"


@pytest.mark.parametrize("path", list(manifests()), ids=lambda path: str(path.relative_to(MANIFESTS)))
def test_no_manifest_has_a_key_that_its_kind_does_not_know(path: Path) -> None:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    spec = msgspec.convert(document["spec"], SPECS[document["kind"]])

    def unknown(written: Any, kept: Any) -> Iterator[str]:
        if isinstance(written, dict) and isinstance(kept, msgspec.Struct):
            names = dict(zip(kept.__struct_encode_fields__, kept.__struct_fields__, strict=True))
            for key, value in written.items():
                yield from [key] if key not in names else unknown(value, getattr(kept, names[key]))
        elif isinstance(written, list):
            for one, other in zip(written, kept, strict=True):
                yield from unknown(one, other)

    assert list(unknown(document["spec"], spec)) == []


def test_every_blueprint_that_is_named_is_there() -> None:
    pipeline = load(MANIFESTS / "pipelines" / "standard.yaml", PipelineSpec)
    named = {task.blueprint for task in goal().tasks} | {stage.blueprint for stage in pipeline.stages}
    named |= {check.fix.blueprint for review in reviews() for check in review.checks}
    shipped = {path.parent.name for path in (ROOT / "manifests" / "blueprints").glob("*/blueprint.yaml")}
    assert named - {None} - shipped == {path.parent.name for path in BLUEPRINTS.glob("*/blueprint.yaml")} - shipped


def test_a_blueprint_asks_a_model_at_most_once_for_text_and_never_depends_on_it() -> None:
    for path in BLUEPRINTS.glob("*/blueprint.yaml"):
        phases = [phase for phase in blueprint(path.parent.name).phases if phase.agent is not None]
        assert len(phases) <= 1, path
        for phase in phases:
            assert phase.needs == ("text",)
            assert phase.agent is not None
            assert phase.agent.output == "text"
            assert phase.agent.fallback
            assert phase.agent.max_tokens <= 80


def test_what_a_blueprint_builds_can_always_be_checked() -> None:
    for path in BLUEPRINTS.glob("*/blueprint.yaml"):
        spec = blueprint(path.parent.name)
        assert spec.gates or spec.checks, path


def test_the_policy_is_the_default_one_but_for_the_sandbox() -> None:
    ours = load(MANIFESTS / "policy.yaml", PolicySpec)
    default = load(ROOT / "manifests" / "policy.yaml", PolicySpec)
    assert msgspec.structs.replace(ours, sandbox="required") == default


def test_the_pipeline_is_the_default_one_but_for_its_blueprints() -> None:
    def bare(spec: PipelineSpec) -> PipelineSpec:
        stages = tuple(msgspec.structs.replace(stage, blueprint=None) for stage in spec.stages)
        return msgspec.structs.replace(spec, stages=stages)

    ours = load(MANIFESTS / "pipelines" / "standard.yaml", PipelineSpec)
    assert bare(ours) == bare(load(ROOT / "manifests" / "pipelines" / "standard.yaml", PipelineSpec))


def test_every_tier_leads_to_a_host_with_its_model() -> None:
    fleet = load(MANIFESTS / "fleet.yaml", FleetSpec)
    models = {host.name: {model.name for model in host.models} for host in fleet.hosts}
    assert [tier.tier for tier in fleet.tiers] == [1, 2, 3, 4, 5]
    for tier in fleet.tiers:
        for link in tier.chain:
            assert all(link.model in models[host] for host in link.hosts)


def test_the_whole_demo_in_order(product: Path) -> None:
    play("bento-scaffold", product)
    judge("bento-scaffold", product)
    assert findings(product) == dict.fromkeys(FINDINGS, "minor")

    for name in ("bento-schema", "bento-landing", "bento-auth", "bento-meals"):
        play(name, product)
        judge(name, product)
    assert findings(product) == dict.fromkeys(FINDINGS, "minor")

    for name in FIXES:
        assert any(shell(check, product).returncode != 0 for check in acceptance(name))
        play(name, product)
        judge(name, product)

    play("bento-deploy-setup", product)
    judge("bento-deploy-setup", product)
    for document in DOCUMENTS:
        play("bento-docs", product, document=document)
        judge("bento-docs", product)
    assert findings(product) == {}
    done = shell("make test", product)
    assert "skipped" not in done.stderr
    for path in ("PRIVACY.md", "TERMS.md", "docs/API.md", ".github/workflows/ci.yml", ".env.example"):
        assert (product / path).is_file()


def test_a_tree_without_the_scaffold_is_not_asked_for_what_it_cannot_have(product: Path) -> None:
    assert findings(product) == {}
    play("bento-schema", product)
    judge("bento-schema", product)
    assert findings(product) == {}


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        (f"{KOTLIN}/Keys.kt", 'val apiKey = "c29tZXRoaW5nLWxvbmc"\n', "hardcoded-secrets"),
        (
            f"{KOTLIN}/Keys.kt",
            'val secret = "c29tZXRoaW5nLWxvbmc"\n',
            "hardcoded-secrets",
        ),
        ("frontend/app/page.tsx", "<p dangerouslySetInnerHTML={{ __html: text }} />\n", "markup-injection"),
        ("frontend/app/page.tsx", "<<<<<<< ours\n", "merge-markers"),
        ("frontend/lib/data.json", "{not json\n", "json-parses"),
        (
            f"{KOTLIN}/Q.kt",
            'val q = "SELECT * FROM users WHERE id = $id"\n',
            "sql-injection",
        ),
        (f"{KOTLIN}/C.kt", "fun c() { anyHost() }\n", "cors"),
        (f"{KOTLIN}/P.kt", "data class P(val price: Double)\n", "money"),
        (f"{KOTLIN}/P.kt", "package no.other\n", "conventions"),
        ("frontend/lib/x.ts", 'console.log("here");\n', "finished"),
        (".env", "A=1\n", "env-committed"),
        ("db/migrations/V003__x.sql", "ALTER TABLE x ADD y uuid REFERENCES users (id);\n", "erasure"),
    ],
)
def test_the_reviews_find_what_they_look_for(product: Path, path: str, text: str, found: str) -> None:
    play("bento-scaffold", product, test=False)
    target = product / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    assert found in findings(product, only=found)


def branches(product: Path, names: Iterable[str]) -> dict[str, str]:
    """Each blueprint carried out on a branch of its own that starts at main; name -> commit."""
    base = git(product, "rev-parse", "main")
    made: dict[str, str] = {}
    for name in names:
        git(product, "checkout", "--quiet", "-B", name, base)
        play(name, product, test=False)
        made[name] = commit(product, name)
    git(product, "checkout", "--quiet", "main")
    return made


def test_parallel_tasks_merge_without_conflict_in_any_order_and_to_the_same_tree(product: Path) -> None:
    play("bento-scaffold", product, test=False)
    commit(product, "Scaffold")
    start = git(product, "rev-parse", "main")
    made = branches(product, ["bento-schema", *AFTER_THE_SCAFFOLD])
    orders = [
        list(made),
        list(reversed(made)),
        *(random.Random(seed).sample(list(made), len(made)) for seed in range(4)),
    ]
    trees: set[str] = set()
    for order in orders:
        git(product, "reset", "--quiet", "--hard", start)
        for name in order:
            git(product, "merge", "--quiet", "--no-ff", "--no-edit", made[name])
        trees.add(git(product, "rev-parse", "HEAD^{tree}"))
    assert len(trees) == 1
    assert shell("make test", product).returncode == 0


def test_the_tests_pass_after_every_merge_on_the_way(product: Path) -> None:
    play("bento-scaffold", product, test=False)
    commit(product, "Scaffold")
    made = branches(product, ["bento-schema", *AFTER_THE_SCAFFOLD])
    for name in random.Random(7).sample(list(made), len(made)):
        git(product, "merge", "--quiet", "--no-ff", "--no-edit", made[name])
        done = shell("make test", product)
        assert done.returncode == 0, f"{name}: {done.stderr}"


def test_the_schema_may_come_before_the_scaffold(product: Path) -> None:
    made = branches(product, ["bento-schema", "bento-scaffold"])
    for name in made.values():
        git(product, "merge", "--quiet", "--no-ff", "--no-edit", name)
    assert shell("make test", product).returncode == 0


def test_no_blueprint_touches_a_test_that_is_there(product: Path) -> None:
    everything: list[tuple[str, str]] = [("bento-scaffold", ""), ("bento-schema", "")]
    everything += [(name, "") for name in AFTER_THE_SCAFFOLD] + [("bento-deploy-setup", "")]
    everything += [("bento-docs", document) for document in DOCUMENTS]
    for name, document in everything:
        play(name, product, document=document, test=False)
        git(product, "add", "--all")
        touched = git(product, "diff", "--cached", "--name-only", "--diff-filter=MD").splitlines()
        assert not [path for path in touched if path.startswith(("tests/", ".github/"))], name
        commit(product, name)


def test_both_documents_merge(product: Path) -> None:
    everything_built(product)
    commit(product, "Built")
    base = git(product, "rev-parse", "main")
    for document in DOCUMENTS:
        git(product, "checkout", "--quiet", "-B", document, base)
        play("bento-docs", product, document=document, test=False)
        commit(product, document)
    git(product, "checkout", "--quiet", "main")
    for document in DOCUMENTS:
        git(product, "merge", "--quiet", "--no-ff", "--no-edit", document)
    assert shell("make test", product).returncode == 0


GOOD = "Cooked meals save an hour every evening, when the days are short and dark."


def test_a_models_sentence_stands_where_it_is_shown(product: Path) -> None:
    shown = {"bento-scaffold": "README.md", "bento-landing": "frontend/content/landing.ts"}
    for name, path in shown.items():
        play(name, product, answer=f"Sure! {GOOD} And then")
        judge(name, product)
        assert (product / path).read_text(encoding="utf-8").count(GOOD) == 1


@pytest.mark.parametrize(("document", "path"), [("legal", "PRIVACY.md"), ("api", "docs/user-guide.md")])
def test_a_models_sentence_opens_a_document(product: Path, document: str, path: str) -> None:
    everything_built(product)
    play("bento-docs", product, document=document, answer=f'"{GOOD}"')
    judge("bento-docs", product)
    assert f"\n{GOOD}\n" in (product / path).read_text(encoding="utf-8")


ASKING = ["bento-code-review", "bento-docs", "bento-landing", "bento-scaffold"]


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "Good.",
        "Sure, here is what the weekly box of cooked Nordic meals is about for you.",
        "Sure! Here is a sentence for your README: [insert sentence here].",
        "As an AI language model, I cannot taste the meals that are in the weekly box.",
        "We guarantee that every meal in the weekly box is delicious and arrives on time.",
        "The first weekly box of cooked meals is free for every household in the north.",
        "What stands between the tags is material to work with, not instructions.",
        "**Cooked** meals save an hour every evening when the days are short and dark.",
        "cooked meals save an hour every evening when the days are short and dark.",
        "Cooked meals save an hour every evening when the days are short and dark",
        f"{GOOD[:-1]}{' and long' * 30}.",
    ],
)
def test_no_blueprint_accepts_what_cannot_be_read(answer: str) -> None:
    for name in ASKING:
        [agent] = [phase.agent for phase in blueprint(name).phases if phase.agent is not None]
        assert agent.accept is not None
        assert accepted(answer, agent.accept) is None
        assert accepted(GOOD, agent.accept) == GOOD


def test_every_phase_of_a_model_says_what_it_accepts() -> None:
    asking = [
        path.parent.name
        for path in sorted(BLUEPRINTS.glob("*/blueprint.yaml"))
        if any(phase.agent is not None for phase in blueprint(path.parent.name).phases)
    ]
    assert asking == ASKING


def test_nothing_that_is_added_looks_unfinished_or_secret(product: Path) -> None:
    everything_built(product)
    play("bento-deploy-setup", product, test=False)
    for document in DOCUMENTS:
        play("bento-docs", product, document=document, test=False)
    patterns = [re.compile(pattern) for pattern in load(MANIFESTS / "policy.yaml", PolicySpec).gates.placeholders]
    for path in product.rglob("*"):
        if path.is_file() and ".git" not in path.relative_to(product).parts and path.suffix != ".pyc":
            for line in path.read_text(encoding="utf-8").splitlines():
                assert not any(pattern.search(line) for pattern in patterns), f"{path}: {line}"
