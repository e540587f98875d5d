"""The ways to reach a model, one file each. What a backend needs is imported when it is opened."""

from __future__ import annotations

import importlib
import importlib.util

import msgspec

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


class _Way(msgspec.Struct, frozen=True):
    """Where a backend is, what can come of it at most, and the package without which it cannot be used."""

    module: str
    name: str
    offers: frozenset[str]
    package: str | None = None


_TEXT = frozenset({"text", "schema", "classify"})
_TOOLS = _TEXT | {"tools"}
_WAYS = {
    "ollama-tool": _Way("ollama_tool", "OllamaTool", _TOOLS),
    "ollama-simple": _Way("ollama_simple", "OllamaSimple", _TEXT),
    "llama-tool": _Way("llama_tool", "LlamaTool", _TOOLS),
    "llama-server": _Way("llama_server", "LlamaServer", _TEXT),
    "embedded": _Way("embedded", "Embedded", _TOOLS, package="xllamacpp"),
    "claude-cli": _Way("claude_cli", "ClaudeCli", _TOOLS),
    "command": _Way("command", "Command", _TEXT),
}
PERSON = "human-queue"
"""the backend of a person: work waits for them in the queue, nobody opens it"""


def offers() -> dict[str, frozenset[str]]:
    """The backends that can be used on this machine, with what they offer. Asks no server and imports nothing.

    What a model offers is for the Fleet to say, or for trying it out (`capabilities`): this is the most that can be.
    """
    return {
        name: way.offers
        for name, way in _WAYS.items()
        if way.package is None or importlib.util.find_spec(way.package) is not None
    }


def open_backend(model: ModelBrief) -> Backend:
    """The backend that the brief names. Raises BackendError where there is none of that name."""
    if model.backend == PERSON:
        raise BackendError(
            Reason.HUMAN_TIER, "a person does this: it waits in the human queue, where no model is asked"
        )
    way = _WAYS.get(model.backend)
    if way is None:
        message = f"there is no backend {model.backend!r}; there are: {', '.join(sorted(_WAYS))}"
        raise BackendError(Reason.CAPABILITY_MISSING, message)
    return getattr(importlib.import_module(f"{__name__}.{way.module}"), way.name)(model)


def probe(host: Host) -> Probe:
    """Ask a host whether it is there and what it has, within two seconds."""
    from reconciler.execute.backends import probes

    return probes.probe(host)
