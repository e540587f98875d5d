"""Look at the hosts: the only observation outside git and SQLite that the planner gets."""

from __future__ import annotations

import time
from collections.abc import Callable

from reconciler.execute import backends
from reconciler.model.spec import FleetSpec, Host
from reconciler.model.view import World

FRESH = 20.0
"""Seconds that an answer is believed: hosts come and go slowly, and a probe costs a round trip."""


def unseen() -> World:
    """What is known without asking anybody: which backends this program has. `diff` plans with this."""
    return World(backends=backends.offers())


class Hosts:
    """Probes hosts side by side and remembers the answers for a while."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[float, Host, backends.Probe]] = {}

    def look(self, fleet: FleetSpec) -> World:
        """Ask each host that was not asked lately."""
        now = self._clock()
        due = [host for host in fleet.hosts if not self._is_fresh(host, now)]
        if due:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(max_workers=min(8, len(due))) as pool:
                for host, probe in zip(due, pool.map(backends.probe, due), strict=True):
                    self._seen[host.name] = (now, host, probe)
        answers = {host.name: self._seen[host.name][2] for host in fleet.hosts}
        return World(
            unreachable={name: probe.message for name, probe in answers.items() if not probe.reachable},
            missing_models=frozenset(
                (host.name, model.name)
                for host in fleet.hosts
                if (models := answers[host.name].models) is not None
                for model in host.models
                if model.name not in models
            ),
            backends=backends.offers(),
        )

    def _is_fresh(self, host: Host, now: float) -> bool:
        seen = self._seen.get(host.name)
        return seen is not None and seen[1] == host and now - seen[0] < FRESH
