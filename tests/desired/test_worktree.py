"""Reading from disk never leaves the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.desired.worktree import read_worktree

GOOD = "apiVersion: alai.dev/v1\nkind: Task\nmetadata: {name: a}\nspec: {title: x}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outside.yaml").write_text(GOOD)
    (tmp_path / "factory/manifests/templates").mkdir(parents=True)
    (tmp_path / "factory/manifests/a.yaml").write_text(GOOD)
    (tmp_path / "factory/manifests/templates/b.yaml").write_text("{{")
    return tmp_path / "factory"


def test_all_manifests_below_the_roots_are_read(root: Path) -> None:
    [record] = read_worktree(root)
    assert record.path == "manifests/a.yaml"
    assert [str(item.ref) for item in record.objects] == ["Task/a"]
    assert record == read_worktree(root, ["manifests"])[0] == read_worktree(root, ["manifests/a.yaml"])[0]


@pytest.mark.parametrize("asked", ["../outside.yaml", "/etc/passwd", "manifests/../../outside.yaml", "nowhere", "a\0b"])
def test_paths_outside_or_missing_are_refused(root: Path, asked: str) -> None:
    [record] = read_worktree(root, [asked])
    assert not record.objects
    assert str(record.problems[0]).isprintable()


def test_links_and_special_files_are_refused(root: Path) -> None:
    (root / "manifests/l.yaml").symlink_to("../../outside.yaml")
    (root / "manifests/folder").symlink_to("../..")
    (root / "manifests/big.yaml").write_text("#" * (2 << 20))
    os.mkfifo(root / "manifests/pipe.yaml")
    found = {record.path: record for record in read_worktree(root)}
    assert set(found) == {f"manifests/{name}" for name in ("a.yaml", "l.yaml", "folder", "big.yaml", "pipe.yaml")}
    assert [path for path, record in found.items() if record.objects] == ["manifests/a.yaml"]
    [inside] = read_worktree(root, ["manifests/folder/outside.yaml"])
    assert "symbolic link" in inside.problems[0].message
