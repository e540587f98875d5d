"""Mistakes that every single file hides: `validate` names each at its place, and nothing of them is applied."""

from __future__ import annotations

import subprocess

from tests.e2e.factory import TinyFactory

OVERRIDE = "  tier_overrides:\n    prose: 3\n"
FAULT = "Company/works: tier_overrides.prose: the Fleet has no tier 3 (it has 1, 5)"


def told(factory: TinyFactory, *arguments: str) -> list[str]:
    done: subprocess.CompletedProcess[str] = factory.cli(*arguments)
    assert done.returncode == 1, done.stdout + done.stderr
    return [line for line in (done.stdout + done.stderr).splitlines() if ".yaml:" in line]


def company(factory: TinyFactory) -> str:
    [path] = factory.root.glob("companies/works/*.yaml")
    path.write_text(path.read_text().rstrip("\n") + "\n" + OVERRIDE)
    line = path.read_text().splitlines().index("    prose: 3") + 1
    return f"{path.relative_to(factory.root).as_posix()}:{line}:12: {FAULT}"


def test_a_tier_that_is_not_there_is_told_alike_before_and_after_the_commit(factory: TinyFactory) -> None:
    factory.ok("validate", "--worktree")
    expected = company(factory)
    path = expected.partition(":")[0]
    for arguments in (("validate", "--worktree"), ("validate", path), ("diff", "--worktree")):
        [line] = told(factory, *arguments)
        assert expected in line
    factory.commit("Ask for a tier that is not there")
    for command in ("validate", "diff", "apply"):
        [line] = told(factory, command)
        assert expected in line


def test_a_fleet_that_loses_a_tier_is_refused_where_the_tier_is_still_named(factory: TinyFactory) -> None:
    tier = "    - {tier: 5, chain: [{backend: human-queue}]}"
    factory.edit("manifests/fleet.yaml", tier, f"{tier}\n{tier.replace('5', '3')}")
    expected = company(factory)
    factory.commit("Begin with three tiers")
    factory.ok("validate")
    factory.cli("diff")
    factory.edit("manifests/fleet.yaml", f"\n{tier.replace('5', '3')}", "")
    factory.commit("Take one away")
    for command in ("diff", "validate"):
        [line] = told(factory, command)
        assert expected in line


def test_a_template_that_is_none_is_told_by_validate(factory: TinyFactory) -> None:
    text = (
        "apiVersion: alai.dev/v1\nkind: Blueprint\nmetadata: {name: bad}\nspec:\n"
        "  phases:\n    - {name: p, agent: {prompt: 'Do {{ task.title }'}}\n"
    )
    factory.write("manifests/blueprints/bad/blueprint.yaml", text)
    factory.commit("Write a template that is none")
    for arguments in (("validate",), ("validate", "--worktree")):
        [line] = told(factory, *arguments)
        assert "manifests/blueprints/bad/blueprint.yaml:6:33: Blueprint/bad: not a Jinja template: line 1 of it" in line
