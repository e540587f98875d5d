"""What secrets look like. Every expression is linear: no run of characters is looked at again from its middle.

`CERTAIN` shapes fail work that adds them; `LOOSE` ones are only taken out of what is shown, since honest work has them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_PRIVATE = r"(?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
_SPACE = r"(?:\s|\\[nr]|[>|#*])"
_TOKEN = r"[A-Za-z0-9_-]"
_PASSWORD = r"(?<=://)([^\s:/@'\"$<{]{1,64}):"

# the body up to the end, or where that was cut off the lines of Base64 that follow
_KEY = (
    rf"-----BEGIN {_PRIVATE}"
    rf"(?:(?:[^-]|-(?!----(?:BEGIN|END) )){{1,8000}}+-----END {_PRIVATE}|(?:{_SPACE}*+[A-Za-z0-9+/=]{{16,}}+)*+)"
)
# a whole run is taken, from its beginning: a token may stand behind other word characters
_WEB_TOKEN = rf"(?<!{_TOKEN})(?={_TOKEN}*?eyJ){_TOKEN}{{13,}}+\.eyJ{_TOKEN}{{10,}}+\.{_TOKEN}{{10,}}+"
# words that everybody uses where a password must stand are none
_NO_PASSWORD = r"(?!(?:\1|pass\w*|secret|example|changeme|test|dev|postgres|mysql|root|admin|guest|user|app|xxx+|\*+)@)"
_RANDOM = r"(?=[^\s:/@'\"$<{\d]*+\d)(?=[^\s:/@'\"$<{A-Za-z]*+[A-Za-z])"
"""to a machine of one's own (a host without a dot) anything goes but what a generator made"""

CERTAIN: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("private key", _KEY),
        ("AWS access key", r"(?<![A-Za-z0-9+/])(?:AKIA|ASIA)[0-9A-Z]{16}|(?:AKIA|ASIA)[0-9A-Z]{16}(?![A-Za-z0-9+/=])"),
        ("GitHub token", r"gh[pousr]_[A-Za-z0-9]{36,}+|github_pat_[A-Za-z0-9_]{40,}+"),
        ("GitLab token", r"glpat-[A-Za-z0-9_-]{20,}+"),
        ("Slack token", r"xox[abeoprs]-[A-Za-z0-9-]{10,}+"),
        ("Anthropic key", r"sk-ant-[A-Za-z0-9_-]{20,}+"),
        ("API key", r"(?<![A-Za-z])sk-(?:(?:proj|svcacct|admin|or-v1)-[A-Za-z0-9_-]{24,}+|[A-Za-z0-9]{24,}+)"),
        ("Hugging Face token", r"(?<![A-Za-z])hf_[A-Za-z0-9]{30,}+"),
        ("npm token", r"(?<![A-Za-z])npm_[A-Za-z0-9]{36,}+"),
        ("PyPI token", r"pypi-AgE[A-Za-z0-9_-]{50,}+"),
        ("SendGrid key", r"(?<![A-Za-z])SG\.[A-Za-z0-9_-]{16,}+\.[A-Za-z0-9_-]{32,}+"),
        ("Docker token", r"dckr_[a-z]{3}_[A-Za-z0-9_-]{20,}+"),
        ("Google token", r"ya29\.[A-Za-z0-9_-]{30,}+"),
        ("age key", r"AGE-SECRET-KEY-1[A-Z0-9]{50,}+"),
        ("Stripe key", r"(?<![A-Za-z])[rs]k_(?:live|test)_[A-Za-z0-9]{16,}+"),
        ("Google API key", r"AIza[0-9A-Za-z_-]{35}"),
        ("JSON web token", _WEB_TOKEN),
        ("password in a URL", rf"{_PASSWORD}{_NO_PASSWORD}[^\s:/@'\"$<{{]{{6,}}+(?=@[\w-]*+\.[\w.-])"),
        ("password in a URL", rf"{_PASSWORD}{_NO_PASSWORD}{_RANDOM}[^\s:/@'\"$<{{]{{12,}}+(?=@[\w.-])"),
    )
)
LOOSE: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("password in a URL", re.compile(rf"{_PASSWORD}[^\s:/@'\"$<{{]{{1,200}}+(?=@[\w.-])")),
)

_END = re.compile(rf"-----END {_PRIVATE}")
_PART = re.compile(r"[A-Za-z0-9+/=]++|[^A-Za-z0-9+/=\s]++")
_LONGEST = 8_000
_SHORT_LINE = 16


def headless_keys(text: str) -> list[tuple[int, int]]:
    """Where the last lines of private keys stand whose first line is missing: (start, end) of each."""
    found: list[tuple[int, int]] = []
    last = 0
    for end in _END.finditer(text):
        begin = _back(text, max(last, end.start() - _LONGEST), end.start())
        if begin < end.start():
            found.append((begin, end.end()))
        last = end.end()
    return found


def headless_keys_out(text: str, mark: Callable[[str, str], str]) -> str:
    """The text with `mark(kind, found)` where such lines stood."""
    parts: list[str] = []
    at = 0
    for begin, end in headless_keys(text):
        parts += [text[at:begin], mark("private key", text[begin:end])]
        at = end
    return "".join([*parts, text[at:]]) if parts else text


def _back(text: str, low: int, at: int) -> int:
    """Where the Base64 begins that ends at `at`: whole lines and a shorter last one, as a quote may have them."""
    begin = at
    for number, part in enumerate(reversed(list(_PART.finditer(text, low, at)))):
        word = part[0]
        if word.strip("\\>|#*\",'") == "":
            continue
        if (not word[0].isalnum() and word[0] not in "+/=") or (len(word) < _SHORT_LINE and number > 1):
            break
        begin = part.start()
    return begin
