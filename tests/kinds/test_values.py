"""What single values may be."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from reconciler.kinds import check, rules
from reconciler.kinds.manifest import KINDS
from reconciler.model.objects import Object
from reconciler.model.refs import Position, Ref
from tests.kinds.samples import SAMPLES, manifest


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample['kind']}-{sample['metadata']['name']}")
def test_a_valid_document_passes_the_rules_and_decodes(sample: dict[str, Any]) -> None:
    KINDS[sample["kind"]].model_validate(sample)
    assert list(rules.faults(sample["kind"], sample)) == []
    Object(Ref(sample["kind"], "x"), Position("x"), sample["spec"], "").decoded()


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("Company", {"title": "x", "soul": path})
        for path in (
            "../CLAUDE.md",
            "/etc/passwd",
            "a/../../b",
            "..",
            ".",
            "a//b",
            "a\\..\\b",
            "",
            "a/..",
            "./a",
            "a\nb",
        )
    ]
    + [("Task", {"title": "x", "budget": {"wall": wall}}) for wall in ("6", "six", "6 h", "-1h", "6H", "1w", "1h\n")]
    + [("Task", {"title": "x", "complexity": value}) for value in (0, 6, "3", True, 2.5)]
    + [("Task", {"title": "x", "priority": "h"}), ("Task", {"title": ""}), ("Task", {"title": "a\nb"})]
    + [("Task", {"title": "x", "goal": name}) for name in ("A", "-a", "a-", "a_b", "a" * 64, "")]
    + [
        ("Policy", {"limits": {"memory": "2GB"}}),
        ("Fleet", {"hosts": [{"name": "a", "kind": "o", "url": "file:///x"}]}),
    ],
)
def test_a_value_out_of_its_bounds_is_refused(kind: str, spec: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        KINDS[kind].model_validate(manifest(kind, "x", spec))


@pytest.mark.parametrize(
    ("port", "sound"), [("1", True), ("65535", True), ("0", False), ("65536", False), ("080", False)]
)
def test_a_place_names_a_port_that_there_is(port: str, sound: bool) -> None:
    hosts = [{"name": "a", "kind": "command", "command": ["x"], "egress": [f"localhost:{port}"]}]
    assert bool(check.full("Fleet", manifest("Fleet", "x", {"hosts": hosts}))) is not sound


@pytest.mark.parametrize("path", ["CLAUDE.md", "a/b.md", ".github/x", "..a/b", "a/**", "a/", "a b/ü.md", ".a"])
def test_a_path_that_stays_below_its_folder_is_accepted(path: str) -> None:
    KINDS["Company"].model_validate(manifest("Company", "x", {"title": "x", "soul": path}))


PHASE: dict[str, Any] = {"name": "p"}


@pytest.mark.parametrize(
    ("kind", "spec", "place", "words"),
    [
        ("Blueprint", {"phases": [PHASE]}, ("spec", "phases", 0), "exactly one of `run` and `agent`"),
        ("Blueprint", {"phases": [{**PHASE, "run": {}}]}, ("spec", "phases", 0, "run"), "exactly one of `command`"),
        (
            "Blueprint",
            {"phases": [{**PHASE, "run": {"command": ["a"], "checks": True}}]},
            ("spec", "phases", 0, "run"),
            "exactly one of `command`",
        ),
        (
            "Blueprint",
            {"phases": [{**PHASE, "agent": {"prompt": "x", "output": "verdict"}}]},
            ("spec", "phases", 0, "agent", "output"),
            "needs: [schema]",
        ),
        (
            "Blueprint",
            {"phases": [{**PHASE, "agent": {"prompt": "x", "accept": "(?<=a+)"}}]},
            ("spec", "phases", 0, "agent", "accept"),
            "not a regular expression",
        ),
        (
            "Blueprint",
            {"phases": [{**PHASE, "needs": ["schema"], "agent": {"prompt": "x", "output": "files", "accept": "."}}]},
            ("spec", "phases", 0, "agent", "accept"),
            "`accept` goes with output `text` only",
        ),
        (
            "Blueprint",
            {"phases": [{**PHASE, "needs": ["tools"], "agent": {"prompt": "x", "file": "a.md"}}]},
            ("spec", "phases", 0, "agent", "file"),
            "writes files itself",
        ),
        (
            "Blueprint",
            {"phases": [{**PHASE, "needs": ["tools"], "agent": {"prompt": "x", "fallback": "y"}}]},
            ("spec", "phases", 0, "agent", "fallback"),
            "`otherwise: files`",
        ),
        (
            "Pipeline",
            {"stages": [{"name": "A"}], "mergeAfter": "B"},
            ("spec", "mergeAfter"),
            'no stage is called "B"; the stages are A',
        ),
        ("Pipeline", {"stages": [{"name": "A"}, {"name": "A"}]}, ("spec", "stages", 1, "name"), "there twice"),
        (
            "Goal",
            {"title": "x", "tasks": [{"name": "a", "title": "x"}, {"name": "a", "title": "y"}]},
            ("spec", "tasks", 1, "name"),
            'task "a" is there twice',
        ),
        ("Task", {"title": "x", "product": {"repository": "ext::sh"}}, ("spec", "product", "repository"), "neither"),
        ("Policy", {"gates": {"secrets": ["("]}}, ("spec", "gates", "secrets", 0), "not a regular expression"),
        ("Policy", {"human": [{"id": "a", "reason": "x"}]}, ("spec", "human", 0), "match everything"),
    ],
)
def test_what_a_schema_cannot_say_is_a_rule(kind: str, spec: dict[str, Any], place: rules.Place, words: str) -> None:
    document = manifest(kind, "x", spec)
    KINDS[kind].model_validate(document)
    [(found, message)] = rules.faults(kind, document)
    assert found == place
    assert words in message


def test_a_risk_rule_that_can_never_match_is_a_fault_where_it_stands() -> None:
    risky = [{"id": "a", "any": ["x"], "when": {"priority": ["H", "Z"], "complexity": ["4"]}}]
    [(place, said)] = rules.faults("Policy", manifest("Policy", "x", {"pair": {"risky": risky}}))
    assert place == ("spec", "pair", "risky", 0, "when", "priority")
    assert "H, M, L" in said
