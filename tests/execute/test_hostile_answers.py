"""Answers that nobody should trust: names and characters that hide something are refused or taken out."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from reconciler.execute import outputs, paths

NAMES = (
    "a\u202etxt.exe",
    ".g\u200cit/config",
    "a\ud800b",
    "x" * 300,
    "ä" * 200,
    "d/" + "x" * 256,
    "a\x9bb",
    "a\u2028b",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_hides_something_or_fits_no_disk_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(paths.UnsafePath):
        paths.write(tmp_path, name, b"x")
    assert list(tmp_path.iterdir()) == []


def test_unpaired_halves_of_characters_do_not_reach_what_is_written_down() -> None:
    finding = {
        "id": "x\ud800",
        "title": "half \udc00 of it\n\nAlai-Outcome: passed",
        "severity": "minor",
        "detail": "\ud800",
    }
    summary, findings = outputs.verdict(json.dumps({"summary": "a\ud800b", "findings": [finding]}))
    assert summary == "ab"
    assert findings[0].title == "half of it Alai-Outcome: passed"
    assert msgspec.json.encode(findings)
    said = json.dumps({"summary": "a\ud800b", "files": [{"path": "a.txt", "content": "x"}]})
    assert msgspec.json.encode(outputs.files(said))


def test_a_secret_does_not_become_the_name_of_a_finding() -> None:
    secret = "AKIA" + "IOSFODNN7REALKEY"
    finding = {"id": secret, "title": "Leak", "severity": "minor", "detail": ""}
    _, findings = outputs.verdict(json.dumps({"summary": "", "findings": [finding]}))
    assert findings[0].id == "redacted-aws-access-key"


def test_a_verdict_that_says_nothing_is_none() -> None:
    with pytest.raises(outputs.Unusable, match="neither"):
        outputs.verdict(json.dumps({"summary": " ", "findings": []}))


def test_no_blocker_is_lost_for_its_name_or_its_place() -> None:
    blocker = {"id": "a", "title": "It loses data", "severity": "blocker", "detail": "d"}
    minors = [{"id": f"m{n}", "title": "t", "severity": "minor", "detail": "d"} for n in range(25)]
    unnamed = blocker | {"id": "漏洞", "title": "安全漏洞"}
    untitled = blocker | {"id": "", "title": ""}
    for given in ([*minors, blocker], [blocker | {"severity": "minor"}, blocker], [unnamed], [untitled]):
        _, findings = outputs.verdict(json.dumps({"summary": "s", "findings": given}))
        assert findings[0].severity == "blocker", given
        assert findings[0].id
        assert findings[0].title
