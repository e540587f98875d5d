"""Takes secrets out of whatever is shown or written down: values this process knows, and what looks like a secret.

`text` redacts before it cuts, so this is the one way to evidence, messages, prompts and logs. Which redactor is in
force is a context variable: what is three calls down cannot forget to ask for it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
from collections.abc import Generator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, TypeVar, cast

import msgspec

from reconciler import trees
from reconciler.execute.backends.claude_login import kept_secrets
from reconciler.execute.encodings import Encodings
from reconciler.execute.known import known
from reconciler.execute.shapes import CERTAIN, LOOSE, headless_keys, headless_keys_out, over_lines
from reconciler.model.pattern import Pattern, compiled

_T = TypeVar("_T")


class Redactor(msgspec.Struct, frozen=True):
    """`values` are replaced wherever they occur, as they are or encoded; `named` are the Policy's patterns."""

    values: tuple[str, ...]
    encodings: Encodings
    named: tuple[Pattern, ...] = ()

    @classmethod
    def of(cls, environment: Mapping[str, str] | None = None, extra: Sequence[str] = ()) -> Redactor:
        """From the environment (default: this process's, and Claude's credentials) and the Policy's patterns.

        Raises ValueError.
        """
        handed = kept_secrets() if environment is None else frozenset[str]()
        values = known(os.environ if environment is None else environment) | handed
        return cls.knowing(tuple(sorted(values, key=lambda value: (-len(value), value))), extra)

    @classmethod
    def knowing(cls, values: tuple[str, ...], extra: Sequence[str] = ()) -> Redactor:
        """Of these values, the longest first, and the Policy's patterns. Raises ValueError."""
        return cls(values, Encodings.of(values), tuple(_named(pattern) for pattern in extra))

    def text(self, text: str) -> str:
        """Without secrets. What is taken out leaves a mark, and as many ends of lines as it had."""
        for value in self.values:
            if value in text:
                text = text.replace(value, _mark("", value))
        text = self.encodings.out(text)
        for kind, pattern in (*CERTAIN, *LOOSE):
            text = pattern.sub(functools.partial(_marked, kind), text)
        text = headless_keys_out(text, _mark)
        for pattern in self.named:
            text = pattern.sub(_mark("secret named by the Policy", ""), text)
        return text

    def found(self, text: str) -> str | None:
        """The kind of secret that `text` surely holds, if any. Never the secret."""
        if any(value in text for value in self.values):
            return "value of this machine's environment"
        if self.encodings.found(text):
            return "value of this machine's environment, encoded"
        if headless_keys(text):
            return "private key"
        kind = next((kind for kind, pattern in CERTAIN if pattern.search(text)), None)
        if kind is None and any(pattern.search(text) for pattern in self.named):
            return "secret named by the Policy"
        return kind

    def found_over_lines(self, text: str) -> str | None:
        """The kind of secret that `text` has, where perhaps none of its lines shows it."""
        return "value of this machine's environment, encoded" if self.encodings.found(text) else over_lines(text)


_FORCED: ContextVar[Redactor | None] = ContextVar("redactor", default=None)


def in_force() -> Redactor:
    """The redactor of the attempt that runs, else one that knows this process's environment."""
    return _FORCED.get() or _of_this_process()


@functools.lru_cache(maxsize=1)
def _of_this_process() -> Redactor:
    return Redactor.of()


@contextlib.contextmanager
def forced(redactor: Redactor) -> Generator[None]:
    """Within it `redactor` is in force, also for tasks and threads that asyncio starts there."""
    token = _FORCED.set(redactor)
    try:
        yield
    finally:
        _FORCED.reset(token)


def redacted(text: str) -> str:
    """Without what the redactor in force knows or recognises."""
    return in_force().text(text)


def scrub(value: _T) -> _T:
    """The same value with every text in it redacted, keys included."""
    return msgspec.convert(scrubbed(msgspec.to_builtins(value)), type(value))


def scrubbed(value: Any) -> Any:
    """As `scrub`, for plain data."""
    if isinstance(value, str):
        return redacted(trees.shown(value))
    if isinstance(value, dict):
        return {scrubbed(key): scrubbed(item) for key, item in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [scrubbed(item) for item in cast("list[Any]", value)]
    return value


def _mark(kind: str, found: str) -> str:
    return (f"[redacted: {kind}]" if kind else "[redacted]") + "\n" * found.count("\n")


def _marked(kind: str, found: re.Match[str]) -> str:
    return _mark(kind, found[0])


def _named(pattern: str) -> Pattern:
    try:
        return compiled(pattern)
    except ValueError as error:
        message = f"Policy: gates.secrets: {pattern!r} is not a regular expression that RE2 takes: {error}"
        raise ValueError(message) from error
