"""Tiers and models that Routing and companies name are the Fleet's."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.desired.places import finder
from reconciler.desired.read import read_file
from reconciler.desired.references import check
from reconciler.model.objects import Object

HEAD = "apiVersion: alai.dev/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n"
FLEET = """\
  hosts: [{name: anvil, kind: ollama, models: [{name: "qwen3:8b"}]}]
  tiers:
    - {tier: 1, chain: [{backend: ollama-tool, model: "qwen3:8b", hosts: [anvil]}]}
    - {tier: 5, chain: [{backend: human-queue}]}
"""
ELSEWHERE = "  default: {domain: d, type: t, complexity: 1, company: c, blueprint: b}\n"
BESIDES = {
    "manifests/fleet.yaml": HEAD.format(kind="Fleet", name="default") + FLEET,
    "manifests/b.yaml": HEAD.format(kind="Blueprint", name="b") + "  title: b\n",
    "manifests/c.yaml": HEAD.format(kind="Company", name="c") + "  title: c\n",
}


def said(kind: str, rest: str, **besides: str) -> list[str]:
    """Faults of a factory with this object, where they stand."""
    files = {**BESIDES, "manifests/it.yaml": HEAD.format(kind=kind, name="it") + rest}
    files |= {f"manifests/{name}.yaml": text for name, text in besides.items()}
    objects: list[Object] = []
    for path, text in files.items():
        record = read_file(path, "b", text.encode(), light=True)
        assert record.problems == ()
        objects += record.objects

    def read(path: str) -> bytes:
        return files[path].encode()

    return [str(problem) for problem in check(objects, finder(read))]


@pytest.mark.parametrize(
    ("kind", "rest", "expected"),
    [
        (
            "Routing",
            ELSEWHERE + '  tiers: {"1": 1, "3": 3}\n',
            "6:24: Routing/it: tiers.3: the Fleet has no tier 3 (it has 1, 5)",
        ),
        (
            "Routing",
            ELSEWHERE + "  classify:\n    tier: 2\n",
            "7:11: Routing/it: classify.tier: the Fleet has no tier 2 (it has 1, 5)",
        ),
        (
            "Company",
            "  title: x\n  tier_overrides:\n    docs: 1\n    lint: 4\n",
            "8:11: Company/it: tier_overrides.lint: the Fleet has no tier 4 (it has 1, 5)",
        ),
        (
            "Company",
            '  title: x\n  tier_overrides: {docs: "ollama-tol:qwen3:8b"}\n',
            '6:26: Company/it: tier_overrides.docs: there is no backend "ollama-tol" (there are ollama-tool',
        ),
    ],
)
def test_what_the_fleet_does_not_have_is_a_fault_exactly_where_it_is_named(kind: str, rest: str, expected: str) -> None:
    [line] = said(kind, rest)
    assert line.startswith(f"manifests/it.yaml:{expected}")


def test_a_misspelt_backend_of_an_override_is_told_with_the_nearest_one() -> None:
    [line] = said("Company", '  title: x\n  tier_overrides: {docs: "ollama-tol:qwen3:8b"}\n')
    assert line.endswith('did you mean "ollama-tool"?')


def test_what_the_fleet_has_is_no_fault() -> None:
    assert said("Company", '  title: x\n  tier_overrides: {docs: 5, lint: "ollama-simple:qwen3:8b"}\n') == []
    assert said("Routing", ELSEWHERE + '  classify: {}\n  tiers: {"4": 1, "5": 5}\n') == []


def test_without_a_fleet_no_tier_is_wrong_and_two_fleets_are_one_fault() -> None:
    wrong = "  title: x\n  tier_overrides: {lint: 4}\n"
    assert said("Company", wrong, fleet=HEAD.format(kind="Company", name="other") + "  title: x\n") == []
    [line] = said("Company", wrong, second=HEAD.format(kind="Fleet", name="second") + FLEET)
    assert "a factory has one Fleet" in line


def test_a_fault_whose_file_cannot_be_read_again_stands_at_its_object() -> None:
    text = HEAD.format(kind="Company", name="it") + "  title: x\n  tier_overrides: {lint: 4}\n"
    files: dict[str, Any] = {"manifests/fleet.yaml": BESIDES["manifests/fleet.yaml"], "manifests/it.yaml": text}
    objects = [item for path, data in files.items() for item in read_file(path, "b", data.encode()).objects]
    [line] = [str(problem) for problem in check(objects, finder(lambda _: None))]
    assert line.startswith("manifests/it.yaml:1:1: Company/it: tier_overrides.lint")


def test_a_model_that_no_host_lists_is_no_fault_since_machines_come_and_go() -> None:
    assert said("Company", '  title: x\n  tier_overrides: {docs: "ollama-tool:qwen3:9b"}\n') == []
