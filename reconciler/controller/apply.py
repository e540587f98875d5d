"""Run the reconciler until nothing differs any more, the time is over, or a person asks it to stop."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from reconciler.controller.events import Event, Listener, silent
from reconciler.controller.factory import Factory
from reconciler.controller.lease import lease
from reconciler.controller.loop import Reconciler
from reconciler.controller.observe import observe
from reconciler.controller.saved import refuse_other
from reconciler.controller.world import unseen
from reconciler.dispatch.dbos import DbosDispatch
from reconciler.dispatch.port import Interrupted
from reconciler.execute.sandbox import MISSING, Sandbox
from reconciler.model.errors import Refused
from reconciler.model.view import Change, Plan
from reconciler.model.vocabulary import Action, Reason
from reconciler.plan.digest import Meaning
from reconciler.plan.planner import needing_person, plan

POLL = 1.0
"""Longest wait between two looks while something runs; the engine usually wakes the loop earlier."""
GATHER = 0.1
"""Most that is waited for more ends once something has ended: a commit's cost is mostly that of its batch."""
MANY = 4
"""from this many executions in flight on, more than one soon ends"""
PATIENCE = 60.0
"""Seconds that `apply` waits for a host to come back when nothing else is left to do."""


@dataclass(frozen=True)
class Applied:
    """How an `apply` ended. `exit_code` as in the contract: 0, 2 or 4."""

    plan: Plan
    exit_code: int
    stopped: bool = False


def apply(
    factory: Factory,
    *,
    once: bool = False,
    timeout: float | None = None,
    prune: bool = False,
    saved: Meaning | None = None,
    listener: Listener = silent,
) -> Applied:
    """Reconcile. Raises Refused where another controller works here, or the saved plan is not what would be done."""
    deadline = None if timeout is None else time.monotonic() + timeout
    with lease(factory.lock("controller"), "apply", needs=factory.state) as held, _stop_signals() as stopping:
        observe(factory)
        if saved is not None:
            refuse_other(saved, plan(factory.store.view(), time.time(), unseen(factory)))
        reconciler = Reconciler(factory, lambda: _engine(factory, listener, stopping), listener=listener, prune=prune)
        try:
            reconciler.recover()
            return _drive(reconciler, deadline, held, once=once, prune=prune, stopping=stopping, listener=listener)
        except Interrupted:
            return Applied(plan(factory.store.view(), time.time(), unseen(factory)), 2, stopped=True)
        finally:
            reconciler.close()


def _engine(factory: Factory, listener: Listener, stopping: threading.Event) -> DbosDispatch:
    """Raises Refused before anything starts where the Policy requires a sandbox and there is none."""
    config = factory.store.config()
    if Sandbox.detect() is None:
        if config.policy.sandbox == "required":
            raise Refused(MISSING)
        warning = "no sandbox on this machine: commands of blueprints and gates run with your own rights"
        listener(Event("warning", "Policy", warning))
    hosts = {host.name: host.capacity for host in config.fleet.hosts}
    return DbosDispatch(factory.state, hosts, stopping=stopping.is_set)


def _drive(
    reconciler: Reconciler,
    deadline: float | None,
    held: Callable[[], None],
    *,
    once: bool,
    prune: bool,
    stopping: threading.Event,
    listener: Listener,
) -> Applied:
    first: set[str] | None = None
    alone_since: float | None = None
    while True:
        held()
        began = time.monotonic()
        made = reconciler.turn()
        spent = time.monotonic() - began
        moving = [change for change in made.changes if _moves(change, prune=prune)]
        running = {change.address for change in made.changes if change.action in (Action.DISPATCH, Action.AWAIT)}
        if not moving:
            return Applied(made, _exit_code(made))
        if stopping.is_set() or (deadline is not None and time.monotonic() >= deadline):
            return Applied(made, 2, stopped=stopping.is_set())
        if once:
            first = running if first is None else first
            if not first & running:
                return Applied(made, 2)
        if all(change.reason is Reason.HOST_UNREACHABLE for change in moving):
            if alone_since is None:
                alone_since = time.monotonic()
                listener(Event("waiting", moving[0].address.partition("/")[2], moving[0].message))
            if time.monotonic() - alone_since > PATIENCE:
                return Applied(made, 4)
        else:
            alone_since = None
        if reconciler.wait(_pause(moving, deadline)) and len(running) >= MANY:
            time.sleep(min(GATHER, spent / 4))


def _pause(moving: list[Change], deadline: float | None) -> float:
    pause = POLL
    due = [change.due_at for change in moving if change.due_at is not None]
    if due and all(change.action is Action.WAIT for change in moving):
        pause = max(0.0, min(pause, min(due) - time.time()))
    return pause if deadline is None else max(0.0, min(pause, deadline - time.monotonic()))


def _moves(change: Change, *, prune: bool) -> bool:
    """Will this change without a person? What waits for another task moves only with that one."""
    if change.action in (Action.DISPATCH, Action.AWAIT, Action.CREATE):
        return True
    if change.action is Action.CANCEL:
        return prune or change.reason is not Reason.REMOVED
    return change.action is Action.WAIT and change.reason in (
        Reason.BACKOFF,
        Reason.CAPACITY_FULL,
        Reason.HOST_UNREACHABLE,
        Reason.MERGING,
    )


def _exit_code(made: Plan) -> int:
    """Settled: 0, or 4 where a person is needed, be it for a held task or for what waits for one."""
    return 4 if made.changes or needing_person((*made.held, *made.drift)) else 0


@contextmanager
def _stop_signals() -> Generator[threading.Event]:
    """SIGINT and SIGTERM ask the loop to stop after the current turn; a second one interrupts at once."""
    stopping = threading.Event()

    def ask(number: int, frame: object) -> None:
        del number, frame
        if stopping.is_set():
            raise KeyboardInterrupt
        stopping.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
