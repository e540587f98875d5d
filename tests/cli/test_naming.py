"""What `add` makes of any title: a name, a subject of one short line, and the title letter for letter."""

from __future__ import annotations

import re

import pytest

from tests.e2e.factory import TinyFactory

QUALITY = """
apiVersion: alai.dev/v1
kind: QualityGate
metadata: {name: strict}
spec: {threshold: 1, points: [{id: readable, proves: It can be read., check: syntax}]}
"""
TITLES = [
    "Write the thing",
    "A very long title " * 16,
    "日本語のタイトル",
    "🚀 !!!",
    "../../etc/passwd",
    "--help me: [it] {is} #broken & 'quoted' \"twice\" | > - yes",
    "null",
    "  spaces around  ",
    "$(touch pwned) `touch pwned` %s {title} {PRODUCT}",
    "CON",
    "Überprüfe Größe",
]


@pytest.mark.parametrize("title", TITLES)
def test_any_title_becomes_a_task_with_a_lawful_name(title: str, factory: TinyFactory) -> None:
    factory.ok("add", "--", title)
    factory.ok("add", "-p", "L", "--", title)
    rows = factory.json("list", "tasks")
    assert [row["title"] for row in rows] == [title, title]
    names = {row["name"] for row in rows}
    assert len(names) == 2
    assert all(re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name) and len(name) <= 63 for name in names)
    assert {row["priority"] for row in rows} == {"M", "L"}
    assert max(len(line) for line in factory.git("log", "--format=%s").splitlines()) <= 72
    assert sorted(path.stem for path in (factory.root / "manifests/tasks").iterdir()) == sorted(names)
    assert factory.git("status", "--porcelain") == ""


def test_a_title_of_nothing_is_refused(factory: TinyFactory) -> None:
    for title in ("", "   ", "\n"):
        assert factory.cli("add", title).returncode == 1
    done = factory.cli("add", "x" * 400)
    assert done.returncode == 1
    assert "title: xxx" in done.stderr
    assert factory.tasks() == {}


def test_the_longest_title_goes_all_the_way(factory: TinyFactory) -> None:
    factory.task("long", ("BLOCKER " * 40)[:300].strip())
    factory.commit()
    factory.ok("apply")
    rows = factory.tasks()
    assert {row["phase"] for row in rows.values()} == {"done", "rejected"}
    assert max(len(line) for line in factory.git("log", "--format=%s").splitlines()) <= 72
    factory.ok("validate")
    factory.ok("rebuild", "--check")


def test_every_kind_can_be_listed_and_shown_however_it_is_spelled(factory: TinyFactory) -> None:
    path = factory.root / "manifests/quality.yaml"
    path.write_text(QUALITY)
    factory.git("add", ".")
    factory.git("commit", "-qm", "Judge")
    assert [row["name"] for row in factory.json("list", "qualitygates")] == ["strict"]
    assert [row["name"] for row in factory.json("list", "policies")] == ["default"]
    for name in ("QualityGate/strict", "qualitygate/strict"):
        assert factory.json("show", name)["kind"] == "QualityGate"
    assert "qualitygates" in factory.cli("list", "things").stderr
