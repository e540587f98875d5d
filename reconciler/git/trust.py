"""Whether a commit of the factory's branch may be acted on, by what is pinned. Decides nothing else.

Keys come from a commit that was accepted before, or from the pin, never from the commit under judgement: nobody can
let himself in. What was accepted covers all that it was built on. Neither the store nor any ref of the repository is
asked: the one may be deleted at any moment, and the other may have come along with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from reconciler.git import signature
from reconciler.git.controllers import LIST, in_force
from reconciler.git.errors import GitError
from reconciler.git.keylists import Lists, begun, followed, joined, keys_in
from reconciler.git.pin import Pin
from reconciler.git.repository import Repository
from reconciler.git.run import decode, run
from reconciler.git.signature import Signed, Signers

SIGNERS = ".alai/allowed_signers"
"""in the factory repository; one line per key (the ALLOWED SIGNERS format of ssh-keygen)"""
REVOKED = ".alai/revoked_keys"
"""in the factory repository; public keys, one a line, that nothing new is accepted from"""
HOW = (
    "sign it with a key that is listed: git -c gpg.format=ssh -c user.signingKey=~/.ssh/KEY.pub commit --amend -S; "
    "or look at it, and pin it: alai-reconcile trust"
)
_CONTROLLER = 'controller namespaces="git" '
"""begins the lines of the keys that no person has"""


class _New(NamedTuple):
    """A commit that nobody has accepted yet."""

    oid: str
    parents: tuple[str, ...]
    raw: bytes


def check(repo: Repository, commit: str, pin: Pin) -> str | None:
    """Why `commit` is not trusted, as one sentence; None where it is. Raises GitError."""
    if pin.signatures == "none" and not (pin.keys and not pin.trusted):
        return None
    known = [oid for oid in pin.trusted if repo.has_commit(oid)]
    if any(repo.is_ancestor(commit, oid) for oid in known):
        return None
    new, rooted = _unseen(repo, commit, known)
    base = known[-1] if known else None
    signers = _with_pinned(pin, signers_at(repo, base) if base else Signers(""))
    if not rooted:
        first = _signed_by_pinned(new, pin)
        if first is None:
            return f"it is built on nothing that is trusted on this machine; {_way_out(commit)}"
        if first == commit:
            return None
        new, _ = _unseen(repo, commit, [first])
        signers = _with_pinned(pin, signers_at(repo, first))
    return _walk(repo, commit, new, pin, signers)


def signers_at(repo: Repository, commit: str) -> Signers:
    """Who may sign what follows on `commit`, as its own files say."""
    controllers = sorted(in_force(text_at(repo, commit, LIST).encode("utf-8", "surrogateescape")))
    lines = [f"{_CONTROLLER}{key}" for key in controllers]
    return Signers("\n".join([text_at(repo, commit, SIGNERS), *lines]), text_at(repo, commit, REVOKED))


def covered(repo: Repository, commit: str, trusted: Sequence[str], most: int = 16) -> tuple[str, ...]:
    """`trusted` with `commit` as the last: without those that it was built on, which it covers."""
    if trusted and commit == trusted[-1]:
        return tuple(trusted)
    kept = [oid for oid in trusted if repo.has_commit(oid) and not repo.is_ancestor(oid, commit)]
    return (*kept[1 - most :], commit)


def _walk(repo: Repository, commit: str, new: Sequence[_New], pin: Pin, signers: Signers) -> str | None:
    """Judge the new commits, parents first: each by the lists of keys that the accepted ones below it lead to."""
    touching = _touching(repo, commit, new)
    begin = begun(signers)
    after: dict[str, Lists] = {}
    for item in new:
        below = tuple(dict.fromkeys(after.get(oid, begin) for oid in item.parents)) or (begin,)
        before = joined(below)
        parts = signature.signed(item.raw)
        accepted = parts is not None and _signed_by_all(parts, below, before.signers.revoked)
        if not accepted and (pin.signatures == "every" or item.oid == commit):
            return _refusal(item, parts, before.signers, head=item.oid == commit)
        listed = accepted and item.oid in touching
        now = _with_pinned(pin, signers_at(repo, item.oid)) if listed else before.signers
        after[item.oid] = followed(item.oid, now, below, before) if listed else before
        if item.oid == commit and (why := _brought_back(repo, commit, after[commit])):
            return why
    return None


def _signed_by_all(parts: Signed, below: Sequence[Lists], revoked: str) -> bool:
    """A merge must be allowed by each of its parents: else its maker chose the one that still lists his key."""
    return all(signature.signer(parts, Signers(each.signers.allowed, revoked)) is not None for each in below)


def _brought_back(repo: Repository, commit: str, lists: Lists) -> str | None:
    """Refuse a head that lists a key which was taken away on the way to it: what is accepted begins the next list."""
    tree = signers_at(repo, commit)
    unrevoked = keys_in(lists.signers.revoked) - keys_in(tree.revoked)
    back = next((line for line in tree.allowed.splitlines() if lists.drops(line)), None)
    key = (signature.public_key(back) if back else None) or min(unrevoked, default=None)
    if key is None:
        return None
    what = f"lists {signature.fingerprint(key)} again" if back else f"does not revoke {signature.fingerprint(key)}"
    return (
        f"commit {commit[:12]} {what}, which was taken away below it; take it out of {SIGNERS} and put it into "
        f"{REVOKED} as it was, or look at it, and pin it: alai-reconcile trust {commit[:12]}"
    )


def _refusal(item: _New, parts: Signed | None, signers: Signers, *, head: bool) -> str:
    oid = item.oid
    if parts is None:
        what = f"commit {oid[:12]} carries no SSH signature"
    else:
        key = signature.fingerprint(parts.key)
        what = f"commit {oid[:12]} is signed with {key}, which {SIGNERS} of what was trusted before does not allow now"
    if all(line.startswith(_CONTROLLER) for line in signers.allowed.splitlines() if keys_in(line)):
        return f"{what}, and no key is listed there; pin yours: alai-reconcile trust ~/.ssh/KEY.pub"
    return f"{what}; {_how(item.parents, head=head)} {oid[:12]}"


def _how(parents: Sequence[str], *, head: bool) -> str:
    """To amend signs the last commit only: one below it is signed by making it and what follows anew."""
    if head:
        return HOW
    begin = parents[0][:12] if parents else "--root"
    again = f"git rebase --exec 'git commit --amend --no-edit -S' {begin}"
    pin = "or look at it, and pin it: alai-reconcile trust"
    return f"sign it, and what follows, with a key that is listed: {again}; {pin}"


def _way_out(commit: str) -> str:
    return f"look at it, then pin it: alai-reconcile trust {commit[:12]}, or whose signature counts: trust KEY"


def _with_pinned(pin: Pin, signers: Signers) -> Signers:
    """With the keys that a person pinned, and this machine's controller's."""
    lines = [f'pinned namespaces="git" {key}' for key in pin.keys]
    lines += [f"{_CONTROLLER}{pin.controller}"] if pin.controller else []
    return Signers("\n".join([*lines, signers.allowed]), signers.revoked)


def _signed_by_pinned(new: Sequence[_New], pin: Pin) -> str | None:
    """The last commit that a key of the pin signed: what a person's own signature stands for is where to begin."""
    if not pin.keys:
        return None
    pinned = _with_pinned(pin, Signers(""))
    for item in reversed(new):
        parts = signature.signed(item.raw)
        if parts is not None and parts.key in pin.keys and signature.signer(parts, pinned) is not None:
            return item.oid
    return None


def _unseen(repo: Repository, commit: str, known: Sequence[str]) -> tuple[list[_New], bool]:
    """The commits that none of `known` was built on, parents first; and whether they lead down to one of these."""
    asked = ("rev-list", "--topo-order", "--reverse", "--parents", "--boundary", commit, *(f"^{oid}" for oid in known))
    listed = [line.split() for line in decode(run(repo.root, *asked).stdout).splitlines()]
    plain = [line for line in listed if not line[0].startswith("-")]
    bodies = dict(repo.blobs([line[0] for line in plain]))
    return [_New(oid, tuple(parents), bodies[oid]) for oid, *parents in plain], len(plain) < len(listed)


def _touching(repo: Repository, commit: str, new: Sequence[_New]) -> frozenset[str]:
    """Those of the new commits that change the lists of keys; merges among them always."""
    if not new:
        return frozenset()
    below = {oid for item in new for oid in item.parents} - {item.oid for item in new}
    asked = ("rev-list", "--full-history", commit, *(f"^{oid}" for oid in sorted(below)), "--", SIGNERS, REVOKED, LIST)
    found = set(decode(run(repo.root, *asked).stdout).split())
    return frozenset(found | {item.oid for item in new if len(item.parents) > 1})


def text_at(repo: Repository, commit: str, path: str) -> str:
    """A list of keys at a commit; empty where it is not there."""
    try:
        return repo.read(commit, path).decode("utf-8", "surrogateescape")
    except GitError:
        return ""
