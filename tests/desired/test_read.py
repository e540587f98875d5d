"""Files become objects; every fault has a place, a name and plain words."""

# ruff: noqa: E501
from __future__ import annotations

import random
import time
from typing import Any

import pytest
from ruamel.yaml import YAML

from reconciler.desired.read import is_manifest, read_file
from reconciler.model.objects import CANCELLED
from reconciler.model.refs import Ref
from tests.kinds.samples import SAMPLES

HEAD = "apiVersion: alai.dev/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n"


def task(rest: str, name: str = "a") -> str:
    return HEAD.format(kind="Task", name=name) + rest


def said(text: str | bytes, *, light: bool = False) -> list[str]:
    data = text if isinstance(text, bytes) else text.encode()
    return [str(problem) for problem in read_file("manifests/a.yaml", "b", data, light=light).problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (task("  title: x\n  dependOn: [b]\n"), '5... Task/a: unknown key "dependOn"; did you mean "dependsOn"?'),
        (task("  description: x\n"), '5:3: Task/a: missing key "title"'),
        (task("  title: x\n  priority: HH\n"), '6:13: Task/a: "HH" is not one of H, M, L; did you mean "H"?'),
        (task("  title: 5\n"), "5:10: Task/a: expected text, got 5"),
        (task("  title: x\n  complexity: 9\n"), "6:15: Task/a: must be at most 5, got 9"),
        (task("  title: x\n  complexity: 3.0\n"), "6:15: Task/a: expected a whole number, got 3.0"),
        (task("  title: x\n  budget: {wall: long}\n"), "6:18: Task/a: \"long\" is not a duration such as `30s`"),
        (task("  title: x\n", name="A"), '3:18: Task/A: "A" is not a name'),
        ("apiVersion: alai.dev/v2\nkind: Task\n", '1:13: apiVersion "alai.dev/v2" is not known; did you'),
        ("apiVersion: alai.dev/v1\nkind: Taks\n", '2:7: kind "Taks" is not known; did you mean "Task"?'),
        ("- a\n", "1:1: expected apiVersion, kind, metadata and spec, got a list"),
        (HEAD.format(kind="Company", name="c") + "  title: x\n  soul: ../x\n", '6:9: Company/c: "../x" is not a relative'),
        (
            HEAD.format(kind="Blueprint", name="b") + "  phases:\n    - name: p\n      agnet: {prompt: x}\n",
            '7:7: Blueprint/b: unknown key "agnet"; did you mean "agent"?',
        ),
    ],
)  # fmt: skip
def test_a_fault_names_place_object_and_what_is_meant(text: str, expected: str) -> None:
    for light in (True, False):
        [line] = said(text, light=light)
        assert line.startswith("manifests/a.yaml:")
        assert expected.replace("5...", "6:3:") in line


def test_a_goal_brings_its_tasks() -> None:
    text = (
        "apiVersion: alai.dev/v1\nkind: Goal\nmetadata:\n  name: bento\n  labels: {product: bento}\n"
        f"  annotations: {{{CANCELLED}.auth: later, {CANCELLED}: whole}}\n"
        "spec:\n  title: Bento\n  tasks:\n    - {name: scaffold, title: S}\n    - {name: auth, title: A}\n"
    )
    record = read_file("manifests/a.yaml", "b", text.encode())
    goal, scaffold, auth = record.objects
    assert scaffold.ref == Ref("Task", "bento-scaffold")
    assert scaffold.spec == {"title": "S", "goal": "bento"}
    assert scaffold.owner == goal.ref
    assert (scaffold.position.line, auth.position.line) == (10, 11)
    assert scaffold.labels == {"product": "bento"}
    assert (goal.annotations, auth.annotations, scaffold.annotations) == (
        {CANCELLED: "whole"},
        {CANCELLED: "later"},
        {},
    )


def test_a_full_name_that_is_too_long_is_a_fault_at_its_entry() -> None:
    text = HEAD.format(kind="Goal", name="g" * 40) + f"  title: x\n  tasks:\n    - name: {'t' * 40}\n      title: y\n"
    [line] = said(text)
    assert ":7:13: " in line
    assert "longer than 63" in line


def dumped(document: Any) -> str:
    import io

    stream = io.StringIO()
    YAML().dump(document, stream)
    return stream.getvalue()


def test_light_and_full_reading_give_the_same_objects_and_every_one_decodes() -> None:
    text = "---\n".join(dumped(sample) for sample in SAMPLES)
    full, light = (read_file("manifests/a.yaml", "b", text.encode(), light=light) for light in (False, True))
    assert full == light
    assert not full.problems
    assert len(full.objects) == len(SAMPLES) + 2
    assert all(item.decoded() for item in full.objects)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("manifests/a.yaml", True), ("manifests/x/b.yml", True), ("companies/c/company.yaml", True),
        ("companies/c/blueprints/b/templates/x.yaml", False), ("manifests/config/x.yaml", False),
        ("companies/c/skills/s/x.yaml", False), ("manifests/a.json", False), ("evidence/a.yaml", False),
        ("manifests", False), ("manifests.yaml", False),
        ("companies/codecraft/state/plan.yaml", False),
        ("companies/codecraft/state/deep/plan.yml", False),
        ("companies/codecraft/state/agents/me.md", False),
        ("manifests/state/plan.yaml", True),
    ],
)  # fmt: skip
def test_manifests_are_known_by_their_path(path: str, expected: bool) -> None:
    assert is_manifest(path) is expected


BROKEN = [
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbfkind: Task", b"a: [", b"{", b"]", b"'", b'"', b"a: 'b", b"a:\n\t- b", b"- a\nb",
    b"a: *b", b"a: &a *a", b"&a [*a]", b"!!python/object/apply:os.system ['ls']", b"!x y", b"<<: {a: b}", b"? a\n? a",
    b"a: 1\na: 2", b"1: 2", b"null: 1", b"[a]: b", b"text", b"- kind: Task", b"42", b"true", b"kind: Task", b"%YAML 1.1\n---\na: b",
    b"%TAG ! x:\n---\na: b", b"a: \x1b[31m", b'kind: "\\e[31m"', b'kind: "\\0"', b"kind: [Task]", b"kind: {}", b"apiVersion: 1\nkind: 2",
    b"[" * 5000, b"{a: " * 5000, b"- " * 5000, b"a: " * 5000, b"#" * (2 << 20), b"x: 1e999", b"x: .nan", b"x: " + b"9" * 9000,
    "kind: \u202etxet".encode(), "\u2028: a".encode(), b"a: |\n x\n\ty\nb", b"@a", b"`a`", b"a: b: c", b"---\n---\n- [}",
    b"kind: Goal\napiVersion: alai.dev/v1\nmetadata: 5\nspec: []", b"kind: Goal\napiVersion: alai.dev/v1",
    b"kind: Goal\napiVersion: alai.dev/v1\nmetadata: {name: ../../etc}\nspec: {title: x}",
    b"kind: Goal\napiVersion: alai.dev/v1\nmetadata: {name: a}\nspec: {title: x, tasks: [{}, 1, [], null]}",
    b"kind: Goal\napiVersion: alai.dev/v1\nmetadata: {name: a}\nspec: {title: [x], tasks: {a: b}}",
    b"kind: Goal\napiVersion: alai.dev/v1\nmetadata: {name: a}\nspec: {title: x, product: {repository: 'ext::sh -c x'}}",
    b"kind: Goal\napiVersion: alai.dev/v1\nmetadata: {name: a}\nspec: {title: x, product: {repository: 'file:///etc'}}",
    b"kind: Goal\napiVersion: alai.dev/v1\nmetadata: {name: a}\nspec: {title: x, product: {repository: p, branch: --x}}",
    b"kind: Goal\napiVersion: alai.dev/v1\nmetadata: {name: a, labels: [a]}\nspec: {title: x}",
    b"kind: Goal\napiVersion: alai.dev/v1\nmetadata: {name: a, labels: {'a\\nb': 1}}\nspec: {title: x}",
    b"kind: Goal\napiVersion: alai.dev/v1\nmetadata: {name: a}\nspec: {title: x, '\\x41': 1, {a: b}: c}",
    b"kind: Company\napiVersion: alai.dev/v1\nmetadata: {name: a}\nspec: {title: x, tier_overrides: {a: [1]}}",
    b"kind: Routing\napiVersion: alai.dev/v1\nmetadata: {name: a}\nspec: {rules: [{id: a, when: {x: y}}]}",
]  # fmt: skip


def mutated(number: int) -> bytes:
    """A good manifest with one thing broken that no manifest may have."""
    chance = random.Random(number)
    lines = dumped(chance.choice(SAMPLES)).splitlines()
    where = chance.randrange(len(lines))
    sort = number % 7
    if sort == 0:
        lines[where] += "\x07"
    elif sort == 1:
        lines.insert(where, chance.choice(["\t- x", "]", "}: {", "'", "@"]))
    elif sort == 2:
        lines.insert(0, lines[0])
    elif sort == 3:
        lines.append(f"{chance.choice(['specs', 'metadatas', 'Kind'])}: 1")
    elif sort == 4:
        lines = [line.replace("name: sample", "name: ../sample") for line in lines]
    elif sort == 5:
        lines = [line.replace("kind: ", "kind: Un", 1) if line.startswith("kind") else line for line in lines]
    else:
        lines = [line for line in lines if not line.startswith("apiVersion")]
    data = "\n".join(lines).encode()
    return data + b"\xc3" if number % 11 == 0 else data


HOSTILE = BROKEN + [mutated(number) for number in range(200 - len(BROKEN))]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_broken_file_gives_a_problem_with_its_place_and_nothing_else(number: int) -> None:
    for light in (True, False):
        begun = time.monotonic()
        record = read_file("manifests/a.yaml", "b", HOSTILE[number], light=light)
        assert time.monotonic() - begun < 2
        assert record.problems
        for problem in record.problems:
            assert problem.position.line >= 1
            assert problem.position.column >= 1
            assert str(problem).isprintable()
            assert len(str(problem)) < 1500


def test_a_file_name_with_control_characters_is_refused_and_escaped() -> None:
    [problem] = read_file("manifests/\x1b[31m.yaml", "b", b"").problems
    assert str(problem).isprintable()
