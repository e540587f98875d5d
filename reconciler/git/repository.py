"""Reads a git repository: commits, trees, blobs and what differs. Not for writing commits (see `record`, `product`).

Everything goes through plumbing processes, which read no repository's configuration (see `run`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from reconciler.git import configfile
from reconciler.git.batch import Batch, contents, one_file, sizes
from reconciler.git.errors import GitError
from reconciler.git.layout import containing, layout
from reconciler.git.objects import commit_name, write_commits
from reconciler.git.run import as_user, decode, failure, isolated, run
from reconciler.git.settings import honoured
from reconciler.git.sshsig import Key, signed_commit
from reconciler.model.history import CommitInfo, TreeChange

SYMLINK = "120000"
SUBMODULE = "160000"
_IDENTITY = ("user.name", "user.email", "user.useconfigonly", "author.name", "author.email")
_LOG_FIELDS = 5
_LOG_FORMAT = "%H%x00%ct%x00%an <%ae>%x00%s%x00%(trailers:only,unfold)"

__all__ = ["GitError", "Repository"]


class Repository:
    """A local repository at `root` (its working tree, or its bare folder)."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def containing(cls, folder: Path) -> Repository:
        """The repository whose working tree `folder` lies in. Raises GitError, NoRepository where there is none."""
        root = containing(folder)
        isolated(root)  # whatever keeps us from reading it is said now
        return cls(root)

    @classmethod
    def create(cls, path: Path, branch: str) -> Repository:
        """`git init` with `branch` as the branch to be born. Existing repositories stay as they are."""
        path.mkdir(parents=True, exist_ok=True)
        if not (path / ".git").exists():
            run(path, "init", "--quiet", "--template=", f"--initial-branch={branch}", where={})
        return cls(path)

    @cached_property
    def common(self) -> Path:
        """Git's common folder, absolute: the same for all worktrees of the repository."""
        return layout(self.root).common

    def head(self) -> str:
        """The commit that is checked out. Raises GitError where there is none yet."""
        return self.resolve("HEAD")

    def branch(self) -> str | None:
        """The branch that is checked out, born or not; None where HEAD is detached."""
        done = run(self.root, "symbolic-ref", "--quiet", "HEAD", accept=(0, 1))
        name = decode(done.stdout).strip()
        return name.removeprefix("refs/heads/") or None

    def stands(self, rev: str, known: Sequence[str] = ()) -> tuple[str, str, bool]:
        """The commit that `rev` names, the full name of what HEAD is at (`HEAD` where it is detached), and whether
        any of the commits `known` is here (or none is asked for).

        One process, since it is asked before everything else. Raises GitError where there is no such commit.
        """
        last = [f"{oid}^{{commit}}" for oid in known[-1:]]
        asked = ("rev-parse", "--revs-only", f"{rev}^{{commit}}", *last, "--symbolic-full-name", "HEAD")
        found = decode(run(self.root, *asked, accept=(0, 128)).stdout).split()
        if len(found) == 2 + len(last):
            return found[0], found[-1], True
        commit, branch = self.resolve(rev), self.branch()
        return commit, f"refs/heads/{branch}" if branch else "HEAD", not known or any(map(self.has_commit, known))

    def has_commit(self, oid: str) -> bool:
        """Whether the commit of this name is here."""
        return run(self.root, "cat-file", "-e", f"{oid}^{{commit}}", accept=(0, 1, 128)).returncode == 0

    def resolve(self, rev: str) -> str:
        """The commit's full object name. Raises GitError."""
        asked = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}")
        done = run(self.root, *asked, accept=(0, 1))
        if done.returncode:
            raise GitError(f"{self.root} has no commit {rev!r}")
        return decode(done.stdout).strip()

    def is_ancestor(self, a: str, b: str) -> bool:
        """Whether `b` contains `a` (a commit contains itself)."""
        done = run(self.root, "merge-base", "--is-ancestor", a, b, accept=(0, 1))
        if done.returncode and done.stderr.strip():
            raise failure(self.root, "merge-base", done.stderr)  # a commit is missing: git complains, and says no
        return done.returncode == 0

    def changed(self, old: str | None, new: str, roots: Sequence[str]) -> list[TreeChange]:
        """Paths that differ between two commits, below `roots` (all for none); `old` None: all of `new`."""
        literal = {"GIT_LITERAL_PATHSPECS": "1"}
        if old is None:
            listed = run(self.root, "ls-tree", "-r", "-z", "--full-tree", new, "--", *roots, env=literal).stdout
            return [_tree_entry(line) for line in listed.split(b"\0") if line]
        raw = run(
            self.root, "diff-tree", "-r", "-z", "--no-renames", "--raw", old, new, "--", *roots, env=literal
        ).stdout
        return [
            TreeChange(path, new_mode if added else old_mode, gone, added)
            for old_mode, new_mode, gone, added, path in raw_changes(raw)
        ]

    def blobs(self, oids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """The contents of many objects, in the order asked for.

        Raises GitError for a missing one, and for one that is not what its name says: git does not look, and whoever
        packed the repository may have put another content under a trusted name.
        """
        return contents(self.root, list(oids))

    def sizes(self, oids: Iterable[str]) -> dict[str, int]:
        """The size of many objects, in bytes."""
        return sizes(self.root, list(dict.fromkeys(oids)))

    def read(self, commit: str, path: str) -> bytes:
        """One file of a commit. Raises GitError where it is not there, or not what its name says."""
        return one_file(self.root, f"{commit}:{path}")

    def commits(self, old: str | None, new: str) -> Iterator[CommitInfo]:
        """The commits that `new` has and `old` does not, parents before children, through one process."""
        span = [new] if old is None else [f"^{old}", new]
        log = (
            "log",
            "-z",
            "--topo-order",
            "--reverse",
            "--encoding=UTF-8",
            "--no-color",
            "--no-notes",
            "--no-decorate",
        )
        with Batch(self.root, (*log, f"--format=tformat:{_LOG_FORMAT}", *span, "--"), None) as out:
            fields: list[bytes] = []
            rest = b""
            while chunk := out.read(1 << 20):
                *whole, rest = (rest + chunk).split(b"\0")
                fields += whole
                complete = len(fields) - len(fields) % _LOG_FIELDS
                for at in range(0, complete, _LOG_FIELDS):
                    yield _commit_info(fields[at : at + _LOG_FIELDS])
                del fields[:complete]

    def line(self, old: str, new: str, roots: Sequence[str]) -> list[tuple[str, str | None]]:
        """The commits of one branch after `old` up to `new` that changed something below `roots`, oldest first.

        Each with the one before it; None where a history begins.
        """
        asked = ("rev-list", "--first-parent", "--reverse", new, f"^{old}", "--", *roots)
        oids = decode(run(self.root, *asked, env={"GIT_LITERAL_PATHSPECS": "1"}).stdout).split()
        if not oids:
            return []
        listed = run(self.root, "rev-list", "--no-walk=unsorted", "--parents", *oids).stdout
        lines = (decode(line).split() for line in listed.splitlines())
        return [(oid, parents[0] if parents else None) for oid, *parents in lines]

    def commit(self, rev: str) -> CommitInfo:
        """One commit's own facts."""
        fields = run(self.root, "log", "-1", "-z", f"--format=tformat:{_LOG_FORMAT}", rev, "--").stdout.split(b"\0")
        return _commit_info(fields[:_LOG_FIELDS])

    def identity(self) -> tuple[str, str]:
        """Name and address of the person at the keyboard: the repository's, the user's or the system's words.

        Raises GitError.
        """
        said = configfile.read(layout(self.root).common / "config")
        done = as_user("var", "GIT_AUTHOR_IDENT", config=[f"{key}={said[key]}" for key in _IDENTITY if key in said])
        if done.returncode:
            raise failure(self.root, "var", done.stderr)
        name, _, rest = decode(done.stdout).partition(" <")
        return name, rest.partition(">")[0]

    def commit_everything(self, message: str, key: Key | None = None) -> str:
        """Stage and commit all that is not ignored, signed with `key`: for what was just made, and nobody works in."""
        run(self.root, "add", "--all")
        run(self.root, "commit", "--quiet", "--no-gpg-sign", f"--message={message}")
        made = self.head()
        if key is None:
            return made
        content = signed_commit(key, run(self.root, "cat-file", "commit", made).stdout)
        write_commits(self.common / "objects", {commit_name(content): content})
        run(self.root, "update-ref", "-m", message, "HEAD", commit_name(content), made)
        return commit_name(content)

    def worktree_changes(self, roots: Sequence[str]) -> list[str]:
        """Paths below `roots` that differ from HEAD, in the index or on disk; untracked ones (not ignored) included."""
        found = layout(self.root)
        return worktree_changes(self.root, roots, config=honoured(found.git_dir, found.common))

    def export(self, commit: str, folder: str, dest: Path) -> list[str]:
        """Write the files of `folder` at `commit` below `dest`, byte for byte, without filters. Returns their paths.

        Paths are relative to `folder`. Raises GitError for symlinks and submodules, and where the folder is not there.
        """
        prefix = folder.strip("/")
        tree = f"{commit}:{prefix}"
        listed = run(self.root, "ls-tree", "-r", "-z", "--full-tree", "--end-of-options", tree).stdout
        entries = [_tree_entry(line) for line in listed.split(b"\0") if line]
        for entry in entries:
            if entry.mode in (SYMLINK, SUBMODULE):
                raise GitError(f"{prefix}/{entry.path} at {commit[:12]} is a symlink or a submodule, not a file")
        dest.mkdir(parents=True, exist_ok=True)
        for entry, (_, body) in zip(entries, self.blobs([entry.new or "" for entry in entries]), strict=True):
            target = dest / entry.path
            target.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, int(entry.mode[-3:], 8))
            with os.fdopen(fd, "wb") as file:
                file.write(body)
        return [entry.path for entry in entries]


def worktree_changes(
    root: Path, roots: Sequence[str], *, config: Sequence[str] = (), where: Mapping[str, str] | None = None
) -> list[str]:
    """Paths below `roots` that differ from HEAD; `where`: see `run`."""
    status = ("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=all")
    literal = {"GIT_LITERAL_PATHSPECS": "1"}
    raw = run(root, *status, "--", *roots, env=literal, config=config, where=where).stdout
    return sorted({decode(line[3:]) for line in raw.split(b"\0") if line})


def raw_changes(raw: bytes) -> Iterator[tuple[str, str, str | None, str | None, str]]:
    """`diff-tree -r -z --raw` output as (old mode, new mode, old oid, new oid, path); None for what does not exist."""
    fields = iter(raw.split(b"\0"))
    for meta in fields:
        if not meta.startswith(b":"):
            continue  # the empty field after the last record
        old_mode, new_mode, old, new, _ = meta[1:].decode().split(" ")
        absent = {"000000"}
        yield (
            old_mode,
            new_mode,
            None if old_mode in absent else old,
            None if new_mode in absent else new,
            decode(next(fields)),
        )


def _tree_entry(line: bytes) -> TreeChange:
    meta, _, path = line.partition(b"\t")
    mode, _, oid = meta.decode().split(" ")
    return TreeChange(decode(path), mode, None, oid)


def _commit_info(fields: Sequence[bytes]) -> CommitInfo:
    oid, time, author, subject, block = (field.decode("utf-8", "replace") for field in fields)
    trailers: dict[str, str] = {}
    for line in block.split("\n"):  # not splitlines: it would also part a value at U+2028 and its like
        key, colon, value = line.partition(":")
        if colon:
            trailers[key.strip()] = value.strip()
    return CommitInfo(oid.strip(), int(time), author, subject, trailers)
