"""Look at the hosts: the only observation outside git and SQLite that the planner gets."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from reconciler.controller.factory import Factory
from reconciler.execute import backends
from reconciler.execute.backends.found import FoundModels
from reconciler.model.spec import FleetSpec, Host
from reconciler.model.view import World

FRESH = 20.0
"""Seconds that an answer is believed: hosts come and go slowly, and a probe costs a round trip."""

UNPREPARED = "unprepared"
"""the note that holds which tasks' agents could not be given what they need, at one commit"""
AWAY = 10.0
"""Seconds until a host that did not answer is asked again: work waits for it."""


def found_models(state: Path) -> FoundModels:
    """What models were found to offer when they were tried (`fleet --probe`), from its file in the state folder."""
    return FoundModels(state / "cache" / "models.json")


def unseen(factory: Factory) -> World:
    """What is known without asking anybody: which backends this program has, what was found before. For `diff`."""
    return World(
        backends=backends.offers(), probed=found_models(factory.state).offers(), unprepared=unprepared(factory)
    )


def unprepared(factory: Factory) -> dict[str, str]:
    """task -> why its agents cannot be given what they need, as far as somebody tried at this very commit."""
    note = msgspec.json.decode(factory.store.note(UNPREPARED) or b"{}", type=_Unprepared)
    return note.tasks if note.commit == factory.store.commit else {}


def note_unprepared(factory: Factory, commit: str, tasks: Mapping[str, str]) -> None:
    """Remember it for whoever plans next."""
    known = unprepared(factory) if factory.store.commit == commit else {}
    note = _Unprepared(commit=commit, tasks={**known, **tasks})
    factory.store.set_note(UNPREPARED, msgspec.json.encode(note).decode())


class _Unprepared(msgspec.Struct):
    commit: str | None = None
    tasks: dict[str, str] = msgspec.field(default_factory=dict[str, str])


def seen(fleet: FleetSpec, answers: Mapping[str, backends.Probe], state: Path) -> World:
    """What the hosts' answers, by name, mean for planning."""
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
        probed=found_models(state).offers(),
    )


class Hosts:
    """Probes hosts side by side and remembers the answers for a while. `state` is the factory's folder for it."""

    def __init__(self, state: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._state = state
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
        return seen(fleet, {host.name: self._seen[host.name][2] for host in fleet.hosts}, self._state)

    def doubt(self, name: str) -> None:
        """An execution has just found otherwise: ask this host again before anything is sent there."""
        self._seen.pop(name, None)

    def _is_fresh(self, host: Host, now: float) -> bool:
        known = self._seen.get(host.name)
        if known is None or known[1] != host:
            return False
        return now - known[0] < (FRESH if known[2].reachable else AWAY)
