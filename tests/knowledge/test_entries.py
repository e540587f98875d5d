from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.knowledge.entry import MAX_TEXT, TYPES, Entry, Malformed, parse, render

words = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=30).map(str.strip)


@given(
    st.builds(
        Entry,
        source=words.filter(bool),
        text=words.filter(bool),
        type=st.sampled_from(TYPES),
        company=words,
        domain=words,
        tags=st.lists(words.filter(bool), max_size=4).map(tuple),
        task=words,
        product=words,
        created=st.integers(0, 4_000_000_000).map(float),
        path=st.just("knowledge/bento/x-1.md"),
    )
)
def test_an_entry_survives_being_written_and_read(entry: Entry) -> None:
    assert parse(entry.path, render(entry)) == entry


def test_text_is_cut_to_what_an_entry_may_hold() -> None:
    entry = Entry(source="a", text="x" * (MAX_TEXT + 100))
    assert len(parse("p", render(entry)).text) == MAX_TEXT


def test_front_matter_written_by_a_person_is_read() -> None:
    text = (
        b"---\r\nsource: alem\r\ntype: alert\r\ntags: auth, jwt\r\ncreated: 2026-06-23\r\n---\r\nRotate the keys.\r\n"
    )
    entry = parse("knowledge/_/keys.md", text)
    assert (entry.source, entry.type, entry.tags, entry.text) == ("alem", "alert", ("auth", "jwt"), "Rotate the keys.")
    assert entry.created == 1782172800


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no front matter",
        b"---\n- a\n---\ntext",
        b"---\nsource: [\n---\ntext",
        b"---\nsource: a\ntype: gossip\n---\ntext",
        b"---\nsource: a\n---\n",
        b"---\ntype: alert\n---\ntext",
        b"---\nsource: {a: b}\n---\ntext",
        b"---\nsource: a\ntags: {a: b}\n---\ntext",
        b"---\nsource: a\ncreated: soon\n---\ntext",
        b"---\nsource: a\ncreated: 2026-13-45\n---\ntext",
        b"---\nsource: !!python/object/apply:os.system [id]\n---\ntext",
        b"---\nsource: " + b"[" * 3000 + b"\n---\ntext",
        b"---\nsource: a\n---\n\xff\xfe",
        b"---\nsource: a\n---\n" + b"x" * 100_000,
    ],
)
def test_what_is_no_entry_is_refused_with_one_kind_of_error(data: bytes) -> None:
    with pytest.raises(Malformed, match=r"^some/path\.md: "):
        parse("some/path.md", data)


@given(
    st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"---\n{text}\n---\nbody".encode(errors="replace"))
)
def test_no_bytes_make_the_reader_fail_in_another_way(data: bytes) -> None:
    try:
        parse("p", data)
    except Malformed:
        return
