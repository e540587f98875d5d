"""Who may sign after commits that were joined: a key that one side took away stays away. Decides nothing else.

A merge's tree is not asked what was removed, since its maker chose it: the removals of all that it was built on count,
until a plain commit that knows of them lists the key again. What was revoked stays so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from reconciler.git.signature import Signers, public_key


class Removal(NamedTuple):
    """What was taken off the list (a key, or a key with its options), and by which commit."""

    what: str
    by: str


class Lists(NamedTuple):
    """The keys that count after a commit, and what was taken away since the last accepted one."""

    signers: Signers
    removed: frozenset[Removal] = frozenset()
    undone: frozenset[Removal] = frozenset()
    """removals that a later commit took back"""
    written: frozenset[str] = frozenset()
    """what the files say, be it taken away or not"""

    def drops(self, line: str) -> bool:
        """Does the line list something that was taken away?"""
        return not _parts(line).isdisjoint(each.what for each in self.removed - self.undone)


def begun(signers: Signers) -> Lists:
    """Where nothing was taken away yet: what was accepted last."""
    return Lists(signers, written=_listed(signers.allowed))


def joined(below: Sequence[Lists]) -> Lists:
    """What all of them allow, less what any of them took away or revoked."""
    if len(below) == 1:
        return below[0]
    shared = frozenset[str].intersection(*(_listed(each.signers.allowed) for each in below))
    lines = (line for line in below[0].signers.allowed.splitlines() if _parts(line) and _parts(line) <= shared)
    removed = frozenset[Removal]().union(*(each.removed for each in below))
    undone = frozenset[Removal]().union(*(each.undone for each in below))
    written = frozenset[str]().union(*(each.written for each in below))
    revoked = _every_line([each.signers.revoked for each in below])
    return Lists(Signers("\n".join(lines), revoked), removed, undone, written)


def followed(oid: str, now: Signers, below: Sequence[Lists], before: Lists) -> Lists:
    """After an accepted commit whose files say `now`."""
    listed = _listed(now.allowed)
    had = [_listed(each.signers.allowed) for each in below]
    removed = before.removed | {Removal(what, oid) for what in frozenset[str]().union(*had) - listed}
    undone = before.undone
    if len(below) == 1:  # a merge takes nothing back: it may only have been resolved to an old file
        undone |= {each for each in before.removed if each.what in listed - before.written}
    lists = Lists(Signers("", _every_line([before.signers.revoked, now.revoked])), removed, undone, listed)
    lines = [line for line in now.allowed.splitlines() if not lists.drops(line)]
    return lists._replace(signers=lists.signers._replace(allowed="\n".join(lines)))


def keys_in(text: str) -> frozenset[str]:
    """The public keys of the lines that are no comments."""
    return frozenset(key for line in text.splitlines() if not is_comment(line) and (key := public_key(line)))


def is_comment(line: str) -> bool:
    """Whether ssh-keygen takes the line for nothing: a comment, or blank."""
    return not line.strip() or line.lstrip().startswith("#")


def options(line: str) -> str:
    """What stands between the names and the key, such as `namespaces="git"`; empty where the line lists no key."""
    key = public_key(line)
    return line[: line.index(key.split()[1])].rpartition(" ")[0].strip().partition(" ")[2] if key else ""


def _listed(allowed: str) -> frozenset[str]:
    return frozenset[str]().union(*(_parts(line) for line in allowed.splitlines()))


def _parts(line: str) -> frozenset[str]:
    """The line's key, and that key with its options: an end of validity takes away what had none."""
    key = None if line.lstrip().startswith("#") else public_key(line)
    if key is None:
        return frozenset()
    words = line.split()
    options = words[1 : words.index(key.split()[1]) - 1]
    return frozenset({key, " ".join([*options, key])}) if options else frozenset({key, f" {key}"})


def _every_line(texts: Sequence[str]) -> str:
    return "\n".join(dict.fromkeys(line for text in texts for line in text.splitlines()))
