"""What the tests of trust ask of a factory, within this process."""

from __future__ import annotations

from reconciler.git import pin as pins
from tests.e2e.factory import TinyFactory, here


def pin_of(factory: TinyFactory) -> pins.Pin:
    found = pins.read(factory.root / ".git")
    assert found is not None
    return found


def unpin(factory: TinyFactory) -> None:
    pins.place(factory.root / ".git").unlink(missing_ok=True)


def refused(factory: TinyFactory, *command: str) -> str:
    done = here(factory, *command)
    assert done.code == 3, (command, done)
    assert len(done.err.strip().splitlines()) == 1, done.err
    return done.err


def fine(factory: TinyFactory, *command: str) -> str:
    done = here(factory, *command)
    assert done.code == 0, (command, done)
    return done.out
