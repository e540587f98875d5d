"""Arguments as models write them: what is made of them, and what is never made up."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.execute.agent.repair import FormatError, arguments, plain, read

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "file_path": {"type": "string"},
        "line": {"type": "integer"},
        "ratio": {"type": "number"},
        "all": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "level": {"type": "string", "enum": ["Low", "High"]},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"id": {"type": "string"}, "count": {"type": "integer"}},
                "required": ["id"],
            },
        },
        "about": {"type": "object", "properties": {"who": {"type": "string"}}},
    },
    "required": ["file_path"],
}


@pytest.mark.parametrize(
    "raw",
    [
        {"file_path": "a"},
        '{"file_path": "a"}',
        '"{\\"file_path\\": \\"a\\"}"',
        '```json\n{"file_path": "a"}\n```',
        '{"file_path": "a",}',
        '[{"file_path": "a"}]',
        '{"file_path": "a"}}',
        '{"file_path": "a"}"',
        "{'file_path': 'a'}",
        {"filePath": "a"},
        {"File-Path": "a", "line": None},
    ],
)
def test_the_ladder_reads_what_was_meant(raw: dict[str, Any] | str) -> None:
    assert arguments(raw, SCHEMA) == {"file_path": "a"}


def test_a_comma_inside_a_text_stays_and_a_line_break_inside_a_text_is_let_through() -> None:
    assert arguments('{"file_path": "a,}\nb,]",}', SCHEMA) == {"file_path": "a,}\nb,]"}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"line": "3"}, {"line": 3}),
        ({"line": 3.0}, {"line": 3}),
        ({"ratio": "0.5"}, {"ratio": 0.5}),
        ({"all": "True"}, {"all": True}),
        ({"all": 0}, {"all": False}),
        ({"tags": '["a", "b"]'}, {"tags": ["a", "b"]}),
        ({"tags": "a"}, {"tags": ["a"]}),
        ({"tags": [1, "b"]}, {"tags": ["1", "b"]}),
        ({"level": "high "}, {"level": "High"}),
        ({"items": '[{"id": "x", "count": "2"}]'}, {"items": [{"id": "x", "count": 2}]}),
        ({"about": "{'who': 'me'}"}, {"about": {"who": "me"}}),
        ({"more": 1}, {"more": 1}),
    ],
)
def test_values_are_rewritten_to_the_type_that_the_schema_asks_for(given: dict[str, Any], wanted: Any) -> None:
    assert arguments({"file_path": "a", **given}, SCHEMA) == {"file_path": "a", **wanted}


def test_an_object_given_for_a_text_becomes_its_json() -> None:
    assert arguments({"file_path": {"a": 1}}, SCHEMA) == {"file_path": '{\n  "a": 1\n}'}


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("write it", "not a JSON object"),
        ("", "`file_path` is missing"),
        ('{"file_path": "a', "not a JSON object"),
        ("[1, 2]", "not a JSON object"),
        ({}, "`file_path` is missing"),
        ({"file_path": None}, "`file_path` must be string"),
        ({"file_path": "a", "line": "three"}, "`line` must be integer"),
        ({"file_path": "a", "line": True}, "`line` must be integer"),
        ({"file_path": "a", "level": "middle"}, "`level` must be one of"),
        ({"file_path": "a", "items": [{"count": 1}]}, "`items[0].id` is missing"),
    ],
)
def test_what_cannot_be_read_is_explained_with_the_schema(raw: dict[str, Any] | str, why: str) -> None:
    with pytest.raises(FormatError) as trouble:
        arguments(raw, SCHEMA)
    assert why in str(trouble.value)
    assert '"file_path"' in str(trouble.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from([*SCHEMA["properties"], "filePath", "file-path", "x"])
OBJECTS = st.dictionaries(KEYS, JSON, max_size=5)
SPELLED = OBJECTS.map(json.dumps)
CUT = st.tuples(SPELLED, st.integers(0, 200)).map(lambda pair: pair[0][: pair[1]])


@settings(max_examples=120, deadline=None)
@given(OBJECTS | SPELLED | CUT | st.text() | st.text(alphabet="{}[]'\",:\\ntrue1", max_size=60))
def test_nothing_but_a_format_error_is_ever_raised_and_nothing_required_is_made_up(raw: dict[str, Any] | str) -> None:
    try:
        fitted = arguments(raw, SCHEMA)
    except FormatError:
        return
    given = read(raw)
    assert given is not None
    mine = [value for key, value in given.items() if plain(key) == "filepath"]
    assert isinstance(fitted["file_path"], str)
    assert any(value == fitted["file_path"] or not isinstance(value, str) for value in mine)
    known = {plain(key) for key in given}
    assert all(plain(key) in known for key in fitted)


def test_nesting_without_end_is_an_error_like_any_other() -> None:
    for raw in ("[" * 100_000, '{"a":' * 100_000, "{'a':" * 5_000, "(" * 10_000):
        with pytest.raises(FormatError):
            arguments(raw, SCHEMA)


def test_arguments_longer_than_anybody_means_them_are_not_read() -> None:
    with pytest.raises(FormatError, match="longer than 2000000 characters"):
        arguments('{"content": "' + "x" * 2_000_000 + '"}', {"type": "object"})
