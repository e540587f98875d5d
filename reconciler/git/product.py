"""Product repositories: where agents' work happens and how accepted work gets onto the branch. Local ones, bare or not.

A worktree is no `git worktree`: nothing is registered in the user's repository, so nothing is left there after a
crash, and several executions never meet. `add_worktree` makes two things: `dest`, plain files with a throw-away `.git`
of their own for the agent's convenience, and beside it `dest.gitdir`, the git folder that we alone use. Both only
borrow the product's objects (alternates). Whatever an agent writes into `dest/.git` (hooks, filters, configuration) is
never read by us; `commit_all` builds the commit with `dest.gitdir` and sends its objects to the product, checked. What
the product's own configuration says is in force nowhere (see `isolation`), but for how files look (see `settings`).

A merge runs in an empty git folder as well: the product's configured merge drivers play no part, and the same inputs
give the same commit on every machine. A branch that a person may have checked out is moved elsewhere (see `advance`).
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from reconciler import trees
from reconciler.git import isolation
from reconciler.git.errors import GitError
from reconciler.git.layout import layout
from reconciler.git.patch import added_lines
from reconciler.git.repository import SUBMODULE, SYMLINK, Repository, raw_changes
from reconciler.git.repository import worktree_changes as differing
from reconciler.git.run import command, decode, environment, isolated, run, text
from reconciler.model.history import TreeChange

__all__ = [
    "Merged",
    "add_worktree",
    "changed_files",
    "commit_all",
    "diff_added_lines",
    "is_ancestor",
    "merge",
    "remove_worktree",
    "tip",
    "withdraw",
]

_SUFFIX = ".gitdir"
_ORIGIN = "alai-product"
"""in our git folder of a worktree: the absolute path of the product"""
_FILTERS = frozenset((b"lfs", b"git-crypt", b"transcrypt", b"annex", b"nbstripout"))
"""of programs that are common, and store something else than what lies on the disk"""
_ATTRIBUTES = (".gitattributes", "*/.gitattributes")
_LOOSE = 1000
"""changed paths up to which the objects of a commit are written one by one, and above as one pack"""
_STREAMED = "core.bigFileThreshold=8m"
"""larger files are not held in memory as a whole"""
_DURABLE = ("core.fsync=committed,loose-object", "core.fsyncMethod=batch")


class Merged(msgspec.Struct, frozen=True):
    """A merge commit that is in the product but on no branch yet; or None, and the paths in conflict."""

    commit: str | None
    conflicts: tuple[str, ...] = ()


def tip(path: str, branch: str) -> str:
    """The commit that the product's branch is at. Raises GitError."""
    return Repository(Path(path)).resolve(f"refs/heads/{branch}")


def is_ancestor(path: str, a: str, b: str) -> bool:
    """Whether `b` contains `a`."""
    return Repository(Path(path)).is_ancestor(a, b)


def add_worktree(path: str, commit: str, dest: Path) -> None:
    """Check out `commit` of the product below `dest`, isolated from it (see above). Replaces what is there."""
    product = Path(path).resolve()
    if left := remove_worktree(path, dest):
        raise GitError(left)
    oid = Repository(product).resolve(commit)
    dest.mkdir(parents=True)
    private = _private(dest)
    found = layout(product)
    isolation.borrow(found, private)
    (private / "HEAD").write_text(f"{oid}\n")
    (private / _ORIGIN).write_bytes(os.fsencode(product))
    run(dest, "read-tree", "--reset", "-u", oid, where=_ours(dest))
    isolation.borrow(found, dest / ".git")
    (dest / ".git" / "HEAD").write_text(f"{oid}\n")
    shutil.copyfile(private / "index", dest / ".git" / "index")


def remove_worktree(path: str, dest: Path) -> str | None:
    """Remove a worktree and its git folder, as far as it goes: one line of what is left. No matter to the product."""
    del path  # nothing is registered there
    said = [trees.remove(folder) for folder in (dest, _private(dest))]
    return next((why for why in said if why), None)


def commit_all(
    worktree: Path, *, message: str, author: tuple[str, str], time: int, branch: str, most: float = math.inf
) -> str | None:
    """Commit everything in the worktree (ignored files aside) onto its start, and put it on `branch` in the product.

    The branch is ours alone (`alai/...`) and is replaced. `time`: Unix seconds. Returns None where nothing changed.
    `most`: bytes of all files that changed, as they would be read. Raises GitError for more, for repositories inside
    the worktree, submodules and what was written below them, files of a filter, and symlinks that lead out of it.
    """
    private = _private(worktree)
    try:
        product = Path(os.fsdecode((private / _ORIGIN).read_bytes()))
    except FileNotFoundError as missing:
        raise GitError(f"{worktree} is no worktree of ours") from missing
    try:
        _refuse_repositories(worktree)
    except OSError as error:
        raise GitError(f"its folders cannot be looked into: {error.strerror}") from error
    here = _ours(worktree)
    _refuse_lost(worktree, here)
    if most < math.inf:
        _refuse_size(worktree, here, most)
    quiet = ("core.safecrlf=false", "advice.addEmbeddedRepo=false", _STREAMED)
    run(worktree, "add", "--all", "--", ".", config=quiet, where=here)
    start = (private / "HEAD").read_text().strip()
    staged = run(worktree, "diff-index", "--cached", "-r", "-z", "--no-renames", "--raw", start, where=here).stdout
    changed = [(mode, path) for _, mode, _, oid, path in raw_changes(staged) if oid]
    if not staged:
        return None
    for mode, path in changed:
        _refuse_entry(worktree, mode, path)
    if b".gitattributes" in staged or text(worktree, "ls-files", "--", *_ATTRIBUTES, where=here):
        _refuse_filtered(worktree, here, start, [path for _, path in changed])
    tree = text(worktree, "write-tree", where=here)
    commit = _commit_tree(worktree, here, tree, [start], message, author, time)
    _send(worktree, here, product, f"{commit}\n^{start}\n".encode(), loose=len(changed) <= _LOOSE)
    run(product, "update-ref", "--no-deref", f"refs/heads/{branch}", commit)
    return commit


def worktree_changes(worktree: Path) -> list[str]:
    """Paths of a worktree of ours that differ from where it began, as our own git folder of it sees them."""
    return differing(worktree, [], where=_ours(worktree))


def _send(worktree: Path, here: Mapping[str, str], product: Path, wanted: bytes, *, loose: bool) -> None:
    """Bring the objects of a commit into the product, each checked. No transport is used, so none can be configured."""
    packing = ("pack-objects", "--quiet", "--revs", "--thin", "--stdout")
    pack = run(worktree, *packing, data=wanted, config=(_STREAMED,), where=here).stdout
    unpack = ("unpack-objects", "-q", "--strict")
    keep = ("index-pack", "--stdin", "--fix-thin", "--strict")
    run(product, *(unpack if loose else keep), data=pack, config=(*_DURABLE, _STREAMED))


def withdraw(path: str, branch: str, commit: str) -> None:
    """Take a branch of ours back that must not be kept, if it still is at `commit`; its objects go with the next gc."""
    run(Path(path), "update-ref", "--no-deref", "-d", f"refs/heads/{branch}", commit, accept=(0, 1, 128))


def changed_files(path: str, base: str, commit: str) -> list[TreeChange]:
    """Paths that differ between the two commits."""
    return Repository(Path(path)).changed(base, commit, [])


def diff_added_lines(path: str, base: str, commit: str) -> Iterator[tuple[str, str]]:
    """Every line that `commit` has more than `base`, with its path; binary files too, whatever the attributes say."""
    diff = ("diff-tree", "-r", "-p", "-U0", "--text", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color")
    args = (*diff, "--src-prefix=a/", "--dst-prefix=b/", base, commit)
    with subprocess.Popen(
        command(args), cwd=path, env=environment(isolated(Path(path))), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        try:
            yield from added_lines(process.stdout)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise GitError(f"git diff-tree in {path} failed for {base[:12]}..{commit[:12]}")


def merge(path: str, tip: str, commit: str, *, message: str, author: tuple[str, str], time: int) -> Merged:
    """Merge `commit` into `tip`: always a merge commit, unless `tip` contains `commit` already; then `tip` itself."""
    product = Path(path).resolve()
    if is_ancestor(path, commit, tip):
        return Merged(Repository(product).resolve(tip))
    with _scratch(product) as here:
        asked = ("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", tip, commit)
        done = run(product, *asked, accept=(0, 1), config=_DURABLE, where=here)
        tree, *paths = [decode(field) for field in done.stdout.split(b"\0") if field]
        if done.returncode:
            return Merged(None, tuple(dict.fromkeys(paths)))
        return Merged(_commit_tree(product, here, tree, [tip, commit], message, author, time))


def _private(dest: Path) -> Path:
    return dest.with_name(f"{dest.name}{_SUFFIX}")


def _ours(worktree: Path) -> dict[str, str]:
    """The variables that make git work on a worktree with the git folder of it that is ours."""
    return {"GIT_DIR": str(_private(worktree)), "GIT_WORK_TREE": str(worktree)}


@contextlib.contextmanager
def _scratch(product: Path) -> Generator[dict[str, str]]:
    """Variables for a git without attributes or working tree that writes objects straight into the product."""
    found = layout(product)
    with tempfile.TemporaryDirectory(prefix="alai-merge-") as folder:
        git_dir = Path(folder) / "git"
        isolation.borrow(found, git_dir)
        yield {"GIT_DIR": str(git_dir), "GIT_OBJECT_DIRECTORY": str(found.objects)}


def _commit_tree(
    cwd: Path,
    here: Mapping[str, str],
    tree: str,
    parents: list[str],
    message: str,
    author: tuple[str, str],
    time: int,
) -> str:
    """A commit whose name depends on nothing but the arguments."""
    stamp = f"@{time} +0000"
    env = {
        "GIT_AUTHOR_NAME": author[0],
        "GIT_AUTHOR_EMAIL": author[1],
        "GIT_AUTHOR_DATE": stamp,
        "GIT_COMMITTER_DATE": stamp,
    }
    above = [part for parent in parents for part in ("-p", parent)]
    body = message.rstrip("\n").encode("utf-8", "replace") + b"\n"
    make = ("commit-tree", "--no-gpg-sign", tree, *above)
    return decode(run(cwd, *make, data=body, env=env, config=_DURABLE, where=here).stdout).strip()


def _refuse_repositories(worktree: Path) -> None:
    """Raises GitError for a `.git` anywhere but at the top: what git would turn into a submodule, or skip.

    Folders that were closed to their owner are opened: git would leave out what is in them without a word.
    """
    for base, folders, files in trees.walk(worktree, opening=True):
        for name in (*folders, *files):
            if base and name.lower() == ".git":
                raise GitError(f"{trees.shown(base + name)} is a repository inside the worktree")
        if not base and ".git" in folders:
            folders.remove(".git")


def _refuse_size(worktree: Path, here: Mapping[str, str], most: float) -> None:
    """Before anything is read: a file with holes costs nobody anything until then."""
    asked = ("ls-files", "-z", "--modified", "--others", "--exclude-standard")
    sizes: dict[str, int] = {}
    for name in run(worktree, *asked, where=here).stdout.split(b"\0"):
        with contextlib.suppress(OSError):
            sizes[decode(name)] = (worktree / os.fsdecode(name)).lstat().st_size if name else 0
    if sum(sizes.values()) > most:
        largest = max(sizes, key=lambda name: sizes[name])
        told = f"the largest is {trees.shown(largest)} with {sizes[largest]}"
        raise GitError(f"what changed has {sum(sizes.values())} bytes, more than the {most} of limits.disk: {told}")


def _refuse_lost(worktree: Path, here: Mapping[str, str]) -> None:
    """git passes over what lies below a submodule: nobody's work may go that way without a word."""
    listed = run(worktree, "ls-files", "--stage", "-z", where=here).stdout.split(b"\0")
    for path in (decode(line.partition(b"\t")[2]) for line in listed if line.startswith(SUBMODULE.encode())):
        place = worktree / path
        if place.is_dir() and not place.is_symlink() and (found := next(place.iterdir(), None)):
            raise GitError(
                f"{found.relative_to(worktree)} lies in the submodule {path}, where it would be lost: a submodule is "
                "changed in its own repository; name paths outside of it, or make that repository a product"
            )


def _refuse_filtered(worktree: Path, here: Mapping[str, str], start: str, paths: Sequence[str]) -> None:
    """A filter says how a file is stored, and no program of a product runs here: these would be committed as they are.

    Of any other filter nobody knows what it would do.

    The attributes are those of `start`: what the work says of filters is in force nowhere.
    """
    asked = b"".join(os.fsencode(path) + b"\0" for path in paths)
    index = _private(worktree) / "attributes"
    before = {**here, "GIT_INDEX_FILE": str(index)}
    run(worktree, "read-tree", start, where=before)
    said = run(worktree, "check-attr", "--cached", "-z", "--stdin", "filter", data=asked, where=before).stdout.split(
        b"\0"
    )
    index.unlink()
    for path, name in zip(said[0::3], said[2::3], strict=False):
        if name in _FILTERS:
            raise GitError(
                f"{decode(path)} is stored through the filter {decode(name)!r} of .gitattributes, which is not run "
                "here: let a person commit files of that kind, and name paths without them"
            )


def _refuse_entry(worktree: Path, mode: str, path: str) -> None:
    if mode == SUBMODULE:
        raise GitError(f"{path} is a submodule")
    if mode == SYMLINK:
        target = os.readlink(worktree / path)  # noqa: PTH115 - the target as written, not normalised
        if target.startswith("/") or not trees.stays_inside(worktree, worktree / path):
            raise GitError(f"{path} is a symlink that leads out of the worktree")
