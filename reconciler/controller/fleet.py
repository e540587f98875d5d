"""The fleet on one screen: what each host is doing, what its models can do, and who comes next where one fails."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from reconciler.actual.fast import EMPTY_PLAN
from reconciler.controller import hosts, report
from reconciler.controller.factory import Factory
from reconciler.controller.observe import observe
from reconciler.controller.standing import of_another
from reconciler.controller.world import found_models, seen
from reconciler.execute.backends.found import Found, FoundModels
from reconciler.execute.backends.look import Seen, look
from reconciler.execute.backends.port import BackendError, Probe
from reconciler.execute.sandbox import MISSING, Sandbox
from reconciler.execute.toolchain import toolchain
from reconciler.git import pin as pins
from reconciler.model.size import size
from reconciler.model.spec import FleetSpec, Host, HostModel, Tier
from reconciler.model.view import Live, View, World
from reconciler.model.vocabulary import Action, Reason
from reconciler.plan.placement import NO_SLOT
from reconciler.plan.planner import Planner

NOT_ASKED = Seen(probe=Probe(reachable=False, message="not asked: nothing is pinned here (see: alai-reconcile trust)"))
"""a host that is named by a commit which nobody trusts yet: asking it may mean running a program"""

Told = Callable[[str], None]
"""called with one line for people for each model that is tried"""


def fleet(factory: Factory, *, probe: bool = False, tell: Told = lambda _: None) -> report.Row:
    """The whole screen: `hosts`, `tiers`, `sandbox`, and `trials` where models were tried.

    An unreachable host is a row, too."""
    observe(factory)
    spec = factory.store.config().fleet
    found = found_models(factory.state)
    pin = pins.read(factory.repository.common)
    if pin is None or of_another(factory.repository, pin):
        looks = dict.fromkeys((host.name for host in spec.hosts), NOT_ASKED)
    else:
        looks = _looks(spec)
    live = factory.store.live()
    trials: list[report.Row] = []
    if probe:
        trials = asyncio.run(_try_all(spec, looks, taken(live), found, tell))
        factory.store.set_note(EMPTY_PLAN, None)  # what was planned without knowing this may not hold any more
        looks = _looks(spec)
    world = seen(spec, {name: item.probe for name, item in looks.items()}, factory.state)
    waiting = queues(factory.store.view(), world)
    rows = [
        _host_row(host, looks[host.name], live, waiting, world, found, hosts.told(factory, host)) for host in spec.hosts
    ]
    tiers = [failover(tier, world) for tier in spec.tiers]
    return {"hosts": rows, "tiers": tiers, "trials": trials, "sandbox": sandbox()}


def sandbox() -> report.Row:
    """What holds programs on this machine: `name` (None: nothing does), `missing` and `alone`, a sentence each."""
    found = Sandbox.detect()
    if found is None:
        return {"name": None, "missing": [MISSING], "alone": []}
    alone = [f"{path}: its file is there alone, since its folder is no installation" for path in toolchain().alone]
    return {"name": found.name, "missing": list(found.missing), "alone": alone}


def queues(view: View, world: World) -> Mapping[str, list[str]]:
    """Host -> the tasks that wait for a slot there, first first. A task counts where it would best like to go."""
    found: dict[str, list[str]] = {}
    planner = Planner(view, time.time(), world)
    for change in planner.make().changes:
        if change.action is Action.WAIT and change.reason is Reason.CAPACITY_FULL:
            task = view.tasks[change.address.partition("/")[2]]
            resolved, worked = planner.survey.resolved(task), planner.survey.lineage.worked(task)
            route = planner.router.route_task(task, resolved.stage_name, resolved.pipeline_name, worked)
            found.setdefault(route.host or "", []).append(task.name)
    return found


def taken(live: Iterable[Live]) -> Mapping[str, int]:
    """Host -> how many of its slots executions in flight hold."""
    return Counter(item.execution.host for item in live if item.state not in NO_SLOT)


def failover(tier: Tier, world: World) -> report.Row:
    """In which order a tier's hosts are tried; `text` says it in words."""
    order: list[report.Row] = []
    words: list[str] = []
    for link in tier.chain:
        for host in link.hosts or ("a person",):
            order.append({"host": host if link.hosts else None, "backend": link.backend, "model": link.model})
            if host not in words:
                words.append(host)
    told = [f"{host} (unreachable)" if host in world.unreachable else host for host in words]
    return {"tier": tier.tier, "title": tier.title, "order": order, "text": ", then ".join(told) or "nobody"}


def _looks(spec: FleetSpec) -> dict[str, Seen]:
    """All hosts side by side: one that does not answer holds nobody up."""
    if not spec.hosts:
        return {}
    with ThreadPoolExecutor(max_workers=min(8, len(spec.hosts))) as pool:
        return dict(zip((host.name for host in spec.hosts), pool.map(look, spec.hosts), strict=True))


async def _try_all(
    spec: FleetSpec, looks: Mapping[str, Seen], busy: Mapping[str, int], found: FoundModels, tell: Told
) -> list[report.Row]:
    """Hosts side by side, the models of one host one after the other: so no host gets more than it has slots."""
    free: list[Host] = []
    for host in spec.hosts:
        if not host.models or not looks[host.name].probe.reachable:
            continue
        if busy.get(host.name, 0) < host.capacity:
            free.append(host)
        else:
            tell(f"{host.name}: not tried: all of its slots are taken")
    rows = await asyncio.gather(*(_try_host(host, found, tell) for host in free))
    return [row for some in rows for row in some]


async def _try_host(host: Host, found: FoundModels, tell: Told) -> list[report.Row]:
    from reconciler.execute.backends.capabilities import probe_model

    rows: list[report.Row] = []
    for model in host.models:
        row: report.Row = {"host": host.name, "model": model.name, "offers": None, "cached": False, "message": ""}
        try:
            result = await probe_model(host, model, found.same)
        except BackendError as error:
            row |= {"message": error.message}
        else:
            row |= {"offers": list(result.offers), "message": "; ".join(result.notes)}
            row |= {"cached": found.same(result.digest, result.server) is not None}
            found.keep(host.name, model.name, result)
        offers = "not tried" if row["offers"] is None else f"offers {', '.join(row['offers']) or 'nothing'}"
        known = " (known by its digest)" if row["cached"] else ""
        tell(f"{host.name}: {model.name}: {offers}{known}{': ' if row['message'] else ''}{row['message']}")
        rows.append(row)
    return rows


def _host_row(
    host: Host,
    looked: Seen,
    live: Sequence[Live],
    waiting: Mapping[str, list[str]],
    world: World,
    found: FoundModels,
    runs: str,
) -> report.Row:
    running = [item.execution for item in live if item.execution.host == host.name and item.state not in NO_SLOT]
    sizes = [item.size for item in looked.loaded if item.size is not None]
    return {
        "name": host.name,
        "kind": host.kind,
        "url": host.url,
        "health": "ok" if looked.probe.reachable else "unreachable",
        "message": "; ".join(filter(None, (looked.probe.message, runs))),
        "version": looked.version or None,
        "capacity": host.capacity,
        "taken": len(running),
        "running": [{"task": item.task, "stage": item.stage, "model": item.model} for item in running],
        "server_slots": None if looked.slots is None else {"busy": looked.slots[0], "all": looked.slots[1]},
        "queue": waiting.get(host.name, []),
        "memory": {
            "bytes": None if host.memory is None else size(host.memory),
            "loaded": sum(sizes) if sizes else None,
        },
        "loaded": [
            {"name": item.name, "size": item.size, "context": item.context, "expires_at": item.expires}
            for item in looked.loaded
        ],
        "models": [_model_row(host, model, world, found.of(host.name, model.name)) for model in host.models],
    }


def _model_row(host: Host, model: HostModel, world: World, found: Found | None) -> report.Row:
    return {
        "name": model.name,
        "num_ctx": model.num_ctx,
        "memory": model.memory,
        "offers": list(model.offers),
        "missing": (host.name, model.name) in world.missing_models,
        "probed": None
        if found is None
        else {
            "offers": list(found.offers),
            "claims": list(found.claims),
            "context": found.context,
            "notes": list(found.notes),
            "digest": found.digest,
            "tried_at": report.stamp(found.tried_at),
        },
    }
