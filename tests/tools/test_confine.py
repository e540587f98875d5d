"""A builder's commands: what mounts close, and what is put back where no mount can."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.execute.guard import LARGEST, Guard
from reconciler.execute.mounts import Mounts, mounts
from reconciler.execute.sandbox import Sandbox
from reconciler.model.spec import Paths
from tests.execute.conftest import Repo
from tests.tools.conftest import Desk, Sit


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], Mounts()),
        ([Paths(allow=("app/**",))], Mounts(writable=("app",))),
        ([Paths(allow=("app/",))], Mounts(writable=("app",))),
        ([Paths(allow=("README.md", "new/**"))], Mounts(writable=("README.md", "new"))),
        ([Paths(allow=("new.md",))], Mounts(sure=False)),
        ([Paths(allow=("app/*.py",))], Mounts(writable=("app",), sure=False)),
        ([Paths(allow=("**/*.py",))], Mounts(sure=False)),
        ([Paths(allow=("**",)), Paths(allow=("app/**", "docs/**"))], Mounts(writable=("app", "docs"))),
        ([Paths(allow=("app/**",)), Paths(allow=("docs/**",))], Mounts(writable=())),
        ([Paths(forbid=("app/**",))], Mounts(closed=("app",))),
        ([Paths(forbid=("app/main.py",))], Mounts(closed=("app/main.py",), sure=False)),
        ([Paths(allow=("app/**",), forbid=("app/main.py",))], Mounts(writable=("app",), closed=("app/main.py",))),
        ([Paths(forbid=("infra/**",))], Mounts(sure=False)),
        ([Paths(forbid=("**/*.lock",))], Mounts(sure=False)),
        ([Paths(allow=("app/**",), forbid=("infra/**",))], Mounts(writable=("app",))),
        ([Paths(forbid=("**",))], Mounts(writable=())),
        ([Paths(allow=("link/**",))], Mounts(writable=())),
        ([Paths(allow=(".git/**", "../x/**"))], Mounts(writable=())),
    ],
)
def test_rules_become_mounts_as_far_as_mounts_can_say_them(product: Repo, rules: list[Paths], expected: Mounts) -> None:
    (product.path / "link").symlink_to("/etc")
    assert mounts(product.path, rules) == expected


def write(desk: Desk, *places: str) -> set[str]:
    """Which of these a command could really change for good."""
    root = desk.work.root
    desk("run_command", command="; ".join(f"mkdir -p $(dirname {place}); echo new > {place}" for place in places))
    return {place for place in places if (root / place).is_file() and (root / place).read_text() == "new\n"}


PLACES = ("app/main.py", "app/deep/new.py", "README.md", "infra/x", "app/yarn.lock", "top.py")


@pytest.mark.parametrize("kind", ["bubblewrap", "plain"])
@pytest.mark.parametrize(
    ("rules", "writable"),
    [
        (Paths(allow=("app/**",)), {"app/main.py", "app/deep/new.py", "app/yarn.lock"}),
        (Paths(allow=("README.md",)), {"README.md"}),
        (Paths(allow=("**/*.py",)), {"app/main.py", "app/deep/new.py", "top.py"}),
        (Paths(forbid=("app/**", "infra/**")), {"README.md", "top.py"}),
        (Paths(forbid=("**/*.lock", "README.md")), {"app/main.py", "app/deep/new.py", "infra/x", "top.py"}),
    ],
)
def test_commands_change_what_the_rules_allow_and_nothing_else(
    sit: Sit, rules: Paths, writable: set[str], kind: str
) -> None:
    desk = sit(paths=rules)
    if kind == "plain":
        desk.work.sandbox = Sandbox.plain()
    before = (desk.work.root / "README.md").read_text()
    assert write(desk, *PLACES) == writable
    if "README.md" not in writable:
        assert (desk.work.root / "README.md").read_text() == before
    assert len(desk.work.transcript) == 1


def test_a_folder_moved_away_from_over_a_forbidden_one_comes_back(sit: Sit, product: Repo) -> None:
    product.commit({"app/keys/a": "old"})
    desk = sit(paths=Paths(forbid=("app/keys/**",)))
    script = "mv app gone && mkdir -p app/keys && echo new > app/keys/a && echo x > app/keys/b"
    done = desk("run_command", command=script)
    assert done.refused
    assert "[undone: app/keys/a: forbidden by app/keys/**]" in done.text
    assert (product.path / "app/keys/a").read_text() == "old"
    assert not (product.path / "app/keys/b").exists()
    assert {refusal.what for refusal in desk.work.refusals} >= {"app/keys/a", "app/keys/b"}


def test_what_was_put_aside_comes_back_whatever_took_its_place(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "a/b").mkdir(parents=True)
    for name in ("a/b/file", "a/gone", "kept"):
        (root / name).write_text(name)
    (root / "run").write_text("x")
    (root / "run").chmod(0o755)
    (root / "link").symlink_to("kept")
    guard = Guard(root, [""], tmp_path / "aside", lambda path: None if path == "free" else "closed")
    (root / "a/gone").unlink()
    (root / "a/b/file").unlink()
    (root / "a/b").rmdir()
    (root / "a/b").symlink_to("/etc")
    (root / "link").unlink()
    (root / "link").mkdir()
    (root / "run").chmod(0o644)
    (root / "free").write_text("free")
    (root / "new").write_text("new")
    undone = dict(guard.restore())
    assert set(undone) == {"a/b", "a/b/file", "a/gone", "link", "run", "new"}
    assert (root / "a/b/file").read_text() == "a/b/file"
    assert not (root / "a/b").is_symlink()
    assert (root / "link").readlink() == Path("kept")
    assert (root / "run").stat().st_mode & 0o777 == 0o755
    assert (root / "free").exists()
    assert not (root / "new").exists()
    assert not Path("/etc/file").exists()


def test_more_than_can_be_watched_is_thrown_away(sit: Sit, product: Repo) -> None:
    desk = sit(paths=Paths(allow=("**/*.py",)))
    with (product.path / "other").open("wb") as file:
        file.truncate(LARGEST + 1)
    assert desk("run_command", command="echo new > x.py && cat x.py").refused
    assert not (product.path / "x.py").exists()
    assert "thrown away" in desk.work.refusals[0].why
