"""Regular expressions that manifests name cannot be kept busy by what they meet."""

from __future__ import annotations

import time

import pytest

from reconciler.model.pattern import backtracks, compiled


@pytest.mark.parametrize("pattern", ["(a+)+$", r"([a-z]+ )*x", r"((?:a|b+){2,})", r"(?:x*y?)*z"])
def test_a_repeated_repetition_is_refused_with_the_way_out(pattern: str) -> None:
    assert "repeats a repetition" in (backtracks(pattern) or "")


@pytest.mark.parametrize(
    "pattern", [r"(?>a+)+", r"(?:[a-z]++ )*+x", r"a+b+", r"(?=[^.]*\b(?i:box)\b)[A-Z][a-z ]{38,238}\."]
)
def test_what_gives_nothing_back_is_fine(pattern: str) -> None:
    assert backtracks(pattern) is None


def test_a_pattern_of_the_policy_is_matched_in_linear_time_whatever_it_says() -> None:
    began = time.process_time()
    assert compiled("(a+)+$").search("a" * 100_000 + "b") is None
    assert time.process_time() - began < 1
    assert compiled(r"\bT-\d+").sub("x", "T-1 aT-2") == "x aT-2"


@pytest.mark.parametrize("pattern", ["(", r"(?<=a)b", r"(a)\1"])
def test_what_has_no_linear_form_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        compiled(pattern)
