"""The ways to reach a model, one file each. What a backend needs is imported when it is opened."""

from __future__ import annotations

import importlib.util

from reconciler.execute.backends.port import (
    Answer,
    Backend,
    BackendError,
    Call,
    ChatRequest,
    Limits,
    Message,
    OnToken,
    Probe,
    ToolSpec,
    question,
)
from reconciler.model.job import ModelBrief
from reconciler.model.spec import Host
from reconciler.model.vocabulary import Reason

__all__ = [
    "Answer",
    "Backend",
    "BackendError",
    "Call",
    "ChatRequest",
    "Limits",
    "Message",
    "OnToken",
    "Probe",
    "ToolSpec",
    "offers",
    "open_backend",
    "probe",
    "question",
]

_TEXT = frozenset({"text", "schema"})


def offers() -> dict[str, frozenset[str]]:
    """The backends that can be used on this machine, with what they offer. Asks no server and imports nothing."""
    usable = {"ollama-simple": _TEXT}
    if importlib.util.find_spec("xllamacpp") is not None:
        usable["embedded"] = _TEXT
    return usable


def open_backend(model: ModelBrief) -> Backend:
    """The backend that the brief names. Raises BackendError where there is none of that name."""
    if model.backend == "ollama-simple":
        from reconciler.execute.backends.ollama_simple import OllamaSimple

        return OllamaSimple(model)
    if model.backend == "embedded":
        from reconciler.execute.backends.embedded import Embedded

        return Embedded(model)
    message = f"there is no backend {model.backend!r}; there are: {', '.join(sorted(offers()))}"
    raise BackendError(Reason.CAPABILITY_MISSING, message)


def probe(host: Host) -> Probe:
    """Ask a host whether it is there and what it has, within two seconds. A kind that we cannot ask counts as there."""
    if host.kind == "ollama":
        from reconciler.execute.backends import ollama_simple

        return ollama_simple.probe(host)
    if host.kind == "embedded":
        from reconciler.execute.backends import embedded

        return embedded.probe()
    return Probe(reachable=True, message=f"a host of kind {host.kind} cannot be asked")
