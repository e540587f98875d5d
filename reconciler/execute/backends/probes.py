"""Is a host there, and which models has it? One small request or a look at this machine, within two seconds."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import msgspec

from reconciler.execute import text
from reconciler.execute.backends import weights
from reconciler.execute.backends.port import Probe
from reconciler.execute.backends.streaming import is_loopback, tls
from reconciler.model.spec import Host

if TYPE_CHECKING:
    import httpx

Page = TypeVar("Page")

PROBE_SECONDS = 1.5
OLLAMA_URL = "http://127.0.0.1:11434"
LLAMA_URL = "http://127.0.0.1:8080"


class Unanswered(Exception):
    """The host did not answer as it should; one sentence."""


class _Tag(msgspec.Struct):
    name: str


class _Tags(msgspec.Struct):
    models: list[_Tag] | None = None


def probe(host: Host) -> Probe:
    """Ask a host. A kind that cannot be asked counts as there."""
    ask = _KINDS.get(host.kind)
    if ask is None:
        return Probe(reachable=True, message=f"a host of kind {host.kind} cannot be asked")
    try:
        return ask(host)
    except Unanswered as problem:
        return Probe(reachable=False, message=str(problem))


def page(url: str, path: str, server: str, type: type[Page], body: dict[str, str] | None = None) -> Page:
    """What a server says at a path, asked with GET, or with POST where there is a body. Raises Unanswered."""
    answer = get(url, path, server, body)
    try:
        return msgspec.json.decode(answer.content if answer.is_success else b"", type=type)
    except msgspec.MsgspecError as error:
        raise _unanswered(server, url, f"HTTP {answer.status_code}: {error}") from error


def get(url: str, path: str, server: str, body: dict[str, str] | None = None) -> httpx.Response:
    """The same, whatever the answer is."""
    import httpx

    try:
        with httpx.Client(timeout=PROBE_SECONDS, trust_env=not is_loopback(url), verify=tls()) as client:
            return client.request("GET" if body is None else "POST", f"{url.rstrip('/')}{path}", json=body)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _unanswered(server, url, str(error) or type(error).__name__) from error


def _unanswered(server: str, url: str, why: str) -> Unanswered:
    return Unanswered(f"does not answer as {server} at {url} ({text.line(why, 120)})")


def _ollama(host: Host) -> Probe:
    """Its models, with and without the tag `:latest` that may be left out."""
    tags = page(host.url or OLLAMA_URL, "/api/tags", "Ollama", _Tags)
    names = {tag.name for tag in tags.models or ()}
    return Probe(reachable=True, models=frozenset(names | {name.removesuffix(":latest") for name in names}))


def _llama(host: Host) -> Probe:
    """It has one model, under whatever name it was started with: what the Fleet calls it is taken to be that."""
    url = host.url or LLAMA_URL
    answer = get(url, "/health", "llama.cpp's server")
    if answer.status_code == 503:
        return Probe(reachable=False, message=f"is still loading its model at {url}")
    if not answer.is_success:
        raise _unanswered("llama.cpp's server", url, f"HTTP {answer.status_code}")
    return Probe(reachable=True)


def _embedded(host: Host) -> Probe:
    """Is the package here, and which weights?"""
    del host
    if importlib.util.find_spec(weights.PACKAGE) is None:
        raise Unanswered(f"{weights.PACKAGE} is not installed: run: {weights.INSTALL_COMMAND}")
    here = frozenset(name for name in weights.names() if weights.installed(name) is not None)
    return Probe(reachable=True, message="" if here else f"no weights yet: run: {weights.FETCH_COMMAND}", models=here)


def _claude(host: Host) -> Probe:
    from reconciler.execute.backends import claude_cli

    return claude_cli.probe(host)


def _command(host: Host) -> Probe:
    """Is the program here?"""
    if not host.command:
        raise Unanswered("no command is named: give the host one in the Fleet")
    if shutil.which(host.command[0]) is None:
        raise Unanswered(f"there is no program {host.command[0]} on this machine")
    return Probe(reachable=True)


_KINDS: dict[str, Callable[[Host], Probe]] = {
    "ollama": _ollama,
    "llama-server": _llama,
    "embedded": _embedded,
    "command": _command,
    "claude-cli": _claude,
}
