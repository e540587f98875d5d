"""Gives out the slots of hosts within one plan, so that no host ever has more executions than its capacity.

Nor more models at a time than its memory holds: each counts once, however many executions it serves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reconciler.model.size import size
from reconciler.model.spec import FleetSpec
from reconciler.model.view import Live
from reconciler.plan.candidates import Candidate

NO_SLOT = ("product-dirty", "product-locked", "judged")
"""States in which nothing of an execution runs: it waits for a person's repository, or only for its commit."""


class Slots:
    """Free slots and memory of each host, as this plan goes on."""

    def __init__(self, fleet: FleetSpec, live: Iterable[Live]) -> None:
        self._capacity = {host.name: host.capacity for host in fleet.hosts}
        self._memory = {host.name: size(host.memory) for host in fleet.hosts if host.memory}
        self._takes = {
            (host.name, model.name): size(model.memory)
            for host in fleet.hosts
            for model in host.models
            if model.memory and host.memory
        }
        self._taken = dict.fromkeys(self._capacity, 0)
        self._loaded: dict[str, set[str]] = {name: set() for name in self._capacity}
        for item in live:
            execution = item.execution
            if item.state not in NO_SLOT and execution.host in self._taken:
                self._add(execution.host, execution.model)

    def take(self, candidates: Sequence[Candidate]) -> Candidate | None:
        """Take a slot: of the first that has one free, in the order of the chain and of its hosts."""
        for candidate in candidates:
            if self._free(candidate.host) and self._fits(candidate):
                self._add(candidate.host, candidate.model)
                return candidate
        return None

    def full(self, candidates: Sequence[Candidate]) -> str:
        """One sentence: what keeps the hosts from taking this."""
        told = dict.fromkeys(self._obstacle(candidate) for candidate in candidates)
        return ", ".join(told)

    def _add(self, host: str, model: str | None) -> None:
        self._taken[host] += 1
        if model is not None:
            self._loaded[host].add(model)

    def _free(self, host: str) -> bool:
        return self._taken[host] < self._capacity[host]

    def _fits(self, candidate: Candidate) -> bool:
        """Whether the models that work there now leave room for this one."""
        host, model = candidate.host, candidate.model
        if model is None or host not in self._memory or model in self._loaded[host]:
            return True
        together = sum(self._takes.get((host, name), 0) for name in (*self._loaded[host], model))
        return together <= self._memory[host]

    def _obstacle(self, candidate: Candidate) -> str:
        host = candidate.host
        if not self._free(host):
            return f"{host} has {self._taken[host]} of {self._capacity[host]} slots taken"
        others = ", ".join(sorted(self._loaded[host]))
        return f"{host} has no memory for {candidate.model} beside {others}"
