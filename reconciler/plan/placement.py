"""Gives out the slots of hosts within one plan, so that no host ever has more executions than its capacity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reconciler.model.spec import FleetSpec
from reconciler.model.view import Live
from reconciler.plan.candidates import Candidate

NO_SLOT = ("product-dirty", "judged")
"""States in which nothing of an execution runs: it waits for a person's repository, or only for its commit."""


class Slots:
    """Free slots a host, as this plan goes on."""

    def __init__(self, fleet: FleetSpec, live: Iterable[Live]) -> None:
        self._capacity = {host.name: host.capacity for host in fleet.hosts}
        self._taken = dict.fromkeys(self._capacity, 0)
        for item in live:
            host = item.execution.host
            if item.state not in NO_SLOT and host in self._taken:
                self._taken[host] += 1

    def take(self, candidates: Sequence[Candidate]) -> Candidate | None:
        """Take a slot: of the first link that has one, at its least loaded host; ties go to the order given."""
        best: Candidate | None = None
        for candidate in candidates:
            if best is not None and candidate.link > best.link:
                break
            free = self._taken[candidate.host] < self._capacity[candidate.host]
            if free and (best is None or self._taken[candidate.host] < self._taken[best.host]):
                best = candidate
        if best is not None:
            self._taken[best.host] += 1
        return best

    def full(self, candidates: Sequence[Candidate]) -> str:
        """One sentence: how full the hosts are."""
        hosts = dict.fromkeys(candidate.host for candidate in candidates)
        return ", ".join(f"{host} has {self._taken[host]} of {self._capacity[host]} slots taken" for host in hosts)
