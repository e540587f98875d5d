"""What there is to see of a host for the fleet's screen. Asked afresh, within a few seconds, and of no consequence."""

from __future__ import annotations

import msgspec

from reconciler.execute.backends.port import Probe
from reconciler.execute.backends.probes import LLAMA_URL, OLLAMA_URL, Unanswered, page, probe
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


class _Version(msgspec.Struct):
    version: str = ""


class _Running(msgspec.Struct):
    name: str
    size: int | None = None
    context_length: int | None = None
    expires_at: str | None = None


class _Ps(msgspec.Struct):
    models: list[_Running] | None = None


def _ollama(host: Host, found: Probe) -> Seen:
    url = host.url or OLLAMA_URL
    running = page(url, "/api/ps", "Ollama", _Ps).models or []
    return Seen(
        probe=found,
        version=page(url, "/api/version", "Ollama", _Version).version,
        loaded=tuple(
            Loaded(name=item.name, size=item.size, context=item.context_length, expires=item.expires_at)
            for item in running
        ),
    )


class _Slot(msgspec.Struct):
    is_processing: bool = False


class _Settings(msgspec.Struct):
    n_ctx: int | None = None


class _Props(msgspec.Struct):
    default_generation_settings: _Settings = msgspec.field(default_factory=_Settings)
    total_slots: int = 0
    build_info: str = ""


class _Meta(msgspec.Struct):
    size: int | None = None


class _Model(msgspec.Struct):
    id: str
    meta: _Meta | None = None


class _Models(msgspec.Struct):
    data: list[_Model] = []


def _llama(host: Host, found: Probe) -> Seen:
    """Its slots can be switched off when it is started: then only how many there are is known."""
    url, server = host.url or LLAMA_URL, "llama.cpp's server"
    props = page(url, "/props", server, _Props)
    try:
        busy = sum(slot.is_processing for slot in page(url, "/slots", server, list[_Slot]))
    except Unanswered:
        busy = None
    context = props.default_generation_settings.n_ctx
    return Seen(
        probe=found,
        version=props.build_info,
        slots=None if busy is None else (busy, props.total_slots),
        loaded=tuple(
            Loaded(name=item.id, size=item.meta.size if item.meta else None, context=context)
            for item in page(url, "/v1/models", server, _Models).data
        ),
    )
