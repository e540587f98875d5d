"""Takes secrets out of whatever is written down: values this process knows, and strings that look like secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from reconciler.execute.backends.claude_login import kept_secrets

SHAPES: tuple[tuple[str, str], ...] = (
    (
        "private key",
        r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?:[\s\S]{1,8000}?-----END (?:[A-Z]+ )*PRIVATE KEY-----)?",
    ),
    ("AWS access key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})"),
    ("GitLab token", r"\bglpat-[A-Za-z0-9_-]{20,}"),
    ("Slack token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    ("Anthropic key", r"\bsk-ant-[A-Za-z0-9_-]{20,}"),
    ("API key", r"\bsk-(?:proj-|live_|test_)?[A-Za-z0-9]{24,}"),
    ("Stripe key", r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    ("Google API key", r"\bAIza[0-9A-Za-z_-]{35}"),
    ("JSON web token", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    ("password in a URL", r"(?<=://)[^\s:/@'\"$<{]{1,64}:[^\s:/@'\"$<{]{6,}(?=@[\w.-]+\.[a-z])"),
)
_NAMES = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$", re.IGNORECASE)


class Redactor(msgspec.Struct, frozen=True):
    """`values` are replaced wherever they occur; `shapes` are (kind, pattern)."""

    values: tuple[str, ...]
    shapes: tuple[tuple[str, re.Pattern[str]], ...]

    @classmethod
    def of(cls, environment: Mapping[str, str] | None = None, extra: Sequence[str] = ()) -> Redactor:
        """From the environment (default: this process's, and Claude's credentials) and the Policy's patterns.

        Raises ValueError.
        """
        handed = kept_secrets() if environment is None else frozenset[str]()
        environment = os.environ if environment is None else environment
        values = {value for name, value in environment.items() if _NAMES.search(name) and len(value) >= 8}
        values = {value for value in values if not value.startswith("/")} | handed
        return cls(tuple(sorted(values, key=lambda value: (-len(value), value))), shapes(extra))

    def text(self, text: str) -> str:
        for value in self.values:
            text = text.replace(value, "[redacted]")
        for kind, pattern in self.shapes:
            text = pattern.sub(f"[redacted: {kind}]", text)
        return text

    def found(self, text: str) -> str | None:
        """The kind of secret that `text` holds, if any. Never the secret."""
        if any(value in text for value in self.values):
            return "value of this machine's environment"
        return next((kind for kind, pattern in self.shapes if pattern.search(text)), None)


def shapes(extra: Iterable[str]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The built-in shapes and the Policy's, compiled."""
    compiled = [(kind, re.compile(pattern)) for kind, pattern in SHAPES]
    for pattern in extra:
        try:
            compiled.append(("secret named by the Policy", re.compile(pattern)))
        except re.error as error:
            message = f"Policy: gates.secrets: {pattern!r} is no regular expression: {error}"
            raise ValueError(message) from error
    return tuple(compiled)
