"""Product repositories that nobody should trust, all in one `apply`: nothing of theirs runs here, each ends by name."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.e2e.factory import TinyFactory, git, repository
from tests.git.armed import ATTRIBUTES, arm, canary


def product(factory: TinyFactory, name: str) -> Path:
    """A product with one file and one task that works on it."""
    folder = factory.folder / "products" / name
    repository(folder)
    (folder / "README.md").write_text("# A product\n")
    commit(folder)
    factory.task(name, f"Write {name}", product={"repository": f"../products/{name}", "branch": "main"})
    return folder


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "change")


def armed(factory: TinyFactory) -> tuple[Path, Path]:
    """A product that names every program that git can be told to run, and the mark that such a program would leave."""
    folder = product(factory, "armed")
    (folder / ".gitattributes").write_text(ATTRIBUTES)
    (folder / "id.txt").write_text("$Id$ $Format:%H$\n")
    commit(folder)
    borrowed = factory.folder / "borrowed.git"
    git(factory.folder, "clone", "-q", "--bare", "--no-local", str(folder), str(borrowed))
    (factory.folder / "arms").mkdir()
    mark = canary(factory.folder / "arms")
    arm(folder, factory.folder / "arms")
    (folder / ".git/objects/info/alternates").write_text(f"{borrowed}/objects\n")
    return folder, mark


def test_no_command_starts_what_a_product_names(factory: TinyFactory) -> None:
    folder, mark = armed(factory)
    factory.commit()
    with (factory.root / ".git/config").open("a") as config:
        config.write((folder / ".git/config").read_text())
    looking = (["validate"], ["diff"], ["route", "Fix it"], ["status"], ["fleet"], ["explain", "armed"], ["verify"])
    for words in looking:
        factory.cli(*words)
        assert not mark.exists(), (words, mark.read_text())
    factory.ok("apply", "--timeout", "60s")
    assert (folder / "work/armed.txt").is_file()  # it is merged into what is checked out
    for words in (["diff"], ["gate", "check", "armed"], ["show", "armed"], ["verify"], ["rebuild", "--check"]):
        done = factory.cli(*words)
        assert "Traceback" not in done.stderr
        assert not mark.exists(), (words, mark.read_text())
    new = factory.folder / "new"
    made = factory.cli("init", str(new), "--product", str(folder))
    assert made.returncode == 0, made.stderr
    factory.cli("minion", "run", "Write it down", "--project", str(folder), timeout=60)
    assert not mark.exists(), mark.read_text()


def test_hostile_products_run_nothing_and_end_by_name(factory: TinyFactory) -> None:
    away = factory.folder / "away"
    away.mkdir()
    where, mark = armed(factory)
    odd = product(factory, "odd-names")
    for name in (b"new\nline", b"b\xff", b"-rf", b"--help", b"\x1b[31m", b'"q"', b"a\tb", "\u202e".encode()):
        Path(os.fsdecode(os.fsencode(odd) + b"/" + name)).write_text("x")
    commit(odd)
    links = product(factory, "links")
    (links / "work").symlink_to(away, target_is_directory=True)
    commit(links)
    modules = product(factory, "modules")
    git(modules, "update-index", "--add", "--cacheinfo", f"160000,{factory.head},sub")
    (modules / ".gitmodules").write_text(
        f'[submodule "sub"]\n path=sub\n url=ext::sh -c "touch {mark}"\n update=!touch {mark}\n'
    )
    git(modules, "add", ".gitmodules")
    git(modules, "commit", "-qm", "a submodule")
    git(product(factory, "elsewhere"), "config", "core.worktree", str(away))
    shutil.rmtree(product(factory, "unborn") / ".git")
    git(factory.folder / "products/unborn", "init", "-q", "-b", "main")
    gone = product(factory, "deleted")
    git(gone, "checkout", "-q", "--detach")
    git(gone, "branch", "-q", "-D", "main")
    inner = product(factory, "enclosed")
    shutil.rmtree(inner / ".git")
    outside = factory.folder.parent / "outside"
    shutil.move(product(factory, "escaping"), outside)
    (factory.folder / "products/escaping").symlink_to(outside)
    for path in (product(factory, "corrupt") / ".git/objects").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(b"garbage")
    shutil.rmtree(product(factory, "missing"))
    bare = product(factory, "bare")
    git(factory.folder, "clone", "-q", "--bare", str(bare), "bare.git")
    shutil.rmtree(bare)
    (factory.folder / "bare.git").rename(bare)
    factory.task("itself", "Write itself", product={"repository": ".", "branch": "main"})
    factory.task("option", "Write option", product={"repository": "../products/bare", "branch": "--output=x"})
    factory.edit("manifests/policy.yaml", "attempts: 3", "attempts: 1")
    written = factory.cli("validate", "--worktree")
    if written.returncode:  # a branch that git would take for an option may be refused as early as this
        assert "option" in written.stderr
        (factory.root / "manifests/tasks/option.yaml").unlink()
    factory.commit()

    done = factory.cli("apply", "--timeout", "100s")
    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode == 4, done.stdout + done.stderr
    assert not {character for character in done.stdout + done.stderr if character != "\n"} & set("\x1b\x07\x9b\u202e")
    assert not mark.exists(), mark.read_text()
    assert list(away.iterdir()) == []
    assert subprocess.run(["git", "log", "-1", "--format=%s"], cwd=outside, capture_output=True).stdout == b"change\n"
    said = done.stdout.splitlines()
    rows = factory.tasks()
    for name in ("bare", "odd-names", "armed", "elsewhere"):
        assert rows[name]["phase"] == "done", rows[name]["message"]
        assert rows[f"{name}-review"]["phase"] == "done", rows[f"{name}-review"]["message"]
    assert (where / "id.txt").read_text() == "$Id$ $Format:%H$\n"
    expected = {
        "unborn": "no commit",
        "deleted": "no commit",
        "enclosed": "no git repository of its own",
        "escaping": "outside the folders that the Policy allows",
        "corrupt": "ProductMissing",
        "missing": "no such folder",
        "itself": "is the factory itself",
        "links": "AgentFailed",
        "modules": "disallowed submodule",
    }
    for name, words in expected.items():
        assert any(f"{name}:" in line and words in line for line in said), (name, done.stdout)
    assert factory.git("status", "--porcelain") == ""
    factory.ok("verify")
