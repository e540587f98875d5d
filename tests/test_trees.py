"""Trees that an agent shaped to be in the way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler import trees
from reconciler.execute import paths


def deep(root: Path, levels: int) -> None:
    """Folders in each other, and a file in the last."""
    root.mkdir(parents=True)
    code = f"import os; os.chdir({str(root)!r})\nfor _ in range({levels}): os.mkdir('d'); os.chdir('d')\nopen('f','w')"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_tree_of_many_thousand_levels_is_removed(tmp_path: Path) -> None:
    deep(tmp_path / "t", 20_000)
    assert trees.remove(tmp_path / "t") is None
    assert not os.path.lexists(tmp_path / "t")


def test_removing_follows_no_link_and_leaves_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/one").write_text("x")
    (tmp_path / "t/inner").mkdir(parents=True)
    (tmp_path / "t/link").symlink_to(tmp_path / "photos")
    (tmp_path / "t/inner/link").symlink_to(tmp_path / "photos")
    assert trees.remove(tmp_path / "t") is None
    (tmp_path / "itself").symlink_to(tmp_path / "photos")
    assert trees.remove(tmp_path / "itself") is None
    assert (tmp_path / "photos/one").read_text() == "x"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos"]


@pytest.mark.parametrize("mode", [0o000, 0o100, 0o200, 0o400, 0o500])
def test_closed_folders_are_removed_the_top_one_too(tmp_path: Path, mode: int) -> None:
    script = f"""
import os, sys
from pathlib import Path
from reconciler import trees
if os.getuid() == 0:
    os.chown({str(tmp_path)!r}, 65534, 65534)
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
os.makedirs("t/a/b"); Path("t/a/b/f").touch()
for name in ("t/a/b", "t/a", "t"): os.chmod(name, {mode})
sys.exit(trees.remove(Path("t")))
"""
    root = tmp_path
    while root != root.parent and os.getuid() == 0 and not root.stat().st_mode & 0o001:
        root.chmod(root.stat().st_mode | 0o011)
        root = root.parent
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, env={"PYTHONPATH": str(Path.cwd())})
    assert not (tmp_path / "t").exists()


def test_names_that_are_not_utf_8_are_walked_copied_and_removed(tmp_path: Path) -> None:
    name = os.fsdecode(b"b\377\376.md")
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / name).write_text("x")
    assert list(trees.walk(tmp_path / "t")) == [("", [], [name])]
    trees.copy(tmp_path / "t", tmp_path / "copy")
    assert (tmp_path / "copy" / name).read_text() == "x"
    assert trees.remove(tmp_path / "t") is None
    assert trees.shown(name) == "b\\xff\\xfe.md"


def test_what_cannot_be_removed_is_named_in_one_line_and_the_rest_goes(tmp_path: Path) -> None:
    if os.getuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "x", str(_made(tmp_path / "t/a/busy"))]).returncode:
        pytest.skip("needs a mount in the way")
    try:
        (tmp_path / "t/a/goes").touch()
        said = trees.remove(tmp_path / "t")
    finally:
        subprocess.run(["umount", "-l", next(str(p) for p in tmp_path.rglob("busy"))], check=True)
    assert said is not None
    assert "busy" in said
    assert "\n" not in said
    assert not list(tmp_path.rglob("goes"))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def test_a_copy_of_a_deep_tree_has_links_as_links_and_leaves_pipes_out(tmp_path: Path) -> None:
    deep(tmp_path / "t", 1_500)
    (tmp_path / "t/.git").mkdir()
    (tmp_path / "t/link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "t/pipe")
    (tmp_path / "t/run").write_text("x")
    (tmp_path / "t/run").chmod(0o755)
    trees.copy(tmp_path / "t", tmp_path / "copy", leave={".git"})
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == ["d", "link", "run"]
    assert (tmp_path / "copy/link").readlink() == Path("/etc/passwd")
    assert (tmp_path / "copy/run").stat().st_mode & 0o777 == 0o755
    assert len(list(trees.walk(tmp_path / "copy"))) == 1_501
    for name in ("t", "copy"):
        assert trees.remove(tmp_path / name) is None


def test_removing_what_is_not_there_says_nothing(tmp_path: Path) -> None:
    assert trees.remove(tmp_path / "none") is None
    assert trees.remove(tmp_path / "no/none") is None


def test_a_linked_copy_holds_the_same_files_and_what_is_replaced_in_it_changes_nothing_else(tmp_path: Path) -> None:
    work, made = tmp_path / "work", tmp_path / "made"
    (work / "a/b").mkdir(parents=True)
    (work / "a/b/program").write_text("one")
    (work / "a/b/program").chmod(0o755)
    (work / "link").symlink_to("a/b/program")
    trees.copy(work, made, linked=True)
    assert (made / "a/b/program").samefile(work / "a/b/program")
    assert (made / "link").readlink() == Path("a/b/program")
    paths.write(made, "a/b/program", b"two")
    assert ((work / "a/b/program").read_text(), (made / "link").read_text()) == ("one", "two")
    assert trees.remove(made) is None
    assert (work / "a/b/program").read_text() == "one"
