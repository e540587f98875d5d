"""Calls printed as text: which are taken for calls, and which stay talk."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.execute.agent.spoken import calls

KNOWN = ("read_file", "write_file")


@pytest.mark.parametrize(
    "said",
    [
        '{"name": "read_file", "arguments": {"path": "a"}}',
        '{"name": "read_file", "parameters": {"path": "a"}}',
        '{"type": "function", "function": {"name": "read_file", "arguments": {"path": "a"}}}',
        '```json\n{"name": "read_file", "arguments": {"path": "a"}}\n```',
        'First I look.\n\n```\n{"name": "read_file", "arguments": {"path": "a"}}\n```',
        '<tool_call>{"name": "read_file", "arguments": {"path": "a"}}</tool_call>',
        'I look.\n<tool_call>\n{"name": "read_file", "arguments": {"path": "a"}}',
        "<function=read_file>\n<parameter=path>\na\n</parameter>\n</function>",
        "<function=read_file><parameter=path>a</parameter></function>\n</tool_call>",
    ],
)
def test_whole_calls_of_known_tools_are_taken(said: str) -> None:
    assert [(call.name, call.arguments) for call in calls(said, KNOWN)] == [("read_file", {"path": "a"})]


def test_several_blocks_are_several_calls_and_a_value_keeps_its_lines() -> None:
    said = (
        '<tool_call>{"name": "read_file", "arguments": {"path": "a"}}</tool_call>\n<tool_call><function=write_file>'
        "<parameter=path>b</parameter>\n<parameter=content>\nif x:\n    y\n</parameter></function></tool_call>"
    )
    assert [(call.name, call.arguments) for call in calls(said, KNOWN)] == [
        ("read_file", {"path": "a"}),
        ("write_file", {"path": "b", "content": "if x:\n    y"}),
    ]


@pytest.mark.parametrize(
    "said",
    [
        "",
        "I will call read_file.",
        '{"name": "rm", "arguments": {}}',
        '{"name": "read_file"}',
        '{"name": "read_file", "arguments": {"path": "a"}, "why": "because"}',
        'Use {"name": "read_file", "arguments": {"path": "a"}} for that.',
        '{"name": "read_file", "arguments": {"path": "a"}} and then {"name": "read_file", "arguments": {}}',
        '```json\n{"name": "read_file", "arguments": {"path": "a"}}\n```\nThat is how one would do it.',
        '```json\n{"a": 1}\n```\n```json\n{"name": "read_file", "arguments": {"path": "a"}}\n```',
        '<tool_call>{"name": "rm", "arguments": {}}</tool_call>'
        '<tool_call>{"name": "read_file", "arguments": {"path": "a"}}</tool_call>',
        "<tool_call>read_file a</tool_call>",
        '{"package": {"name": "read_file"}}',
    ],
)
def test_everything_else_is_talk(said: str) -> None:
    assert calls(said, KNOWN) == ()


@given(st.text() | st.text(alphabet='{}<>=/"`name argumets:_file\n', max_size=80))
def test_no_text_makes_it_fall_over(said: str) -> None:
    assert all(call.name in KNOWN for call in calls(said, KNOWN))
