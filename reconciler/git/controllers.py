"""Which commits the factory's controllers have made: the keys that are in force, and who signed what. Writes nothing.

The keys stand in the factory itself, so that every clone can tell; `git verify-commit` reads the same file. What counts
is where a commit stands in history, never what it says of itself, its time included:

- a controller's commit counts if the list *of its parent* has its key in force, so none can let itself in;
- a key that is retired (or removed) speaks only for what lies before the commit that retired it, or after one that
  lists it again: not for what comes in later from a side branch;
- commits before the first list count as they are: only what that list was built on, and nothing once the list is gone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from reconciler.git.repository import Repository
from reconciler.git.run import COMMITTER, decode, run
from reconciler.git.sshsig import signer

LIST = ".alai/controllers"
"""in the factory repository; one line a key (the ALLOWED SIGNERS format of ssh-keygen)"""
_LINE = re.compile(
    r'[^\s#"][^\s"]*[ \t]+(?P<options>[^\s"]+"[^"]*"[ \t]+)?(?P<key>ssh-ed25519[ \t]+[A-Za-z0-9+/=]+)(?:[ \t]|$)'
)
_IN_FORCE = 'namespaces="git"'
_SEVERAL = 2
"""parents from which on a commit is a merge: no controller makes those"""


def in_force(body: bytes) -> frozenset[str]:
    """The keys (`TYPE BASE64`) that may sign: none of a line with an option that is not ours, such as an end."""
    found = (_LINE.match(line) for line in body.decode("utf-8", "replace").splitlines())
    return frozenset(
        " ".join(each["key"].split()) for each in found if each and (each["options"] or _IN_FORCE).strip() == _IN_FORCE
    )


def lists_a_key(line: str) -> bool:
    """Whether the line is of the form that a controller writes, be its key in force or retired."""
    return _LINE.match(line) is not None


def with_key(body: bytes, public: str, comment: str) -> bytes:
    """The list with one key more."""
    before = body if not body or body.endswith(b"\n") else body + b"\n"
    return before + f"{COMMITTER[1]} {_IN_FORCE} {public} {comment}\n".encode()


def without_key(body: bytes, public: str, day: str) -> bytes:
    """The list with the key retired, still there: `git log --show-signature` knows it until `day` (YYYYMMDD)."""
    lines: list[str] = []
    for line in body.decode("utf-8", "surrogateescape").splitlines():
        match = _LINE.match(line)
        if match and " ".join(match["key"].split()) == public:
            line = f'{COMMITTER[1]} {_IN_FORCE},valid-before="{day}" {line[match.start("key") :]}'
        lines.append(line)
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")


def lists(body: bytes, public: str) -> bool:
    """Whether the key stands there at all, in force or retired."""
    return public.split()[1].encode() in body.split()


def made_by_controllers(repo: Repository, head: str, claims: Collection[str]) -> set[str]:
    """Those of `claims` (commits that `head` contains) that count as a controller's."""
    if not claims:
        return set()
    wanted = sorted(claims)
    under = dict(zip(wanted, _names(repo, [f"{oid}^1:{LIST}" for oid in wanted]), strict=True))
    changes = list(_changes(repo, head))
    keys = _Keys(repo, {blob for change in changes for blob in (change.now, *change.before)} | set(under.values()))
    old = {oid for oid, blob in under.items() if blob is None}
    accepted = old.intersection(*(_ancestors(repo, change.oid) for change in changes if change.begins) if old else ())
    signed = {
        oid: key for oid, key in _signers(repo, [oid for oid in wanted if oid not in old]) if key in keys(under[oid])
    }
    for change in changes:
        gone = frozenset[str]().union(*map(keys, change.before)) - keys(change.now)
        if concerned := {oid for oid, key in signed.items() if key in gone}:
            old = _ancestors(repo, change.oid)
            later = [each for each in changes if each.oid in _descendants(repo, change.oid, head)]
            back = [(_descendants(repo, each.oid, head), _added(each, keys)) for each in later]
            for oid in concerned - old:
                if not any(oid in below and signed[oid] in added for below, added in back):
                    del signed[oid]
    return accepted | signed.keys()


class _Change(NamedTuple):
    """A commit that changed the list: its blob then, and those of its parents."""

    oid: str
    now: str | None
    before: tuple[str | None, ...]

    @property
    def begins(self) -> bool:
        return self.now is not None and (None in self.before or not self.before)


def _changes(repo: Repository, head: str) -> Iterator[_Change]:
    log = ("log", "--full-history", "--no-color", "--no-notes", "--no-decorate", "--format=%H %P", head, "--", LIST)
    commits = [line.split() for line in decode(run(repo.root, *log).stdout).splitlines()]
    names = iter(_names(repo, [f"{oid}:{LIST}" for commit in commits for oid in commit]))
    for oid, *parents in commits:
        yield _Change(oid, next(names), tuple(next(names) for _ in parents))


def _added(change: _Change, keys: _Keys) -> frozenset[str]:
    """The keys that it lists again: none where it is a merge, which may only have been resolved to an old file."""
    return keys(change.now) - keys(change.before[0]) if len(change.before) == 1 else frozenset()


class _Keys:
    """The keys in force in each version of the list."""

    def __init__(self, repo: Repository, blobs: Collection[str | None]) -> None:
        wanted = sorted(blob for blob in blobs if blob is not None)
        self._found = {blob: in_force(body) for blob, body in repo.blobs(wanted)}

    def __call__(self, blob: str | None) -> frozenset[str]:
        return self._found[blob] if blob is not None else frozenset()


def _names(repo: Repository, specs: Sequence[str]) -> list[str | None]:
    """The object that each of `commit:path` names; None for nothing."""
    if not specs:
        return []
    asked = "".join(f"{spec}\n" for spec in specs).encode()
    lines = run(repo.root, "cat-file", "--batch-check=%(objectname)", "--buffer", data=asked).stdout.splitlines()
    return [None if line.endswith(b" missing") else line.decode() for line in lines]


def _signers(repo: Repository, commits: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Commits with one good signature and at most one parent, each with the key."""
    for oid, content in repo.blobs(commits):
        header = content.partition(b"\n\n")[0]
        if header.count(b"\nparent ") < _SEVERAL and (key := signer(content)) is not None:
            yield oid, key


def _ancestors(repo: Repository, commit: str) -> set[str]:
    """It and all that it was built on."""
    return set(decode(run(repo.root, "rev-list", commit).stdout).split())


def _descendants(repo: Repository, commit: str, head: str) -> set[str]:
    return set(decode(run(repo.root, "rev-list", "--ancestry-path", head, f"^{commit}").stdout).split())
