"""What can run models on this machine: the Fleet that `init` writes. Asks loopback and the path, nothing else."""

from __future__ import annotations

import os
import re
from typing import Any

from reconciler.execute import backends
from reconciler.execute.backends import weights
from reconciler.execute.backends.capabilities import identify
from reconciler.execute.backends.port import BackendError
from reconciler.execute.backends.servers import OLLAMA_URL, Unanswered
from reconciler.model.spec import Host

WORK_TIERS = (1, 2, 3, 4)
PERSON_TIER = 5
CONTEXT = 8192
CLAUDE_MODEL = "sonnet"
CLAUDE_CONTEXT = 200_000
OLLAMA_OFFERS = ["text", "schema", "classify"]
"""of models that a person chose to have; the embedded one is too small to sort tasks"""

Spec = dict[str, Any]
PERSON: Spec = {"backend": backends.PERSON}


def discover() -> tuple[Spec, list[str]]:
    """The Fleet's spec, and a sentence for each thing found or missing.

    Small models serve the low tiers and large ones the high tiers; what is not there is left out, so that a tier
    without a model ends at a person.
    """
    hosts: list[Spec] = []
    said: list[str] = []
    links: dict[int, list[Spec]] = {tier: [] for tier in WORK_TIERS}
    for find in (_ollama, _claude, _embedded):
        host, reach, sentence = find()
        said.append(sentence)
        if host is not None:
            hosts.append(host)
            for tier, found in reach.items():
                links[tier] += found
    if not hosts:
        said.append("No model was found: every task will wait for a person until manifests/fleet.yaml names one.")
    links[PERSON_TIER] = []
    tiers: list[Spec] = [
        {"tier": tier, "chain": chain} if chain else {"tier": tier, "title": "A person", "chain": [PERSON]}
        for tier, chain in links.items()
    ]
    return {"hosts": hosts, "tiers": tiers}, said


def _ollama() -> tuple[Spec | None, dict[int, list[Spec]], str]:
    url = _ollama_url()
    probe = backends.probe(Host(name="ollama", kind="ollama", url=url))
    models = sorted(probe.models or (), key=_size)
    if not probe.reachable or not models:
        why = "has no models; run: ollama pull MODEL" if probe.reachable else "does not answer"
        return None, {}, f"Ollama at {url} {why}."
    able = {name for name in models if _has_tools(url, name)}
    host: Spec = {
        "name": "ollama",
        "kind": "ollama",
        "url": url,
        "capacity": 1,
        "models": [
            {"name": name, "numCtx": CONTEXT, "offers": [*OLLAMA_OFFERS, *(["tools"] if name in able else [])]}
            for name in models
        ],
    }
    reach = {tier: _ollama_links(model, able) for tier in WORK_TIERS for model in (_spread(models, tier),)}
    return host, reach, f"Ollama at {url} has {', '.join(models)}."


def _has_tools(url: str, model: str) -> bool:
    """As its server says; `fleet --probe` finds out."""
    try:
        return "tools" in identify(Host(name="ollama", kind="ollama", url=url), model).claims
    except (BackendError, Unanswered):
        return False


def _ollama_links(model: str, able: set[str]) -> list[Spec]:
    """With tools where the model has them, and else without."""
    simple = _link("ollama-simple", model, "ollama")
    return [_link("ollama-tool", model, "ollama"), simple] if model in able else [simple]


def _ollama_url() -> str:
    given = os.environ.get("OLLAMA_HOST", "")
    if not given:
        return OLLAMA_URL
    url = given if "://" in given else f"http://{given}"
    return url.replace("0.0.0.0", "127.0.0.1")


def _claude() -> tuple[Spec | None, dict[int, list[Spec]], str]:
    """Costs money: the last resort of the highest tier, after whatever runs here."""
    probe = backends.probe(Host(name="claude", kind="claude-cli"))
    if not probe.reachable:
        return None, {}, f"The Claude CLI is not used: {probe.message}."
    model = {"name": CLAUDE_MODEL, "numCtx": CLAUDE_CONTEXT, "offers": ["text", "schema", "tools"]}
    host: Spec = {"name": "claude", "kind": "claude-cli", "capacity": 1, "models": [model]}
    links = {WORK_TIERS[-1]: [_link("claude-cli", CLAUDE_MODEL, "claude")]}
    return (
        host,
        links,
        f"The Claude CLI is here: {probe.message}; it serves tier {WORK_TIERS[-1]} where nothing else does.",
    )


def _embedded() -> tuple[Spec | None, dict[int, list[Spec]], str]:
    ready = [name for name in weights.names() if weights.installed(name)]
    if not ready or "embedded" not in backends.offers():
        return None, {}, "The embedded model is not installed; for it run: alai-reconcile model fetch"
    host: Spec = {
        "name": "embedded",
        "kind": "embedded",
        "capacity": 1,
        "models": [{"name": name, "numCtx": 2048} for name in ready],
    }
    return host, {1: [_link("embedded", ready[0], "embedded")]}, f"The embedded model {ready[0]} is installed."


def _link(backend: str, model: str, host: str) -> Spec:
    return {"backend": backend, "model": model, "hosts": [host]}


def _spread(models: list[str], tier: int) -> str:
    """The smallest model for the lowest tier, the largest for the highest, the rest between."""
    return models[(tier - 1) * (len(models) - 1) // (len(WORK_TIERS) - 1)]


def _size(model: str) -> tuple[float, str]:
    """Billions of parameters as the tag says; a model that does not say counts as middle-sized."""
    match = re.search(r"(\d+(?:\.\d+)?)\s*([bm])\b", model.lower())
    if match is None:
        return 7.0, model
    return float(match[1]) * (1.0 if match[2] == "b" else 0.001), model
