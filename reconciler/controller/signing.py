"""The key that this machine's controller signs with: made, kept, let into the factory, replaced.

The private half lies in the user's configuration beside the pin, never in a repository. The public half is a line of
the factory's list of controllers, which only a commit on the trusted branch can change.
"""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from reconciler.git import pin as pins
from reconciler.git.controllers import LIST, in_force, lists, with_key, without_key
from reconciler.git.record import NewCommit
from reconciler.git.repository import GitError, Repository
from reconciler.git.sshsig import BadKey, Key
from reconciler.model.errors import Refused

NEW_KEY = "make a new one with: alai-reconcile trust --new-key"
DAY = 86400
SHOWN = 2
"""days after its end for which git shows a retired key's signatures as good: clocks and time zones differ"""


def own_key(repository: Repository) -> Key:
    """This machine's key for the repository, made on first use. Raises Refused where it is lost or not as pinned."""
    path, pin = pins.place(repository.common, pins.KEY), pins.read(repository.common)
    body = pins.read_private(path)
    if body is None:
        if pin is not None and pin.controller is not None:
            raise Refused(f"{path}: the controller's key is lost; bring it back, or {NEW_KEY}")
        return _made(repository)
    try:
        key = Key.read(body)
    except BadKey as error:
        raise Refused(f"{path}: {error}; bring the controller's key back, or {NEW_KEY}") from error
    if pin is not None and pin.controller != key.public:
        if pin.controller is not None:
            raise Refused(f"{path}: is not the key that is pinned; bring that one back, or {NEW_KEY}")
        _pin(repository, key)  # whoever made the key was killed before it was pinned
    return key


def begin(folder: Path, branch: str, message: str) -> Repository:
    """Make the folder's files a repository's first commit, with a new pin and a new key whose public half is in it."""
    folder.mkdir(parents=True, exist_ok=True)
    pins.create(folder / ".git", branch)  # first: a repository without a pin would be taken for one from elsewhere
    repository = Repository.create(folder, branch)
    key = own_key(repository)
    listed = folder / LIST
    listed.parent.mkdir(exist_ok=True)
    listed.write_bytes(with_key(b"", key.public, _today()))
    commit = repository.commit_everything(message, key)
    pins.update(repository.common, lambda pin: msgspec.structs.replace(pin, trusted=(commit,)))
    return repository


def told_of(kept: Path | None) -> list[str]:
    """What a person hears where a key lay at the path of a repository that begins anew."""
    return [f"A controller's key was kept here before: it now lies in {kept}, and a new one is made."] if kept else []


def entry(repository: Repository, head: str, key: Key, *, signatures: str) -> NewCommit | None:
    """The commit that lets the key sign what follows on `head`; None where it may. Raises Refused where a person must.

    With `signatures: none` every commit on the branch counts, so also this one. Else a person signs for the key.
    """
    body = controllers(repository, head)
    if key.public in in_force(body):
        return None
    if lists(body, key.public):
        raise Refused(f"{LIST}: does not let this machine's controller sign any more (its key was retired); {NEW_KEY}")
    changed = with_key(body, key.public, _today())
    if signatures != "none":
        line = changed.decode("utf-8", "replace").splitlines()[-1]
        raise Refused(
            f"{LIST} at {head[:12]}: does not list the key of this machine's controller, and commits must be signed; "
            f"add this line and commit it, signed: {line}"
        )
    return _list_commit(changed, "Let this machine's controller sign outcomes")


def replace_key(repository: Repository) -> str:
    """Make a new key in the place of the present one, and retire that in the working tree's list. What to do then.

    A person commits the list: what the old key signed before that commit still counts, and nothing after it.
    """
    listed, pin = repository.root / LIST, pins.read(repository.common)
    if listed.is_symlink() or listed.parent.is_symlink():
        raise Refused(f"{listed}: is a symbolic link; put a plain file there")
    body = controllers(repository, "HEAD")
    retired = pin.controller if pin is not None else own_key(repository).public
    if retired is not None:
        day = time.strftime("%Y%m%d", time.gmtime(time.time() + SHOWN * DAY))
        body = without_key(body, retired, day)
    key, kept = Key.make(), pins.set_key_aside(repository.common)
    _keep(repository, key)
    listed.parent.mkdir(exist_ok=True)
    listed.write_bytes(with_key(body, key.public, _today()))
    before = f" The one before is kept as {kept}." if kept else ""
    return f"A new key is kept; now commit {LIST}, signed where the Policy asks for it.{before}"


def _keep(repository: Repository, key: Key) -> None:
    """Keep the key as this machine's, in place of the one before."""
    pins.write_private(pins.place(repository.common, pins.KEY), key.write(f"alai-reconcile {_today()}"))
    _pin(repository, key)


def controllers(repository: Repository, commit: str) -> bytes:
    """The list of controllers at a commit; empty where there is none."""
    try:
        return repository.read(commit, LIST)
    except GitError:
        return b""


def _made(repository: Repository) -> Key:
    key = Key.make()
    _keep(repository, key)
    return key


def _pin(repository: Repository, key: Key) -> None:
    if pins.read(repository.common) is not None:
        pins.update(repository.common, lambda pin: msgspec.structs.replace(pin, controller=key.public))


def _list_commit(body: bytes, subject: str) -> NewCommit:
    return NewCommit(files={LIST: body}, subject=subject, time=int(time.time()))


def _today() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())
