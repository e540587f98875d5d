"""Which hosts and models of the Fleet could do a piece of work, in the order of a tier's chain.

A link without `hosts` is a person: work that comes to it, because nothing before it can be used, goes to the human
queue. Free slots are not looked at here (see `placement`).
"""

from __future__ import annotations

import msgspec

from reconciler.model.size import size
from reconciler.model.spec import FleetSpec, Host, HostModel, Link
from reconciler.model.spec.machinery import HOST_KINDS
from reconciler.model.view import World
from reconciler.model.vocabulary import Reason

OFFERED = frozenset(("text", "schema", "tools"))
"""what a backend may offer; `classify` is said of a model only"""


class Needed(msgspec.Struct, frozen=True):
    """What work needs of a model. `lesser`: what will do where nothing offers all of it; None: nothing else will."""

    full: frozenset[str] = frozenset()
    lesser: frozenset[str] | None = None


class Candidate(msgspec.Struct, frozen=True):
    """A model at a host that could do the work. `link` is the place in the chain, from 0."""

    backend: str
    model: str | None
    host: str
    link: int
    lesser: bool = False
    """it offers the lesser need only"""


class Candidates(msgspec.Struct, frozen=True, kw_only=True):
    """Those that can be used now; where there are none, why. `waits`: it may pass by itself."""

    usable: tuple[Candidate, ...] = ()
    reason: Reason | None = None
    message: str = ""
    waits: bool = False


class Chains:
    """The chains of one Fleet as the world is now. Answers are remembered: tasks are many, chains few."""

    def __init__(self, fleet: FleetSpec, world: World) -> None:
        self.world = world
        self._hosts = {host.name: host for host in fleet.hosts}
        self._tiers: dict[int, tuple[Link, ...]] = {tier.tier: tier.chain for tier in fleet.tiers}
        self._known: dict[tuple[tuple[Link, ...], Needed, int], Candidates] = {}

    def above(self, tier: int) -> list[tuple[int, tuple[Link, ...]]]:
        """The tiers above this one with their chains, ascending."""
        return sorted((number, chain) for number, chain in self._tiers.items() if number > tier)

    def tier(self, number: int) -> tuple[Link, ...] | None:
        """The chain of a tier, or None where the Fleet has no such tier."""
        return self._tiers.get(number)

    def named(self, text: str) -> tuple[Link, ...]:
        """The chain for `backend:model`: all hosts it can talk to that list the model, in order. None: empty."""
        backend, colon, model = text.partition(":")
        if not colon and text.isdigit():
            return self._tiers.get(int(text), ())
        able = (host for host in self._hosts.values() if backend in HOST_KINDS.get(host.kind, ()))
        hosts = tuple(host.name for host in able if any(item.name == model for item in host.models))
        return (Link(backend=backend, model=model, hosts=hosts),) if hosts else ()

    def candidates(self, chain: tuple[Link, ...], needed: Needed, first: int = 0) -> Candidates:
        """All usable hosts of the chain from its link `first` on, those that offer all that is needed before others.

        Work that needs nothing of a model only takes a slot: any host does.
        """
        key = (chain, needed, first)
        if key not in self._known:
            self._known[key] = self._with_model(chain, needed, first) if needed.full else self._without_model(chain)
        return self._known[key]

    def capable(self, link: Link, needed: Needed) -> bool:
        """Does a host of this link, reachable or not, offer what is needed?"""
        return any(
            obstacle is None or obstacle[0] in (Reason.HOST_UNREACHABLE, Reason.MODEL_MISSING)
            for host in link.hosts
            for obstacle in (self._obstacle(link, host, wanted) for wanted in _wants(needed))
        )

    def _without_model(self, chain: tuple[Link, ...]) -> Candidates:
        if chain and not chain[0].hosts:
            return _person("")
        usable = tuple(
            Candidate(link.backend, None, host, at)
            for at, link in enumerate(chain)
            for host in link.hosts
            if host in self._hosts
        )
        if usable:
            return Candidates(usable=usable)
        return Candidates(reason=Reason.NO_ROUTE, message="the tier's chain names no host of the Fleet")

    def _with_model(self, chain: tuple[Link, ...], needed: Needed, first: int) -> Candidates:
        usable: list[Candidate] = []
        obstacles: dict[Reason, list[str]] = {}
        for at, link in enumerate(chain):
            if at < first:
                continue
            if not link.hosts:
                if not usable:
                    return _person_after(obstacles, needed)
                break
            for host in link.hosts:
                found = [self._obstacle(link, host, wanted) for wanted in _wants(needed)]
                if None in found:
                    lesser = found[0] is not None
                    usable.append(Candidate(link.backend, link.model, host, at, lesser))
                elif (obstacle := found[-1]) is not None:
                    obstacles.setdefault(obstacle[0], []).append(obstacle[1])
        usable.sort(key=lambda item: item.lesser)
        return Candidates(usable=tuple(usable)) if usable else _nothing(obstacles, needed)

    def _obstacle(self, link: Link, name: str, needed: frozenset[str]) -> tuple[Reason, str] | None:
        """Why this host cannot do it by this link."""
        world = self.world
        host = self._hosts.get(name)
        if host is None:
            return Reason.NO_ROUTE, f"the Fleet has no host {name}"
        if world.backends and link.backend not in world.backends:
            return Reason.CAPABILITY_MISSING, f"this machine has no backend {link.backend}"
        what = f"{link.backend}/{link.model}" if link.model else link.backend
        missing = needed - offered(link.backend, link.model, host, world)
        if missing:
            told = f"{what} at {name} does not offer {', '.join(sorted(missing))}"
            return Reason.CAPABILITY_MISSING, told + _way_out(link, host, world, missing)
        room, takes = host.memory, next((item.memory for item in host.models if item.name == link.model), None)
        if room and takes and size(takes) > size(room):
            return Reason.NO_ROUTE, f"{what} needs {takes} of memory, and {name} has {room}"
        if name in world.unreachable:
            return Reason.HOST_UNREACHABLE, f"{name}: {world.unreachable[name]}"
        if link.model and (name, link.model) in world.missing_models:
            told = f"{name} does not have the model {link.model}"
            return Reason.MODEL_MISSING, f"{told}; run: ollama pull {link.model}" if host.kind == "ollama" else told
        return None


def offered(backend: str, model: str | None, host: Host, world: World) -> frozenset[str]:
    """What a model offers by this backend: what the Fleet says, less what the backend lacks or a trial disproved.

    A backend without a model is judged by what it offers itself.
    """
    if model is None:
        said = OFFERED
    else:
        found = next((item for item in host.models if item.name == model), HostModel(name=model))
        said = frozenset(found.offers)
        tried = world.probed.get((host.name, model))
        if tried is not None:
            said -= OFFERED - tried
    return said - (OFFERED - world.backends[backend]) if backend in world.backends else said


def _way_out(link: Link, host: Host, world: World, missing: frozenset[str]) -> str:
    """What a person can do where a trial found more than the Fleet says, or nothing was tried."""
    declared = next((frozenset(item.offers) for item in host.models if item.name == link.model), frozenset[str]())
    tried = world.probed.get((host.name, link.model)) if link.model else None
    if link.model is None or not missing - declared or missing - world.backends.get(link.backend, OFFERED):
        return ""
    if tried is None:
        return " by what the Fleet says; `fleet --probe` finds out, then name it in the model's `offers`"
    return "; a trial found that it does: name it in the model's `offers` in the Fleet" if missing <= tried else ""


def _wants(needed: Needed) -> tuple[frozenset[str], ...]:
    return (needed.full,) if needed.lesser is None else (needed.full, needed.lesser)


def _person(why: str) -> Candidates:
    return Candidates(reason=Reason.HUMAN_TIER, message=f"the tier of this task is a person{why}")


def _person_after(obstacles: dict[Reason, list[str]], needed: Needed) -> Candidates:
    if Reason.CAPABILITY_MISSING in obstacles:
        return _capability(obstacles, needed)
    told = "; ".join(text for texts in obstacles.values() for text in texts)
    return _person(f", since nothing before it can be used ({told})" if told else "")


def _nothing(obstacles: dict[Reason, list[str]], needed: Needed) -> Candidates:
    for reason in (Reason.HOST_UNREACHABLE, Reason.MODEL_MISSING):
        if reason in obstacles:
            waits = reason is Reason.HOST_UNREACHABLE
            return Candidates(reason=reason, message="; ".join(obstacles[reason]), waits=waits)
    if Reason.CAPABILITY_MISSING in obstacles:
        return _capability(obstacles, needed)
    told = "; ".join(obstacles.get(Reason.NO_ROUTE, ["the tier's chain is empty"]))
    return Candidates(reason=Reason.NO_ROUTE, message=told)


def _capability(obstacles: dict[Reason, list[str]], needed: Needed) -> Candidates:
    told = "; ".join(obstacles[Reason.CAPABILITY_MISSING])
    what = ", or ".join(", ".join(sorted(wanted)) for wanted in _wants(needed))
    return Candidates(reason=Reason.CAPABILITY_MISSING, message=f"the blueprint needs {what}: {told}")
