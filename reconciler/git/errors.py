"""What can be wrong with a repository. Every text is one sentence that a person can act on."""

from __future__ import annotations

from reconciler.model.errors import FactoryError


class GitError(FactoryError):
    """git refused. The text is one sentence, with git's own first line of complaint."""


class NoRepository(GitError):
    """There is no repository at all where one was looked for."""


class BranchMoved(GitError):
    """The branch is no longer at the commit that the work was computed for."""


class WrongBranch(GitError):
    """The working tree has another branch, or none, checked out."""


class IndexLocked(GitError):
    """Another git process kept the index locked for longer than we wait."""


class Dirty(GitError):
    """The working tree holds changes that a move of its branch would have to overwrite."""
