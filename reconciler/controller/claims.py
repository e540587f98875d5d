"""Which commits may say what became of work: those of the factory's controllers. Others only change files."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from reconciler.git.controllers import made_by_controllers
from reconciler.git.repository import Repository
from reconciler.model.history import CommitInfo

TRAILER = "Alai-"


def claims(commit: CommitInfo) -> bool:
    """Whether a commit says something that only a controller may say."""
    return any(key.startswith(TRAILER) for key in commit.trailers)


def counted(
    repository: Repository, head: str, commits: Iterable[CommitInfo], ours: Collection[str] = ()
) -> list[CommitInfo]:
    """The same commits, which `head` contains; what one says that no controller signed is not heard.

    `ours`: commits that this process has just made and signed.
    """
    found = list(commits)
    claimed = {commit.oid for commit in found if claims(commit)}
    made = claimed & set(ours)
    made |= made_by_controllers(repository, head, claimed - made)
    unheard = claimed - made
    return [msgspec.structs.replace(each, trailers={}) if each.oid in unheard else each for each in found]
