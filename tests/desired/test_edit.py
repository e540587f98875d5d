"""Edits change one key and keep every other byte."""

from __future__ import annotations

import random

import pytest

from reconciler.desired.edit import EditError, render, set_annotation, set_spec
from reconciler.desired.parse import parse
from reconciler.desired.read import read_file
from reconciler.model.objects import CANCELLED, Object
from reconciler.model.refs import Ref

TASK = Ref("Task", "a")


def written(chance: random.Random) -> str:
    """A manifest as people write them: their own indentation, comments, quotes, blank lines, several documents."""
    step = " " * chance.choice([2, 2, 3, 4])
    dash = chance.choice(["", step])
    quote = chance.choice(["", "'", '"'])
    remark = chance.choice(["", "  # why", " # a: b"])
    lines = [
        *chance.choice([[], ["---"], ["# yaml-language-server: $schema=../schemas/task.json"], ["# hello", ""]]),
        f"apiVersion: {quote}alai.dev/v1{quote}",
        "kind: Task",
        *chance.choice(
            [
                ["metadata: {name: a, labels: {product: bento}}" + remark],
                ["metadata:", f"{step}name: a{remark}"],
                ["metadata:", f"{step}name: a", f"{step}annotations:", f"{step * 2}example.org/x: 'y'{remark}"],
            ]
        ),
        "spec:",
        f"{step}title:   {quote}Add rate limiting{quote}{remark}",
        *chance.choice([[], [f"{step}# what people asked for"], [""]]),
        *chance.choice(
            [
                [],
                [f"{step}description: |", f"{step * 2}one", "", f"{step * 2}two"],
                [f"{step}description: >-", f"{step * 2}{'long ' * 40}", f"{step * 2}more"],
            ]
        ),
        *chance.choice([[], [f"{step}suspend: false{remark}"]]),
        f"{step}dependsOn:",
        f"{step}{dash}- b",
        f"{step}{dash}- c{remark}",
        *chance.choice([[], [f'{step}paths: {{allow: ["app/**",  "x"]}}'], [f"{step}complexity: 0x2"]]),
    ]
    text = "\n".join(lines) + chance.choice(["", "\n", "\n\n", "\n# end\n"])
    if chance.random() < 0.3:
        text = text.rstrip("\n") + "\n---\nkind:   Agent\napiVersion: alai.dev/v1\nmetadata: {name: b}\nspec: {}\n"
    return text.replace("\n", "\r\n") if chance.random() < 0.1 else text


def without(lines: list[str], others: list[str]) -> list[str]:
    """`lines` less those that stand in `others` in the same order."""
    left, rest = [], iter(others)
    upcoming = next(rest, None)
    for line in lines:
        if line == upcoming:
            upcoming = next(rest, None)
        else:
            left.append(line)
    assert upcoming is None, f"lost: {upcoming!r}"
    return left


@pytest.mark.parametrize("seed", range(100))
def test_suspending_and_annotating_add_lines_and_lose_none(seed: int) -> None:
    text = written(random.Random(seed))
    before = parse(text.encode(), "").documents
    suspended = set_spec(text, TASK, "suspend", True)
    after = parse(suspended.encode(), "").documents
    assert after[0].value["spec"] == {**before[0].value["spec"], "suspend": True}
    assert [document.value for document in after[1:]] == [document.value for document in before[1:]]
    old, new = text.splitlines(), suspended.splitlines()
    if "suspend" in text:
        assert [line.replace("suspend: false", "suspend: true") for line in old] == new
    else:
        assert [line.strip() for line in without(new, old)] == ["suspend: true"]
        assert set_spec(suspended, TASK, "suspend", None).splitlines() == old
    cancelled = set_annotation(text, TASK, CANCELLED, "no: longer # needed")
    [record] = [item for item in read_file("manifests/a.yaml", "", cancelled.encode()).objects if item.ref == TASK]
    assert record.annotations[CANCELLED] == "no: longer # needed"
    again = set_annotation(cancelled, TASK, CANCELLED, None)
    assert again.splitlines() == old


GOAL = """\
apiVersion: alai.dev/v1
kind: Goal
metadata:
  name: bento
spec:
  title: Bento   # the product
  tasks:
    - name: scaffold
      title: "Project scaffold: Next.js"   # first
    - {name: auth, title: Auth}
"""


def objects(text: str) -> dict[str, Object]:
    record = read_file("manifests/a.yaml", "", text.encode())
    assert not record.problems
    return {str(item.ref): item for item in record.objects}


def test_a_task_inside_a_goal_is_edited_where_it_stands() -> None:
    owner = Ref("Goal", "bento")
    text = set_spec(GOAL, Ref("Task", "bento-auth"), "suspend", True, owner)
    text = set_spec(text, Ref("Task", "bento-scaffold"), "suspend", True, owner)
    text = set_annotation(text, Ref("Task", "bento-auth"), CANCELLED, "not now", owner)
    found = objects(text)
    assert found["Task/bento-auth"].spec["suspend"] is True
    assert found["Task/bento-scaffold"].spec["suspend"] is True
    assert found["Task/bento-auth"].annotations == {CANCELLED: "not now"}
    assert found["Task/bento-scaffold"].annotations == found["Goal/bento"].annotations == {}
    assert "# the product" in text
    assert "# first" in text


def test_an_edit_of_what_is_not_there_is_refused() -> None:
    with pytest.raises(EditError, match="no more"):
        set_spec(GOAL, TASK, "suspend", True)
    with pytest.raises(EditError, match="not written in"):
        set_spec(GOAL, Ref("Task", "bento-x"), "suspend", True, Ref("Goal", "bento"))
    with pytest.raises(EditError, match="valid"):
        set_spec("a: [", TASK, "suspend", True)


def test_an_edit_that_changes_nothing_gives_the_same_text() -> None:
    assert set_spec(GOAL, Ref("Goal", "bento"), "suspend", None) == GOAL
    assert set_annotation(GOAL, Ref("Goal", "bento"), CANCELLED, None) == GOAL


@pytest.mark.parametrize(
    "description", ["one\ntwo\n", "one\n\n  two", " a\nb", "a: #c", "yes", "- x", "a \nb", "\n", ""]
)
def test_a_generated_manifest_reads_back_as_it_was_meant(description: str) -> None:
    spec = {"title": "[BENTO-REVIEW] Code review: x", "description": description, "dependsOn": ["b"], "complexity": 3}
    text = render("Task", "a", spec, {"product": "bento"}, "manifests/generated/bento/a.yaml")
    assert text.startswith("# yaml-language-server: $schema=../../../schemas/task.json\n")
    record = read_file("manifests/generated/bento/a.yaml", "", text.encode())
    assert not record.problems
    assert record.objects[0].spec == spec
    assert record.objects[0].labels == {"product": "bento"}
