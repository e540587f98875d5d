"""Whose address Claude's requests go to, and with whose credential. Reads the environment and the user's own files.

The names are those of Claude Code. What is found never enters a sandbox: `claude_api` adds it to each request outside.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec

ANTHROPIC = "https://api.anthropic.com"
SETUP = "claude has no credentials: run: claude setup-token, and set CLAUDE_CODE_OAUTH_TOKEN"

_ADDRESS = "ANTHROPIC_BASE_URL"
_BEARER = "ANTHROPIC_AUTH_TOKEN"
_KEY = "ANTHROPIC_API_KEY"
_LOGIN = "CLAUDE_CODE_OAUTH_TOKEN"
_SECRETS = (_BEARER, _KEY, _LOGIN)
_CLOUDS = {
    "CLAUDE_CODE_USE_BEDROCK": "Amazon Bedrock",
    "CLAUDE_CODE_USE_VERTEX": "Google Vertex AI",
    "CLAUDE_CODE_USE_FOUNDRY": "Microsoft Foundry",
}
_OFF = ("", "0", "false", "no", "off")
_SHORTEST_SECRET = 20
"""characters; shorter texts in a file of credentials are words such as `max`"""


class NoLogin(Exception):
    """There is no credential for where the requests would go. The message is one sentence, with what to do."""


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """`header` is what the receiver at `url` (no slash at its end) knows us by."""

    url: str
    header: tuple[str, str]
    account: bool = False
    """of a person's account, not a key: the program has to speak as it does for one"""

    @property
    def place(self) -> str:
        """`host:port` of the receiver."""
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def login(environment: Mapping[str, str] | None = None, now: float | None = None) -> Login:
    """The credential for the address that the user has set. Raises NoLogin, rather than send one anywhere else.

    Settings of the user's own win over the environment, as they do in the program. `now`: seconds since the epoch.
    """
    environment = os.environ if environment is None else environment
    folder = _folder(environment)
    settings = _object(_json(folder / "settings.json"))
    known = {**environment, **_variables(settings)}
    for name, cloud in _CLOUDS.items():
        if known.get(name, "").lower() not in _OFF:
            raise NoLogin(f"{name} is set, and Claude through {cloud} is not supported here: unset it for the factory")
    url = _address(known.get(_ADDRESS, ""))
    if known.get(_BEARER):
        if not known.get(_ADDRESS):
            raise NoLogin(
                f"{_BEARER} is set, but no {_ADDRESS} says whom it is for, so it is sent to nobody: set {_ADDRESS} "
                f"({ANTHROPIC} if it is meant for that), or unset {_BEARER}"
            )
        return Login(url=url, header=("authorization", f"Bearer {known[_BEARER]}"))
    if known.get(_KEY):
        return Login(url=url, header=("x-api-key", known[_KEY]))
    if url != ANTHROPIC:
        raise NoLogin(
            f"{_ADDRESS} is {url}, and there is no credential for it: set {_BEARER} or {_KEY}. "
            f"A login to Anthropic is sent to {ANTHROPIC} only"
        )
    if known.get(_LOGIN):
        return Login(url=url, header=("authorization", f"Bearer {known[_LOGIN]}"), account=True)
    if token := _kept_token(folder, time.time() if now is None else now):
        return Login(url=url, header=("authorization", f"Bearer {token}"), account=True)
    if settings.get("apiKeyHelper"):
        raise NoLogin(f"{folder / 'settings.json'} names an apiKeyHelper, which is not run here: set {_KEY}")
    raise NoLogin(SETUP)


def kept_secrets(environment: Mapping[str, str] | None = None) -> frozenset[str]:
    """What must not be seen of the user's files with credentials; nothing where there are none that can be read."""
    folder = _folder(os.environ if environment is None else environment)
    found = {text for text in _texts(_json(folder / ".credentials.json")) if len(text) >= _SHORTEST_SECRET}
    named = _variables(_object(_json(folder / "settings.json")))
    return frozenset(found | {named[name] for name in _SECRETS if len(named.get(name, "")) >= 8})


def _folder(environment: Mapping[str, str]) -> Path:
    if named := environment.get("CLAUDE_CONFIG_DIR"):
        return Path(named)
    try:
        return Path.home() / ".claude"
    except RuntimeError:  # a user without a home
        return Path("/nonexistent")


def _address(given: str) -> str:
    if not given:
        return ANTHROPIC
    try:
        parts = urlsplit(given)
        bare = not (parts.query or parts.fragment or "@" in given)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and bare
    except ValueError:  # a port above 65535, or half of an IPv6 address
        sound = False
    if not sound:
        raise NoLogin(f"{_ADDRESS} is no address such as {ANTHROPIC}: nothing is sent there, or anywhere else")
    return given.rstrip("/")


def _kept_token(folder: Path, now: float) -> str | None:
    """Of the program's own login; None where there is none. Raises NoLogin where its time is over."""
    file = folder / ".credentials.json"
    kept = _object(_object(_json(file)).get("claudeAiOauth"))
    token, until = kept.get("accessToken"), kept.get("expiresAt")
    if not isinstance(token, str) or not token:
        return None
    if isinstance(until, (int, float)) and until / 1000 <= now:
        ended = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(until / 1000))
        raise NoLogin(
            f"the login in {file} has expired ({ended}): start claude once to renew it, or for one that lasts run: "
            f"claude setup-token, and set {_LOGIN}"
        )
    return token


def _variables(settings: dict[str, Any]) -> dict[str, str]:
    """Those of the settings that say where requests go and with what."""
    named = _object(settings.get("env"))
    ours = (_ADDRESS, *_SECRETS, *_CLOUDS)
    return {name: value for name in ours if isinstance(value := named.get(name), str)}


def _json(file: Path) -> object:
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def _object(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in cast("dict[str, object]", value).values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            yield from _texts(item)
