"""What there is to see of a host for the fleet's screen. Asked afresh, within a few seconds, and of no consequence."""

from __future__ import annotations

import msgspec

from reconciler.execute.backends.port import Probe
from reconciler.execute.backends.probes import probe
from reconciler.execute.backends.servers import (
    LLAMA,
    LLAMA_URL,
    OLLAMA,
    OLLAMA_URL,
    Models,
    Processes,
    Props,
    Slot,
    Unanswered,
    Version,
    page,
)
from reconciler.model.spec import Host


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A model in a host's memory. Bytes, tokens, and when its server lets it go (ISO 8601)."""

    name: str
    size: int | None = None
    context: int | None = None
    expires: str | None = None


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A host as it is now. `slots` are the server's own: (busy, all); None where it does not tell."""

    probe: Probe
    version: str = ""
    loaded: tuple[Loaded, ...] = ()
    slots: tuple[int, int] | None = None


def look(host: Host) -> Seen:
    """Never raises: a host that does not answer is seen as one."""
    found = probe(host)
    if not found.reachable:
        return Seen(probe=found)
    try:
        if host.kind == "ollama":
            return _ollama(host, found)
        if host.kind == "llama-server":
            return _llama(host, found)
    except Unanswered as problem:
        return Seen(probe=Probe(reachable=False, message=str(problem)))
    return Seen(probe=found)


def _ollama(host: Host, found: Probe) -> Seen:
    url = host.url or OLLAMA_URL
    running = page(url, "/api/ps", OLLAMA, Processes).models or []
    return Seen(
        probe=found,
        version=page(url, "/api/version", OLLAMA, Version).version,
        loaded=tuple(
            Loaded(name=item.name, size=item.size, context=item.context_length, expires=item.expires_at)
            for item in running
        ),
    )


def _llama(host: Host, found: Probe) -> Seen:
    """Its slots can be switched off when it is started: then only how many there are is known."""
    url = host.url or LLAMA_URL
    props = page(url, "/props", LLAMA, Props)
    try:
        busy = sum(slot.is_processing for slot in page(url, "/slots", LLAMA, list[Slot]))
    except Unanswered:
        busy = None
    context = props.default_generation_settings.n_ctx
    return Seen(
        probe=found,
        version=props.build_info,
        slots=None if busy is None else (busy, props.total_slots),
        loaded=tuple(
            Loaded(name=item.id, size=item.meta.size if item.meta else None, context=context)
            for item in page(url, "/v1/models", LLAMA, Models).data
        ),
    )
