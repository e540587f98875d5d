"""What secrets look like. Every expression is linear: no run of characters is looked at again from its middle. Those
that begin with letters look behind these, not before: so only the places with the letters are tried.

`CERTAIN` shapes fail work that adds them; `LOOSE` ones are only taken out of what is shown, since honest work has them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_PRIVATE = r"(?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
_SPACE = r"(?:\s|\\[nr]|[>|#*])"
_TOKEN = r"[A-Za-z0-9_-]"
_PASSWORD = r"(?<=://)([^\s:/@'\"$<{\[]{1,64}):"
# with @ or / in it: not a port and a path, and only up to what can be a host with a dot
_ODD_PASSWORD = (
    r"(?!(?:\d{1,5}|(?i:port))[/?#])[^\s@'\"$<{]{1,100}+(?:@[^\s@'\"$<{]{1,100}+){0,3}?"
    r"(?=@[\w-]{1,63}+\.[\w.-]{1,190}+(?![@\w]))"
)

# the body up to the end, or where that was cut off the lines of Base64 that follow
_KEY = (
    rf"-----BEGIN {_PRIVATE}"
    rf"(?:(?:[^-]|-(?!----(?:BEGIN|END) )){{1,8000}}+-----END {_PRIVATE}|(?:{_SPACE}*+[A-Za-z0-9+/=]{{16,}}+)*+)"
)
# of another program's: encrypted or not, the lines behind this are what nobody else may have
_PUTTY_KEY = rf"Private-Lines: {{0,4}}\d{{1,4}}(?:{_SPACE}++[A-Za-z0-9+/=]{{4,}}+(?![:-]))*+"
# a whole run is taken, from its beginning: a token may stand behind other word characters. It may be broken at its
# dots, and where lines are full; so many lines, for whoever has only beginnings
_BREAK = r"=?(?:\r?\n|(?:\\r)?\\n)[\s>|#*\"'+]{0,8}+"
_MORE = rf"(?:(?<={_TOKEN}{{40}}){_BREAK}{_TOKEN}{{16,}}+){{0,12}}+"
_DOT = rf"(?:{_BREAK})?+\.(?:{_BREAK})?+"
_REST = rf"{_TOKEN}{{10,}}+{_MORE}"
_WEB_TOKEN = rf"(?<!{_TOKEN})(?={_TOKEN}*?eyJ){_TOKEN}{{13,}}+{_MORE}{_DOT}eyJ{_REST}{_DOT}{_REST}"
# words that everybody uses where a password must stand are none
_NO_PASSWORD = r"(?!(?:\1|pass\w*|secret|example|changeme|test|dev|postgres|mysql|root|admin|guest|user|app|xxx+|\*+)@)"
_RANDOM = r"(?=[^\s:/@'\"$<{\d]*+\d)(?=[^\s:/@'\"$<{A-Za-z]*+[A-Za-z])"
"""to a machine of one's own (a host without a dot) anything goes but what a generator made"""

_HEADER = r"(?i:authorization)[\"']?\s{0,4}[:=,]\s{0,4}[\"']?"
_MIXED = "".join(rf"(?=[A-Za-z0-9._~+/=-]{{0,200}}?[{kind}])" for kind in ("0-9", "A-Z", "a-z"))
"""examples in honest documents are of words"""
WEB_TOKEN = re.compile(_WEB_TOKEN)

CERTAIN: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("private key", _KEY),
        ("AWS access key", r"(?<![A-Za-z0-9+/])(?:AKIA|ASIA)[0-9A-Z]{16}|(?:AKIA|ASIA)[0-9A-Z]{16}(?![A-Za-z0-9+/=])"),
        ("GitHub token", r"gh[pousr]_[A-Za-z0-9]{36,}+|github_pat_[A-Za-z0-9_]{40,}+"),
        ("GitLab token", r"glpat-[A-Za-z0-9_-]{20,}+"),
        ("Slack token", r"xox[abeoprs]-[A-Za-z0-9-]{10,}+"),
        ("Anthropic key", r"sk-ant-[A-Za-z0-9_-]{20,}+"),
        ("API key", r"sk-(?<![A-Za-z]sk-)(?:(?:proj|svcacct|admin|or-v1)-[A-Za-z0-9_-]{24,}+|[A-Za-z0-9]{24,}+)"),
        ("Hugging Face token", r"hf_(?<![A-Za-z]hf_)[A-Za-z0-9]{30,}+"),
        ("npm token", r"npm_(?<![A-Za-z]npm_)[A-Za-z0-9]{36,}+"),
        ("PyPI token", r"pypi-AgE[A-Za-z0-9_-]{50,}+"),
        ("SendGrid key", r"SG\.(?<![A-Za-z]SG\.)[A-Za-z0-9_-]{16,}+\.[A-Za-z0-9_-]{32,}+"),
        ("Docker token", r"dckr_[a-z]{3}_[A-Za-z0-9_-]{20,}+"),
        ("Google token", r"ya29\.[A-Za-z0-9_-]{30,}+"),
        ("age key", r"AGE-SECRET-KEY-1[A-Z0-9]{50,}+"),
        ("Stripe key", r"[rs]k_(?<![A-Za-z][rs]k_)(?:live|test)_[A-Za-z0-9]{16,}+"),
        ("Google API key", r"AIza[0-9A-Za-z_-]{35}"),
        ("JSON web token", _WEB_TOKEN),
        ("Vault token", r"hv[bsr]\.(?<![A-Za-z0-9]hv[bsr]\.)[A-Za-z0-9_-]{24,}+"),
        ("DigitalOcean token", r"do[opr]_v1_[a-f0-9]{64}"),
        ("Databricks token", r"dapi(?<![A-Za-z0-9]dapi)[a-f0-9]{32}(?![A-Za-z0-9])"),
        ("Groq key", r"gsk_(?<![A-Za-z0-9]gsk_)[A-Za-z0-9]{40,}+"),
        ("xAI key", r"xai-(?<![A-Za-z0-9]xai-)[A-Za-z0-9]{60,}+"),
        ("Replicate token", r"r8_(?<![A-Za-z0-9]r8_)[A-Za-z0-9]{37,}+"),
        ("Shopify token", r"shp(?:at|ss|ca|pa|tka)_[A-Fa-f0-9]{32}"),
        ("Grafana token", r"glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}"),
        ("Grafana token", r"glc_(?<![A-Za-z0-9]glc_)[A-Za-z0-9+/]{32,}+"),
        ("Telegram token", r":AA(?<=[0-9]{8}:AA)[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])"),
        ("Azure key", r"(?:Account|SharedAccess)Key=[A-Za-z0-9+/]{43,}+"),
        ("Linear key", r"lin_api_[A-Za-z0-9]{32,}+"),
        ("Doppler token", r"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9_-]{40,}+"),
        ("Atlassian token", r"ATATT3[A-Za-z0-9_=-]{100,}+"),
        ("Terraform token", r"\.atlasv1\.[A-Za-z0-9_=-]{60,}+"),
        ("New Relic key", r"NRAK-[A-Z0-9]{27}"),
        ("Sentry token", r"sntry[su]_[A-Za-z0-9+/=_-]{40,}+"),
        ("Supabase token", r"sbp_[a-f0-9]{40}"),
        ("private key", _PUTTY_KEY),
        ("credential in a header", rf"{_HEADER}(?i:bearer|token) {{1,4}}{_MIXED}[A-Za-z0-9._~+/=-]{{24,}}+"),
        ("password in a URL", rf"{_PASSWORD}{_NO_PASSWORD}{_RANDOM}{_ODD_PASSWORD}"),
        ("password in a URL", rf"{_PASSWORD}{_NO_PASSWORD}[^\s:/@'\"$<{{]{{6,}}+(?=@[\w-]*+\.[\w.-])"),
        ("password in a URL", rf"{_PASSWORD}{_NO_PASSWORD}{_RANDOM}[^\s:/@'\"$<{{]{{12,}}+(?=@[\w.-])"),
    )
)
LOOSE: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("credential in a header", re.compile(rf"{_HEADER}(?i:basic|bearer|token) {{1,4}}[A-Za-z0-9._~+/=-]{{8,}}+")),
    ("password in a URL", re.compile(rf"{_PASSWORD}{_ODD_PASSWORD}")),
    ("token in a URL", re.compile(r"(?<=://)(?=[A-Za-z_-]{0,100}\d)[A-Za-z0-9_-]{20,200}+(?=@[\w.-])")),
    ("password in a URL", re.compile(rf"{_PASSWORD}[^\s:/@'\"$<{{]{{1,200}}+(?=@[\w.-])")),
)

_END = re.compile(rf"-----END {_PRIVATE}")
_PART = re.compile(r"[A-Za-z0-9+/=]++|[^A-Za-z0-9+/=\s]++")
_LONGEST = 8_000
_SHORT_LINE = 16


def over_lines(text: str) -> str | None:
    """The kind of secret that is in a text and in none of its lines, if any."""
    if "PRIVATE KEY" in text and headless_keys(text):
        return "private key without its first line"
    return "JSON web token" if WEB_TOKEN.search(text) else None


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
