"""Commits on the factory's branch, by the controller or a person: one writer at a time, on the head as it is now."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec

from reconciler.controller.factory import Factory
from reconciler.controller.lease import lease
from reconciler.controller.observe import observe
from reconciler.controller.signing import entry, own_key
from reconciler.git import pin as pins
from reconciler.git import trust
from reconciler.git.pin import Pin
from reconciler.git.record import BranchMoved, IndexLocked, NewCommit, Recorder, WrongBranch
from reconciler.model.errors import FactoryError, Refused
from reconciler.model.objects import Object
from reconciler.model.refs import Ref

PATIENCE = 30.0
"""Seconds to wait for another writer; a write takes milliseconds."""


class Writer:
    """Holds the long-lived recorder. `write` plans its commits on the current head, again where that has moved."""

    def __init__(self, factory: Factory) -> None:
        if not factory.acts:
            raise ValueError(f"{factory.root} was opened to look at it; who writes must act on the pinned branch")
        self._factory = factory
        self._recorder: Recorder | None = None
        self._listed = ""
        """a commit that this machine's key may sign upon"""

    def recover(self) -> None:
        """Finish or undo what a killed process left half-written."""
        with self._alone():
            self._open().recover()

    def ready(self) -> None:
        """Ask, before an effect that a commit is to follow, all that could keep the commit from being written.

        Raises Refused or FactoryError where the pinned branch is not checked out, its head is not trusted or not
        valid, or another git holds the index.
        """
        with self._alone():
            self._prepare()

    def enter(self) -> None:
        """Have this machine's key listed in the factory, before anything is begun whose outcome it is to sign.

        Until then nobody could tell a controller's commit from one that only says so. Raises as `ready` does, and
        Refused where a person must list the key.
        """
        if self._factory.store.commit != self._listed:
            self._write(list, None, entering=True)

    def write(self, make: Callable[[], Sequence[NewCommit]], effect: Callable[[], None] | None = None) -> list[str]:
        """`make()` gives the commits for the store as it is then; it is asked again if a person was faster.

        `effect()` is what they record: it is done once they are made and nothing keeps them from being written, and
        once only.
        """
        return self._write(make, effect, entering=False)

    def _write(
        self, make: Callable[[], Sequence[NewCommit]], effect: Callable[[], None] | None, *, entering: bool
    ) -> list[str]:
        with self._alone():
            while True:
                head = self._prepare()
                recorder = self._open()
                commits = make()
                first = self._entry(recorder, head) if commits or entering else []
                if not (commits or first):
                    return []
                if effect is not None:
                    effect()
                    effect = None
                try:
                    written = recorder.write([*first, *commits], head, self._accept)
                except BranchMoved:
                    continue
                except WrongBranch as error:
                    raise Refused(str(error)) from error
                observe(self._factory, ours=written)
                self._listed = written[-1]
                return written[len(first) :]

    def close(self) -> None:
        if self._recorder is not None:
            self._recorder.close()
            self._recorder = None

    def _entry(self, recorder: Recorder, head: str) -> list[NewCommit]:
        """What has to come before anything that this machine's controller may sign."""
        if head == self._listed:
            return []
        asked = self._factory.store.config().policy.signatures
        commit = entry(self._factory.repository, head, recorder.key, signatures=asked)
        if commit is None:
            self._listed = head
        return [commit] if commit is not None else []

    def _prepare(self) -> str:
        """The head that commits are to be built on, with everything checked."""
        recorder = self._open()
        recorder.recover()
        head = observe(self._factory)
        try:
            recorder.checkout.require_free()
        except IndexLocked as locked:
            raise FactoryError(str(locked)) from locked  # no fault of a product, whatever is being done to one
        return head

    def _accept(self, commit: str) -> None:
        """Pin what is about to become the head: after a crash it is known as ours, whatever the branch was left at."""
        common = self._factory.repository.common
        pin = pins.read(common)
        if pin is not None and pin.signatures != "none":
            pins.update(common, lambda old: msgspec.structs.replace(old, trusted=self._covered(commit, old)))

    def _covered(self, commit: str, pin: Pin) -> tuple[str, ...]:
        return trust.covered(self._factory.repository, commit, pin.trusted)

    def _alone(self):
        return lease(self._factory.lock("writer"), "write", wait=PATIENCE)

    def _open(self) -> Recorder:
        pin = pins.read(self._factory.repository.common)
        if pin is None:
            raise Refused(f"{self._factory.root}: no branch is pinned; pin one: alai-reconcile trust --branch NAME")
        if self._recorder is not None and self._recorder.checkout.branch != pin.branch:
            self.close()
        if self._recorder is None:
            self._recorder = Recorder(self._factory.root, pin.branch, own_key(self._factory.repository))
        return self._recorder


def event_commit(
    files: dict[str, bytes | None],
    subject: str,
    ref: Ref,
    event: str,
    *,
    author: tuple[str, str],
    body: str = "",
) -> NewCommit:
    """A commit that is no outcome: it changes files and says which object and what happened to it."""
    return NewCommit(
        files=files,
        subject=subject,
        body=body,
        trailers=[("Alai-Object", str(ref)), ("Alai-Event", event)],
        author=author,
        time=int(time.time()),
    )


def one(found: Sequence[Object], ref: Ref, names: Sequence[str] = ()) -> Object:
    """The object that a user named. Raises FactoryError with the nearest names where there is none."""
    if found:
        return found[0]
    import difflib

    near = difflib.get_close_matches(ref.name, names, n=1)
    hint = f"; did you mean {ref.kind}/{near[0]}?" if near else f"; see: alai-reconcile list {ref.kind.lower()}s"
    raise FactoryError(f"{ref}: not found{hint}")
