"""Names in a single document that lead nowhere: kinds, backends and tools that there are not, parts of its own Fleet.

Works on plain, shape-checked JSON without pydantic, as the rules do. Names in other documents are not looked for here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from reconciler.kinds.rules import Place
from reconciler.model.spec.machinery import BACKENDS, HOST_KINDS
from reconciler.model.tools import CLAUDE_CODE, TOOLS

_GLOB = frozenset("*?[")


class Unknown(NamedTuple):
    """A word that names nothing, with those that would be right. `{}` in the message stands for the word."""

    place: Place
    message: str
    word: str
    known: tuple[str, ...]


def faults(kind: str, document: Mapping[str, Any]) -> Iterator[Unknown]:
    """Names of a document that its schema accepts, and that nothing has."""
    if kind == "Fleet":
        yield from _fleet(document["spec"])
    elif kind in ("Agent", "Company"):
        yield from _tools(document["spec"].get("tools") or ())


def _tools(named: Sequence[str]) -> Iterator[Unknown]:
    """Tools of other servers (`mcp__...`) and globs are for the running factory to find."""
    for index, name in enumerate(named):
        if name in TOOLS or name.startswith("mcp__") or not _GLOB.isdisjoint(name):
            continue
        place = ("spec", "tools", index)
        if name in CLAUDE_CODE:
            yield Unknown(place, f'there is no tool "{{}}": write {CLAUDE_CODE[name]}, as it is called here', name, ())
        else:
            yield Unknown(place, f'there is no tool "{{}}" (there are {", ".join(TOOLS)})', name, TOOLS)


def _fleet(spec: Mapping[str, Any]) -> Iterator[Unknown]:
    models: dict[str, tuple[str, ...]] = {
        host["name"]: tuple(model["name"] for model in host.get("models", ())) for host in spec.get("hosts", ())
    }
    kinds: dict[str, str] = {host["name"]: host["kind"] for host in spec.get("hosts", ())}
    for index, kind in enumerate(kinds.values()):
        if kind not in HOST_KINDS:
            said = f'there is no kind of host "{{}}" (there are {", ".join(HOST_KINDS)})'
            yield Unknown(("spec", "hosts", index, "kind"), said, kind, tuple(HOST_KINDS))
    for index, tier in enumerate(spec.get("tiers", ())):
        for at, link in enumerate(tier.get("chain", ())):
            place = ("spec", "tiers", index, "chain", at)
            yield from _link(link, models, place)
            yield from _fit(link, kinds, place)


def _fit(link: Mapping[str, Any], kinds: Mapping[str, str], place: Place) -> Iterator[Unknown]:
    """A backend talks to hosts of its own kind only; a person is at no host."""
    backend: str = link["backend"]
    if backend not in BACKENDS:
        return
    for host in link.get("hosts", ()):
        fitting = HOST_KINDS.get(kinds.get(host, ""), ())
        if fitting and backend not in fitting:
            said = (
                f'backend "{{}}" cannot talk to host {host}, which is of kind {kinds[host]}: say {" or ".join(fitting)}'
            )
            yield Unknown((*place, "backend"), said, backend, ())
            return


def _link(link: Mapping[str, Any], models: Mapping[str, tuple[str, ...]], place: Place) -> Iterator[Unknown]:
    backend: str = link["backend"]
    if backend not in BACKENDS:
        said = f'there is no backend "{{}}" (there are {", ".join(BACKENDS)})'
        yield Unknown((*place, "backend"), said, backend, BACKENDS)
    hosts: Sequence[str] = link.get("hosts", ())
    for index, host in enumerate(hosts):
        if host not in models:
            yield Unknown((*place, "hosts", index), 'the Fleet has no host "{}"', host, tuple(models))
    if link.get("model") is not None:
        yield from _model(link["model"], [host for host in hosts if host in models], models, place)


def _model(model: str, hosts: Sequence[str], models: Mapping[str, tuple[str, ...]], place: Place) -> Iterator[Unknown]:
    """Each host of a link must list its model: what is sent along with it, such as `numCtx`, stands there."""
    for host in hosts:
        if model not in models[host]:
            listed = f"it lists {', '.join(models[host])}" if models[host] else "it lists none"
            said = f'host {host} does not list the model "{{}}" ({listed})'
            yield Unknown((*place, "model"), said, model, models[host])
