"""What is kept of a conversation that grows too long, and what counts as going round in circles."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.execute import text
from reconciler.execute.agent import patterns, window
from reconciler.execute.backends.port import Call, Message

HEAD = (Message(role="system", text="You build."), Message(role="user", text="Write the page."))


def turn(number: int, results: list[int], thinking: int = 0) -> list[Message]:
    """An answer with a call for each result, whose lengths are given."""
    made = tuple(Call(id=f"{number}-{at}", name="read_file", arguments={"path": f"{at}"}) for at in range(len(results)))
    answers = [
        Message(role="tool", name="read_file", call=call.id, text="x" * length)
        for call, length in zip(made, results, strict=True)
    ]
    return [Message(role="assistant", calls=made, thinking="t" * thinking), *answers]


TURNS = st.lists(st.lists(st.integers(0, 4000), max_size=3), max_size=20)


@settings(max_examples=80, deadline=None)
@given(TURNS, st.integers(0, 8000), st.sampled_from([4096, 32_768]))
def test_shortened_it_fits_keeps_its_head_and_every_call_has_its_answer(
    sizes: list[list[int]], room: int, num_ctx: int
) -> None:
    messages = [*HEAD, *(message for number, results in enumerate(sizes) for message in turn(number, results))]
    shorter = window.shortened(messages, room, num_ctx)
    if shorter is None:
        assert room < window.total(HEAD) + 40
        return
    assert window.total(shorter) <= room
    assert shorter[0] == HEAD[0]
    assert shorter[1].text.startswith("Write the page.")
    assert not any(one.role == other.role == "user" for one, other in pairwise(shorter))
    asked = [call.id for message in shorter for call in message.calls]
    assert asked == [message.call for message in shorter if message.role == "tool"]


def test_shortening_twice_keeps_what_the_first_summary_said() -> None:
    messages = [*HEAD, *(message for number in range(8) for message in turn(number, [2000]))]
    once = window.shortened(messages, 1200, 4096)
    assert once is not None
    more = [*once, *(message for number in range(8, 16) for message in turn(number, [2000]))]
    twice = window.shortened(more, 1200, 4096)
    assert twice is not None
    said = "\n".join(message.text for message in twice)
    assert said.count("shortened because") == 1
    assert said.count("- read_file(path=0)") >= 10


def test_a_large_window_loses_the_oldest_results_first_and_keeps_the_latest_three_turns() -> None:
    messages = [*HEAD, *(message for number in range(10) for message in turn(number, [4000]))]
    shorter = window.shortened(messages, 8000, 32_768)
    assert shorter is not None
    lengths = [len(message.text) for message in shorter if message.role == "tool"]
    assert len(lengths) == 10
    assert lengths[0] < 300
    assert lengths[-3:] == [4000] * 3


@given(st.text(max_size=5000), st.integers(1000, 2000))
def test_a_capped_result_keeps_both_ends(result: str, limit: int) -> None:
    shown = text.both_ends(result, limit)
    assert len(shown) <= limit
    clean = text.clean(result)
    assert shown[:600] == clean[:600]
    assert shown[-300:] == clean[-300:]


def count(sent: int, read: int | None, new: int = 100, before: int | None = None) -> window.Count:
    return window.Count(sent=sent, new=new, read=read, before=before, num_ctx=8192)


@pytest.mark.parametrize(
    ("told", "cut"),
    [
        (count(5000, 5200), False),
        (count(5000, None), False),
        (count(5000, 4097), False),
        (count(5000, 2049), True),
        (count(7900, 7500), True),
        (count(5000, 120, before=5000), False),
        (count(5000, 4100, before=4900), True),
        (count(5000, 4900, before=4900), False),
        (count(160_000, 16_387), True),
    ],
)
def test_a_silent_cut_is_seen_and_a_cache_is_not_taken_for_one(told: window.Count, cut: bool) -> None:
    assert (window.lost(told) is not None) is cut


def did(call: str, result: str = "same", ok: bool = True, tool: str = "read_file") -> patterns.Done:
    return patterns.done(tool, {"path": call}, result, ok)


@pytest.mark.parametrize(
    ("history", "round_"),
    [
        ([did("a")] * 3, False),
        ([did("a")] * 4, True),
        ([did("b"), *[did("a")] * 4], True),
        ([*[did("a")] * 4, did("b")], False),
        ([did("a", str(number)) for number in range(9)], False),
        ([did("a"), did("b")] * 3, True),
        ([did("a"), did("b"), did("c")] * 3, False),
        ([did("a"), did("b", "1"), did("a"), did("b", "2"), did("a"), did("b", "3")], False),
        ([did(str(number), "no such file", ok=False) for number in range(3)], True),
        ([did(str(number), "no such file", ok=False) for number in range(2)], False),
        ([], False),
    ],
)
def test_circles_are_seen_only_where_nothing_changes(history: list[patterns.Done], round_: bool) -> None:
    assert (patterns.circle(history) is not None) is round_
