"""`docs/security.md`: each of its promises names the test that holds it, in one form, and that test is there."""

from __future__ import annotations

import re

import pytest

from tests.docs.readme import ROOT
from tests.real import switched_off

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
TESTS = ROOT / "tests"
NO_PROMISES = ("Whom it trusts", "What is not protected yet")
_NAMED = re.compile(r"\(tests?: ([^)]*)\)")
_NAME = r"`[\w/]+\.py(?:::test_\w+)?`"
_FORM = re.compile(f"{_NAME}(?:, {_NAME})*")


def promises() -> list[str]:
    """Each item of a list, and each table with the paragraph before it, on one line."""
    found: list[str] = []
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        if heading in NO_PROMISES:
            continue
        before = ""
        for block in re.split(r"\n\n+", text.strip()):
            found += re.split(r"\n(?=- )", block) if block.startswith("- ") else []
            found += [f"{before} {block}"] if block.startswith("|") else []
            before = block
    return [" ".join(promise.split()) for promise in found]


def names() -> list[str]:
    """What stands behind `tests:`, in any sentence of the page."""
    return [found[1] for found in _NAMED.finditer(" ".join(PAGE.split()))]


@pytest.mark.parametrize("promise", promises(), ids=lambda promise: promise[:60])
def test_every_promise_names_a_test(promise: str) -> None:
    assert _NAMED.search(promise), promise


@pytest.mark.parametrize("named", sorted(set(names())))
def test_what_is_named_is_there(named: str) -> None:
    assert _FORM.fullmatch(named), f"not in the form of the others: {named}"
    for name in re.findall(r"`([^`]+)`", named):
        file, _, test = name.partition("::")
        assert (TESTS / file).is_file(), file
        assert not test or re.search(rf"^def {test}\b", (TESTS / file).read_text(encoding="utf-8"), re.MULTILINE), name


def test_the_page_is_read_as_it_is_written() -> None:
    assert len(promises()) > 30
    assert len(names()) > 40


def test_each_row_of_what_is_switched_off_still_fits_the_code() -> None:
    rows = switched_off.rows()
    assert len(rows) > 80
    for row in rows:
        text = (ROOT / row.file).read_text(encoding="utf-8")
        assert text.count(row.old) == 1, f"{row.promise}: {row.file} holds this {text.count(row.old)} times: {row.old}"
        file, _, test = row.test.partition("::")
        body = (TESTS / file).read_text(encoding="utf-8")
        assert f"def {test.partition('[')[0]}(" in body if test else body, row.test
