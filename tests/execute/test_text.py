"""Words of models and strangers: what is kept of them, and what is taken off."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.execute import answers, text


@pytest.mark.parametrize(
    ("said", "answer", "thoughts"),
    [
        ("Sure. <think>a</think>It works.", "Sure. It works.", "a"),
        ("<thinking>a</thinking>It works.", "It works.", "a"),
        ("a</think>It <think>b</think>works.", "It works.", "b\na"),
        ("It works.<THINK>and now", "It works.", "and now"),
    ],
)
def test_thoughts_are_parted_from_what_is_said_and_nothing_else_goes_with_them(
    said: str, answer: str, thoughts: str
) -> None:
    assert answers.divided(said) == (answer, thoughts)


@given(st.text(max_size=3000), st.integers(300, 2000))
def test_both_ends_fit_the_limit_and_cutting_twice_changes_nothing(said: str, limit: int) -> None:
    shown = text.both_ends(said, limit, ": ask for less")
    assert len(shown) <= limit
    assert text.both_ends(shown, limit) == shown
    clean = text.clean(said)
    assert shown[:100] == clean[:100]
    assert shown[-80:] == clean[-80:]


def test_a_control_character_parts_words_and_a_hidden_one_does_not() -> None:
    assert text.line("out of\x1b[31m memory pass\u200bword") == "out of memory password"
