"""Is a host there, and which models has it? One small request or a look at this machine, within two seconds."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable

from reconciler.execute.backends import weights
from reconciler.execute.backends.port import Probe
from reconciler.execute.backends.servers import (
    LLAMA,
    LLAMA_URL,
    OLLAMA,
    OLLAMA_URL,
    Tags,
    Unanswered,
    get,
    page,
    unanswered,
)
from reconciler.model.spec import Host


def probe(host: Host) -> Probe:
    """Ask a host. One of a kind that nobody knows is not there: nothing could talk to it."""
    ask = _KINDS.get(host.kind)
    if ask is None:
        return Probe(reachable=False, message=f"is of kind {host.kind}, which nothing here can talk to")
    try:
        return ask(host)
    except Unanswered as problem:
        return Probe(reachable=False, message=str(problem))


def _ollama(host: Host) -> Probe:
    """Its models, with and without the tag `:latest` that may be left out."""
    tags = page(host.url or OLLAMA_URL, "/api/tags", OLLAMA, Tags)
    names = {tag.name for tag in tags.models or ()}
    return Probe(reachable=True, models=frozenset(names | {name.removesuffix(":latest") for name in names}))


def _llama(host: Host) -> Probe:
    """It has one model, under whatever name it was started with: what the Fleet calls it is taken to be that."""
    url = host.url or LLAMA_URL
    answer = get(url, "/health", LLAMA)
    if answer.status_code == 503:
        return Probe(reachable=False, message=f"is still loading its model at {url}")
    if not answer.is_success:
        raise unanswered(LLAMA, url, f"HTTP {answer.status_code}")
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
