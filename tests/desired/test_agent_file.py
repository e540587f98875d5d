"""Agent files as people have them for Claude Code become Agents, unchanged."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.desired import frontmatter
from reconciler.desired.read import is_manifest, read_file
from reconciler.model.history import FileRecord
from reconciler.model.refs import Ref
from reconciler.model.tools import TOOLS

REVIEWER = """---
name: code-reviewer
description: Use this agent when: code was written. Examples: <example>user: "look at it"</example>
tools: Read, Grep, Glob, Bash(git diff:*, git log:*), WebFetch
model: sonnet
color: red
hooks:
  PreToolUse: []
---

You review code. You change nothing.
"""
PATH = "companies/codecraft/agents/code-reviewer.md"


def record(text: str, path: str = PATH, *, light: bool = False) -> FileRecord:
    return read_file(path, "b", text.encode(), light=light)


def spec(text: str, path: str = PATH) -> dict[str, Any]:
    found = record(text, path)
    assert found.problems == ()
    [item] = found.objects
    return dict(item.spec)


@pytest.mark.parametrize("light", [True, False])
def test_an_agent_file_is_an_agent_of_its_folders_company(light: bool) -> None:
    found = record(REVIEWER, light=light)
    assert found.problems == ()
    [item] = found.objects
    assert item.ref == Ref("Agent", "code-reviewer")
    assert item.spec["company"] == "codecraft"
    assert item.spec["role"] == "code-reviewer"
    assert item.spec["prompt"] == "You review code. You change nothing."
    assert item.spec["tools"] == ["read_file", "search", "list_files", "run_command", "knowledge", "finish"]
    assert item.spec["writes"] == "nothing"


def test_what_means_nothing_here_is_a_warning_and_no_fault() -> None:
    said = [str(warning) for warning in record(REVIEWER).warnings]
    assert len(said) == 3
    assert all(line.startswith(f"{PATH}:1:1: Agent/code-reviewer: ") for line in said)
    assert [word for word in ("model", "hooks", "WebFetch") if not any(word in line for line in said)] == []


def test_the_files_name_is_the_role_unless_the_front_matter_says_it() -> None:
    assert spec("---\nname: a\n---\nx", "companies/x/agents/validator.md")["role"] == "validator"
    assert spec("---\nname: a\nrole: builder\n---\nx", "companies/x/agents/v.md")["role"] == "builder"


def test_an_agent_without_a_list_of_tools_has_all_but_those_denied() -> None:
    assert spec("---\nname: a\n---\nx")["tools"] == list(TOOLS)
    assert spec("---\nname: a\n---\nx")["writes"] == "product"
    denied = spec("---\nname: a\ndisallowedTools:\n  - Write\n  - Edit\n  - Bash\n---\nx")
    assert not {"write_file", "edit_file", "run_command"} & set(denied["tools"])
    assert denied["writes"] == "nothing"


@pytest.mark.parametrize("nothing", ["[]", "", '""', "''", "~", "{}", "\ndescription: 'x: y' z: w", "[ ]", "[\n]"])
def test_an_agent_whose_list_of_tools_names_nothing_has_none_and_writes_nothing(nothing: str) -> None:
    found = spec(f"---\nname: a\ntools: {nothing}\n---\nx")
    assert (found["tools"], found["writes"]) == (["knowledge", "finish"], "nothing")


@pytest.mark.parametrize(
    "named",
    [
        '["Read", "Grep"]',
        "[Read, Grep]",
        "Read, Grep",
        "Read Grep",
        "Read,Grep",
        "'Read, Grep'",
        "Read Grep  # but not Write",
        '[\n  "Read",\n  "Grep"\n]',
        "\n- Read\n- Grep",
        "\n- Read, Grep",
    ],
)
@pytest.mark.parametrize("more", ["", "description: Use when: it is so. Example: <example>user: hi</example>\n"])
def test_tools_are_named_in_every_way_that_claude_code_takes(named: str, more: str) -> None:
    """Whether the rest of the front matter is YAML or not."""
    found = spec(f"---\nname: a\n{more}tools: {named}\n---\nx")
    assert (found["tools"], found["writes"]) == (["read_file", "search", "knowledge", "finish"], "nothing")


def test_who_is_denied_all_has_nothing_and_who_may_only_plan_does_not_write() -> None:
    assert spec("---\nname: a\ndisallowedTools: '*'\n---\nx")["tools"] == ["knowledge", "finish"]
    plans = spec("---\nname: a\npermissionMode: plan\n---\nx")
    assert (plans["writes"], {"write_file", "edit_file"} & set(plans["tools"])) == ("nothing", set())
    assert any(
        "permissionMode" in str(said) for said in record("---\nname: a\npermissionMode: acceptEdits\n---\nx").warnings
    )
    assert any("Wirte" in str(said) for said in record("---\nname: a\ndisallowedTools: Wirte\n---\nx").warnings)


@pytest.mark.parametrize("key", ["writes", "role"])
def test_a_key_that_grants_something_and_says_nothing_is_a_fault(key: str) -> None:
    assert record(f"---\nname: a\n{key}:\n---\nx").problems


def test_no_agent_vanishes_without_a_word() -> None:
    [fault] = record("---\nname: unclosed\ndescription: x\n\nYou never close.\n").problems
    assert "never closed" in fault.message
    [fault] = record("---\nname: コードレビュアー\n---\nx").problems
    assert "with a letter" in fault.message
    [warning] = record("You review.\n").warnings
    assert "declares no agent" in warning.message
    assert record("---\n\nA line, and then text.\n").problems == ()
    below = "companies/codecraft/agents/quality/eye.md"
    assert [(item.ref.name, item.spec["role"]) for item in record("---\nname: a\n---\nx", below).objects] == [
        ("a", "eye")
    ]


def test_no_agent_loses_the_means_to_ask_and_to_finish() -> None:
    assert spec("---\nname: a\ntools: [Read]\ndisallowedTools: [finish]\n---\nx")["tools"] == [
        "read_file",
        "knowledge",
        "finish",
    ]


def test_a_folder_and_a_name_with_capitals_are_taken_as_manifests_have_them() -> None:
    text, path = "---\nname: Code Reviewer\n---\nx", "companies/CodeCraft/agents/Lead.md"
    assert record(text, path).objects[0].ref.name == "code-reviewer"
    assert spec(text, path)["company"] == "codecraft"


def test_an_agent_file_in_capitals_is_read_like_any_other() -> None:
    data = b"---\nname: x\ndescription: y\n---\nBe brief.\n"
    [read, small] = [read_file(f"companies/c/agents/{name}", "b", data).objects for name in ("X.MD", "x.md")]
    assert [item.ref.name for item in read] == ["x"]
    assert [item.spec["prompt"] for item in read] == [item.spec["prompt"] for item in small]


def test_a_readme_declares_nothing_and_a_file_without_a_name_says_so() -> None:
    readme = "companies/codecraft/agents/README.md"
    assert record("# Agents\n", readme) == FileRecord(readme, "b", ())
    [problem] = record("---\ndescription: x\n---\nx").problems
    assert '"name"' in problem.message


def test_a_value_that_cannot_be_is_a_fault_at_the_files_beginning() -> None:
    [problem] = record("---\nname: a\nwrites: everything\n---\nx").problems
    assert str(problem).startswith(f"{PATH}:1:1: Agent/a: ")


@pytest.mark.parametrize("data", [b"\xff\xfe---", b"---\nname: \x1b[31m\n---\n", b"---\n: [\n---\n", b"---\n" * 9000])
def test_hostile_bytes_never_raise(data: bytes) -> None:
    for light in (True, False):
        found = read_file(PATH, "b", data, light=light)
        assert "\x1b" not in "".join(map(str, (*found.problems, *found.warnings)))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (PATH, True),
        ("companies/c/agents/sub/a.md", True),
        ("companies/c/agents/A.MD", True),
        ("companies/c/Agents/a.Md", True),
        ("manifests/tasks/one.YAML", True),
        ("companies/c/COMPANY.Yml", True),
        ("companies/c/README.md", False),
        ("manifests/agents/a.md", False),
        ("companies/c/skills/agents/a.md", False),
    ],
)
def test_agent_files_are_known_by_their_place(path: str, expected: bool) -> None:
    assert is_manifest(path) is expected


def test_front_matter_that_is_no_yaml_is_read_line_by_line() -> None:
    found = frontmatter.read("---\ndescription: Use when: a or b\n  and c\ntools:\n- Read\n- Grep\n---\nbody")
    assert found.text("description") == "Use when: a or b and c"
    assert found.words("tools") == ["Read", "Grep"]
    assert found.body == "body"
