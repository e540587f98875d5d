"""Which commit of the factory counts: that of the branch that is pinned outside of it. Decides nothing else.

Who acts reads the pinned branch, has it checked out, and builds on trusted commits alone. Who only looks needs no pin:
without one he speaks of what is checked out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from reconciler.controller.factory import Factory
from reconciler.controller.switching import anybody_signs, switched_on
from reconciler.git import pin as pins
from reconciler.git import trust
from reconciler.git.pin import Pin
from reconciler.git.repository import GitError, Repository
from reconciler.model.errors import Refused

HEADS = "refs/heads/"


class Standing(NamedTuple):
    """The commit to speak of, what is pinned, and the branch that is checked out (None: a detached HEAD)."""

    commit: str
    pin: Pin | None
    branch: str | None
    foreign: bool = False
    """the repository has no commit of the pin: that is of one that lay at this path before"""

    def told(self) -> str:
        """One line for a person where it is not plain which commit is spoken of; else empty."""
        at = self.commit[:12]
        if self.foreign:
            return f"This speaks of commit {at}; what is pinned on this machine is of another repository."
        if self.pin is None:
            where = f"{self.branch}, as it is checked out" if self.branch else "a detached HEAD"
            return f"This speaks of commit {at} ({where}); no branch is pinned on this machine."
        if self.branch != self.pin.branch:
            checked_out = f"{self.branch} is" if self.branch else "no branch is"
            return f"This speaks of commit {at} of the pinned branch {self.pin.branch}; {checked_out} checked out."
        return ""


def standing(factory: Factory) -> Standing:
    """Raises Refused where somebody wants to act and may not, or where the commit is not trusted."""
    repository = factory.repository
    pin = pins.read(repository.common)
    wanted = "HEAD" if pin is None else HEADS + pin.branch
    try:
        commit, head, known = repository.stands(wanted, () if pin is None else pin.trusted)
    except GitError as error:
        if pin is None:
            raise
        hint = "or pin another: alai-reconcile trust --branch NAME"
        raise Refused(f"{factory.root}: the pinned branch {pin.branch} has no commit; bring it back, {hint}") from error
    found = Standing(commit, pin, head.removeprefix(HEADS) if head.startswith(HEADS) else None, foreign=not known)
    if factory.acts:
        _refuse_elsewhere(factory, found)
    elif line := found.told():
        factory.say(line)
    if pin is not None:
        pin = switched_on(repository, commit, pin)
        found = found._replace(pin=pin)
    if pin is not None and (why := trust.check(repository, commit, pin)):
        raise Refused(f"commit {commit[:12]} of {pin.branch} is not trusted: {why}")
    return found


def of_another(repository: Repository, pin: Pin) -> bool:
    """Is the pin of a repository that lay at this path before: is none of its commits here?"""
    return bool(pin.trusted) and not any(map(repository.has_commit, pin.trusted))


def revision(factory: Factory) -> str:
    """The name of the commit to speak of, for what is read from git alone, trusted or not."""
    pin = pins.read(factory.repository.common)
    return "HEAD" if pin is None else HEADS + pin.branch


def spoken_of(factory: Factory) -> str | None:
    """The branch to speak of: the pinned one, else the one that is checked out."""
    pin = pins.read(factory.repository.common)
    return factory.repository.branch() if pin is None else pin.branch


def accept(factory: Factory, found: Standing) -> None:
    """Remember that the commit, which was just projected, is accepted, and what its Policy asks of the next.

    A commit that an accepted one was built on changes nothing: going back does not switch signatures off.
    """
    pin = found.pin
    if pin is None or not factory.acts:
        return
    asked = factory.store.config().policy.signatures
    repository = factory.repository
    if pin.signatures == asked == "none" and pin.trusted:
        if pin.seen != found.commit:
            pins.update(repository.common, lambda old: msgspec.structs.replace(old, seen=found.commit))
        return  # nothing is asked of anybody: the branch's name is all that counts
    if pin.trusted and pin.trusted[-1] == found.commit and pin.signatures == asked:
        return
    if any(oid != found.commit and repository.is_ancestor(found.commit, oid) for oid in pin.trusted):
        return
    if pin.signatures == "none" and asked != "none":
        refuse_keyless(factory, found.commit, pin.keys, asked)
    pins.update(
        repository.common,
        lambda old: msgspec.structs.replace(
            old, trusted=trust.covered(repository, found.commit, old.trusted), signatures=asked
        ),
    )


def refuse_keyless(factory: Factory, commit: str, pinned: Sequence[str], asked: str) -> None:
    """Raises Refused where signatures are asked for and no person could give one: he would lock himself out."""
    if anybody_signs(factory.repository, commit, pinned):
        return
    raise Refused(
        f"the Policy of {commit[:12]} asks for signatures ({asked}), and nothing says whose: commit {trust.SIGNERS} "
        "with a line `NAME ssh-ed25519 KEY`, or pin yours: alai-reconcile trust ~/.ssh/KEY.pub. Then sign with: "
        "git config gpg.format ssh; git config user.signingKey ~/.ssh/KEY.pub; git config commit.gpgSign true"
    )


def doubt(factory: Factory, commit: str) -> str | None:
    """Why a commit does not count on this machine, for who looks at it; None where it does, or nothing is pinned."""
    try:
        pin = pins.read(factory.repository.common)
        if pin is None:
            return None
        if of_another(factory.repository, pin):
            return "what is pinned on this machine is of another repository"
        return trust.check(factory.repository, commit, switched_on(factory.repository, commit, pin))
    except Refused as refused:
        return str(refused)


def _refuse_elsewhere(factory: Factory, found: Standing) -> None:
    pin = found.pin
    if pin is None:
        raise Refused(f"{factory.root}: no branch is pinned; pin one with: alai-reconcile trust --branch NAME")
    if found.foreign:
        raise Refused(
            f"{factory.root}: no commit that is pinned is here, so what is pinned is of another repository, which lay "
            f"at this path; look at this one, then pin it anew: alai-reconcile trust {found.commit[:12]}"
        )
    if found.branch != pin.branch:
        here = f"{found.branch} checked out" if found.branch else "no branch checked out (a detached HEAD)"
        raise Refused(
            f"{factory.root} has {here}, not {pin.branch}, which is pinned; run: git switch {pin.branch}, "
            "or pin another: alai-reconcile trust --branch NAME"
        )
