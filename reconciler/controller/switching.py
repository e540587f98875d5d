"""Signatures that were switched on since somebody acted last: from that commit on they are asked for, seen or not.

Else whoever commits right after it could take them back before anybody looked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from reconciler.desired.read import MANIFEST_ROOTS, MAX_BYTES, is_manifest, read_file
from reconciler.git import trust
from reconciler.git.keyfaults import signing_keys
from reconciler.git.keylists import keys_in
from reconciler.git.pin import Pin, Signatures
from reconciler.git.repository import SUBMODULE, SYMLINK, Repository
from reconciler.model.spec import PolicySpec

_KEY = b"signatures"


def switched_on(repository: Repository, commit: str, pin: Pin) -> Pin:
    """The pin as it would be if every commit of the branch up to `commit` had been acted on. Raises GitError."""
    last = pin.seen if pin.seen and repository.has_commit(pin.seen) else next(iter(pin.trusted[-1:]), "")
    if pin.signatures != "none" or last in ("", commit) or not repository.has_commit(last):
        return pin
    for oid, before in repository.line(last, commit, MANIFEST_ROOTS):
        asked = next(_asked(repository, before, oid), None) if oid != commit else None
        if asked is not None and anybody_signs(repository, oid, pin.keys):
            trusted = trust.covered(repository, oid, pin.trusted)
            return msgspec.structs.replace(pin, trusted=trusted, signatures=asked)
    return pin


def anybody_signs(repository: Repository, commit: str, pinned: Sequence[str]) -> bool:
    """Whether a person is listed there, or pinned, who could sign what follows."""
    allowed, revoked = (trust.text_at(repository, commit, path) for path in (trust.SIGNERS, trust.REVOKED))
    return bool(set(pinned) - keys_in(revoked) or signing_keys(allowed, revoked))


def _asked(repository: Repository, before: str | None, commit: str) -> Iterator[Signatures]:
    """What a Policy that this commit wrote asks for, where it asks for something."""
    files = (
        change
        for change in repository.changed(before, commit, MANIFEST_ROOTS)
        if change.mode not in (SYMLINK, SUBMODULE) and is_manifest(change.path)
    )
    paths = {change.new: change.path for change in files if change.new}
    small = [blob for blob, size in repository.sizes(paths).items() if size <= MAX_BYTES]
    for blob, data in repository.blobs(small):
        if _KEY not in data:
            continue
        for item in read_file(paths[blob], blob, data, light=True).objects:
            if item.ref.kind == "Policy":
                spec = msgspec.convert(item.spec, PolicySpec)
                if spec.signatures != "none":
                    yield spec.signatures
