"""Reads the work in a process of its own (`apart`), where the same may not be shown as here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from reconciler.execute.apart import apart
from reconciler.execute.gates.subject import Subject
from reconciler.execute.redact import Redactor, forced, in_force

T = TypeVar("T")


async def read(function: Callable[..., T], subject: Subject, *args: object) -> T:
    """`function(subject, *args)`, all of them importable values. Raises TooLong, Broke."""
    return await apart(_within, function, in_force().values, subject, args, wall=subject.wall)


def _within(function: Callable[..., T], known: tuple[str, ...], subject: Subject, args: tuple[Any, ...]) -> T:
    with forced(Redactor.knowing(known, subject.policy.gates.secrets)):
        return function(subject, *args)
