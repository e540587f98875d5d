"""Templates of blueprints are Jinja, or validation says where they are not."""

from __future__ import annotations

import pytest

from reconciler.desired.places import finder
from reconciler.desired.read import read_file
from reconciler.desired.templates import check

HEAD = "apiVersion: alai.dev/v1\nkind: Blueprint\nmetadata: {name: b}\nspec:\n  phases:\n    - name: p\n"


def said(rest: str) -> list[str]:
    data = (HEAD + rest).encode()
    record = read_file("manifests/b.yaml", "b", data, light=True)
    assert record.problems == ()
    return [str(problem) for problem in check(record.objects, finder(lambda _: data))]


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ('      agent: {prompt: "Do {{ task.title }"}\n', "7:23: Blueprint/b: not a Jinja template: line 1 of it: "),
        ('      agent: {prompt: "Do it.", fallback: "{% if x %}"}\n', "7:43: Blueprint/b: not a Jinja template"),
        ('      agent: {prompt: "Do it.", file: "docs/{{ task. }}.md"}\n', "7:39: Blueprint/b: not a Jinja template"),
        ('      run: {template: "{% nonsense %}"}\n', "7:23: Blueprint/b: not a Jinja template"),
        ("      agent:\n        prompt: |\n          Do\n          {% endfor %}\n", "8:17: Blueprint/b: not a Jinja"),
        (f'      agent: {{prompt: "{{{{ {"(" * 20_000} }}}}"}}\n', "7:23: Blueprint/b: not a Jinja template: nested"),
    ],
    ids=["prompt", "fallback", "file", "folder", "of several lines", "deep"],
)
def test_a_template_that_jinja_cannot_read_is_a_fault_where_it_stands(rest: str, expected: str) -> None:
    [line] = said(rest)
    assert line.startswith(f"manifests/b.yaml:{expected}")


def test_the_line_within_a_template_is_told() -> None:
    [line] = said("      agent:\n        prompt: |\n          Do\n          {% endfor %}\n")
    assert "line 2 of it" in line


def test_a_template_is_only_read_and_what_its_names_mean_is_not_asked() -> None:
    assert said('      agent: {prompt: "{{ nobody.knows | what }} {{ 9**9**9**9 }}", fallback: "{"}\n') == []
