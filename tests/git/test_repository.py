"""Reading repositories."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.git.repository import GitError, Repository
from tests.git.conftest import Git

ODD = 'manifests/tab\t"quote" ü\nline.yaml'


def test_changes_between_commits_name_odd_paths_and_removed_files(factory: Path, git: Git) -> None:
    repository = Repository(factory)
    old = repository.head()
    (factory / ODD).write_text("x")
    (factory / "manifests/link").symlink_to("goal.yaml")
    git(factory, "add", "--", ODD, "manifests/link")
    git(factory, "rm", "-q", "manifests/plain.yaml")
    git(factory, "commit", "-q", "-m", "second", "-m", "Alai-Object: Task/a\nAlai-Object: Task/b")
    new = repository.head()
    found = {change.path: change for change in repository.changed(old, new, ["manifests"])}
    assert found[ODD].old is None
    assert found["manifests/plain.yaml"].new is None
    assert found["manifests/link"].mode == "120000"
    assert "new.txt" not in found
    everything = repository.changed(None, new, ["manifests"])
    assert {change.path for change in everything} >= {ODD, "manifests/goal.yaml"}
    oids = [change.new for change in everything if change.new]
    assert [oid for oid, _ in repository.blobs(oids)] == oids
    assert repository.sizes(oids)[found[ODD].new or ""] == 1
    assert repository.read(new, ODD) == b"x"
    infos = list(repository.commits(None, new))
    assert [info.subject for info in infos] == ["start", "second"]
    assert infos[1].trailers == {"Alai-Object": "Task/b"}
    assert infos[1].author == "Person <person@localhost>"
    assert list(repository.commits(new, new)) == []


def test_what_a_person_changed_is_listed_untracked_files_too(factory: Path) -> None:
    assert Repository(factory).worktree_changes(["manifests"]) == [
        "manifests/both.yaml",
        "manifests/staged.yaml",
        "manifests/unstaged.yaml",
    ]
    assert "untracked.txt" in Repository(factory).worktree_changes([])


def test_leaving_a_stream_of_blobs_early_ends_its_process(factory: Path) -> None:
    repository = Repository(factory)
    oids = [change.new or "" for change in repository.changed(None, "HEAD", [])] * 20_000
    for _ in repository.blobs(oids):
        break
    with pytest.raises(GitError, match="no object"):
        list(repository.blobs(["1" * 40]))


def test_a_folder_is_exported_byte_for_byte_and_symlinks_are_refused(factory: Path, tmp_path: Path, git: Git) -> None:
    repository = Repository(factory)
    (factory / ".gitattributes").write_text("* text eol=crlf export-subst\n")
    (factory / "bp/templates").mkdir(parents=True)
    (factory / "bp/templates/run").write_bytes(b"$Format:%H$\n\xff")
    (factory / "bp/templates/run").chmod(0o755)
    git(factory, "-c", "core.safecrlf=false", "add", "bp", ".gitattributes")
    git(factory, "commit", "-q", "-m", "blueprint")
    assert repository.export("HEAD", "bp", tmp_path / "out") == ["templates/run"]
    assert (tmp_path / "out/templates/run").read_bytes() == b"$Format:%H$\n\xff"
    assert os.access(tmp_path / "out/templates/run", os.X_OK)
    (factory / "bp/link").symlink_to("/etc/passwd")
    git(factory, "add", "bp")
    git(factory, "commit", "-q", "-m", "link")
    with pytest.raises(GitError, match="symlink"):
        repository.export("HEAD", "bp", tmp_path / "out2")


def test_the_environment_and_configuration_of_the_caller_have_no_effect(
    factory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, git: Git
) -> None:
    head = Repository(factory).head()
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "nothing"))
    git(factory, "config", "core.fsmonitor", f"touch {tmp_path}/ran; true")
    assert Repository(factory).head() == head
    assert Repository(factory).worktree_changes([])
    assert not (tmp_path / "ran").exists()


def test_errors_carry_gits_own_words(tmp_path: Path, factory: Path) -> None:
    with pytest.raises(GitError, match="not a git repository"):
        Repository(tmp_path).head()
    with pytest.raises(GitError, match="no such folder"):
        Repository(tmp_path / "gone").head()
    with pytest.raises(GitError, match="has no commit 'gone'"):
        Repository(factory).resolve("gone")
    with pytest.raises(GitError):
        Repository(factory).resolve("")
    assert Repository(factory).branch() == "main"
