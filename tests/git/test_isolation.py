"""Nothing of a repository's own configuration is in force, whatever it says; what is in it is read all the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.git import configfile, isolation
from reconciler.git import product as products
from reconciler.git.advance import Advance, advance, recover
from reconciler.git.layout import layout
from reconciler.git.repository import GitError, Repository
from reconciler.git.run import run
from reconciler.git.settings import honoured
from tests.git.armed import WAYS, arm, canary, lose
from tests.git.conftest import Git
from tests.git.test_product import merged, work


@pytest.mark.parametrize("way", WAYS)
def test_a_products_configuration_starts_nothing(way: str, product: Path, tmp_path: Path, git: Git) -> None:
    (product / ".gitattributes").write_text("* filter=x diff=x merge=x\n*.txt filter=a=b\n")
    git(product, "add", "-A")
    git(product, "commit", "-qm", "attributes")
    git(product, "commit", "-q", "--allow-empty", "-m", "more")
    mark = canary(tmp_path)
    arm(product, tmp_path, way)
    if way == "not a configuration":
        with pytest.raises(AssertionError, match="bad config"):
            git(product, "status")
    path = str(product)
    base = products.tip(path, "main")
    commit = work(product, tmp_path / "w", {"src/a.txt": "changed\n", "new.md": "new\n"})
    assert list(products.diff_added_lines(path, base, commit))
    assert Repository(product).read(commit, "new.md") == b"new\n"
    assert Repository(product).commit(base).subject == "more"
    new = merged(product, commit)
    recover(path)
    if way == "not a configuration":  # files are not touched where nobody knows how they should look
        with pytest.raises(GitError, match="cannot be read"):
            advance(path, "main", base, new)
    else:
        assert advance(path, "main", base, new) is Advance.MOVED
        assert (product / "new.md").read_text() == "new\n"
        assert Repository(product).worktree_changes([]) == []
    assert not mark.exists(), mark.read_text()
    assert list((tmp_path / "victim").iterdir()) == []


def test_the_canary_sings_for_a_git_that_reads_the_configuration(product: Path, tmp_path: Path, git: Git) -> None:
    mark = canary(tmp_path)
    arm(product, tmp_path, "fsmonitor", "hooksPath", "filters")
    git(product, "status", check=False)
    assert "evil.sh" in mark.read_text()


@pytest.mark.parametrize("way", ["promisor ext", "promisor uploadpack", "promisor vcs"])
@pytest.mark.parametrize("lost", ["commit", "tree", "blob"])
def test_what_a_partial_clone_lacks_is_not_fetched_but_named(
    way: str, lost: str, product: Path, tmp_path: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    git(product, "commit", "-q", "--allow-empty", "-m", "two")
    git(product, "commit", "-q", "--allow-empty", "-m", "three")
    first = git(product, "rev-parse", "HEAD~2")
    mark = canary(tmp_path)
    lose(product, lost)
    arm(product, tmp_path, way)
    path = str(product)
    asked = {
        "commit": lambda: products.is_ancestor(path, first, "main"),
        "tree": lambda: Repository(product).changed(None, "main", []),
        "blob": lambda: products.add_worktree(path, "main", tmp_path / "w"),
    }
    with pytest.raises(GitError, match="git fetch --refetch"):
        asked[lost]()
    assert not mark.exists(), mark.read_text()


def test_a_program_called_git_in_a_product_is_never_started(
    product: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = canary(tmp_path)
    (product / "git").symlink_to(tmp_path / "evil.sh")
    monkeypatch.setenv("PATH", f".:{os.environ['PATH']}")
    assert len(products.tip(str(product), "main")) == 40
    assert not mark.exists()


def test_no_git_process_may_open_a_connection(product: Path, tmp_path: Path) -> None:
    with pytest.raises(GitError, match="not allowed"):
        run(product, "ls-remote", str(product))


def test_only_words_from_the_list_are_taken_from_a_configuration(product: Path) -> None:
    written = '[core]\n\tautocrlf = Input\n\teol = "lf;rm"\n\tfileMode = no\n\teditor = x\n\tsymlinks = ../x\n'
    (product / ".git/config").write_text(written)
    found = layout(product)
    said = honoured(found.git_dir, found.common)
    assert {"core.autocrlf=input", "core.filemode=false"} <= set(said)
    assert not [word for word in said if word.startswith(("core.eol", "core.editor", "core.symlinks"))]


def test_the_users_own_line_endings_are_honoured(
    product: Path, tmp_path: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "user").write_text("[core]\n\tautocrlf = true\n")
    code = (
        "import sys; from pathlib import Path; from reconciler.git.repository import Repository;"
        "print(Repository(Path(sys.argv[1])).worktree_changes([]))"
    )
    (product / "src/a.txt").unlink()
    git(product, "-c", "core.autocrlf=true", "checkout", "--", "src/a.txt")
    assert b"\r\n" in (product / "src/a.txt").read_bytes()
    os.utime(product / "src/a.txt", (1, 1))  # so that it is read
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "user"))
    done = subprocess.run([sys.executable, "-c", code, product], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "text",
    [
        '[core]\n\tbare = false ; no\n\tautocrlf\n[remote "o\\"x]"]\n\turl = a\\\nb "c ; d"  # e\n',
        '[a.b] x=1\n[A "C"]Y = ""\n[e]\n\tk =\n\tl = \\"q\\t\\\\\n',
        "\ufeff[core]\r\n\tbare = true\r\n# end",
    ],
)
def test_a_configuration_file_is_read_as_git_reads_it(text: str, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_bytes(text.encode())
    listed = subprocess.run(
        ["git", "config", "--file", file, "-z", "--list"], capture_output=True, text=True, check=True
    )
    pairs = (item.partition("\n") for item in listed.stdout.split("\0") if item)
    assert configfile.read(file) == {key: value if newline else "true" for key, newline, value in pairs}


@pytest.mark.parametrize("text", ["[core\n", "x = 1\n", "[core]\n\t= x\n", '[core]\n\tx = "a\nb"\n', "[core]\n\tx y\n"])
def test_what_git_would_not_read_is_refused_with_its_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(text)
    with pytest.raises(GitError, match=r"line \d cannot be read"):
        configfile.read(tmp_path / "config")


def test_a_product_with_longer_names_is_worked_on_like_any_other(tmp_path: Path, git: Git) -> None:
    product = tmp_path / "long"
    product.mkdir()
    git(product, "init", "-q", "-b", "main", "--object-format=sha256")
    (product / "a.txt").write_text("one\n")
    git(product, "add", "-A")
    git(product, "commit", "-qm", "start")
    base = products.tip(str(product), "main")
    assert len(base) == 64
    new = merged(product, work(product, tmp_path / "w", {"a.txt": "two\n", "b.txt": "new\n"}))
    assert advance(str(product), "main", base, new) is Advance.MOVED
    assert (product / "a.txt").read_text() == "two\n"
    assert git(product, "status", "--porcelain") == ""
    assert "alai-reconcile: merge" in git(product, "reflog", "main")


def test_branches_in_a_form_that_is_not_supported_are_named(product: Path) -> None:
    with (product / ".git/config").open("a") as config:
        config.write("[extensions]\n\trefStorage = reftable\n")
    with pytest.raises(GitError, match="git refs migrate"):
        products.tip(str(product), "main")


def test_grafts_and_replacements_do_not_change_history(product: Path, git: Git) -> None:
    git(product, "commit", "-q", "--allow-empty", "-m", "two")
    first, second = git(product, "rev-parse", "HEAD~1"), git(product, "rev-parse", "HEAD")
    git(product, "replace", second, first)
    (product / ".git/info").mkdir(exist_ok=True)
    (product / ".git/info/grafts").write_text(f"{second}\n")
    assert products.is_ancestor(str(product), first, second)
    assert Repository(product).commit(second).subject == "two"


def test_a_shallow_clone_is_worked_on_to_the_end(product: Path, tmp_path: Path, git: Git) -> None:
    git(product, "commit", "-q", "--allow-empty", "-m", "two")
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{product}", str(shallow))
    base = products.tip(str(shallow), "main")
    new = merged(shallow, work(shallow, tmp_path / "w", {"b.txt": "new\n"}))
    assert advance(str(shallow), "main", base, new) is Advance.MOVED


def test_a_git_file_that_points_at_somebody_elses_repository_is_refused(
    product: Path, tmp_path: Path, git: Git
) -> None:
    for name, entry in (("file", None), ("link", product / ".git")):
        stranger = tmp_path / name
        stranger.mkdir()
        if entry:
            (stranger / ".git").symlink_to(entry)
        else:
            (stranger / ".git").write_text(f"gitdir: {product}/.git\n")
        with pytest.raises(GitError, match=r"link|does not name"):
            products.tip(str(stranger), "main")
    # a linked working tree that is none: the folder that it names knows nothing of it
    home = tmp_path / "home"
    home.mkdir()
    fake = product / ".git/worktrees/fake"
    fake.mkdir(parents=True)
    (fake / "gitdir").write_text(f"{home}/.git\n")
    (fake / "HEAD").write_text("ref: refs/heads/side\n")
    (fake / "commondir").write_text("../..\n")
    git(product, "branch", "side")
    base = products.tip(str(product), "side")
    new = merged(product, work(product, tmp_path / "w", {".bashrc": "evil\n"}, start="side"))
    assert advance(str(product), "side", base, new) is Advance.MOVED
    assert list(home.iterdir()) == []


def test_our_folders_go_with_the_process_and_what_killed_ones_left_is_swept(product: Path, tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from reconciler.git.repository import Repository;"
        "Repository(Path(sys.argv[1])).head(); os.kill(os.getpid(), int(sys.argv[2])) if len(sys.argv) > 2 else None"
    )
    env = {"TMPDIR": str(tmp_path / "tmp"), "PATH": "/usr/bin:/bin"}
    (tmp_path / "tmp").mkdir()
    subprocess.run([sys.executable, "-c", code, product], env=env, check=True)
    assert list((tmp_path / "tmp").iterdir()) == []
    subprocess.run([sys.executable, "-c", code, product, "9"], env=env, check=False)
    (left,) = (tmp_path / "tmp").iterdir()
    os.utime(left, (1, 1))
    subprocess.run([sys.executable, "-c", code, product], env=env, check=True)
    assert list((tmp_path / "tmp").iterdir()) == []
    assert isolation.variables(layout(product))["GIT_DIR"] == str(product / ".git")
