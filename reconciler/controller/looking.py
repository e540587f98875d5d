"""Answers to what a person looks at: overview, rows, one object, the audit trail. Read-only."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping

from reconciler.controller import report, trusted
from reconciler.controller.audit import outcomes
from reconciler.controller.claims import claims, counted
from reconciler.controller.factory import Factory
from reconciler.controller.observe import observe
from reconciler.controller.standing import revision, spoken_of
from reconciler.controller.world import unseen
from reconciler.controller.writer import one
from reconciler.model.errors import FactoryError
from reconciler.model.objects import Object
from reconciler.model.refs import Ref
from reconciler.model.share import share
from reconciler.model.spec import SPECS, kind_named
from reconciler.model.view import View
from reconciler.model.vocabulary import Action, Phase
from reconciler.plan.budget import today
from reconciler.plan.planner import plan

BLOCKED = (Phase.HUMAN, Phase.FAILED, Phase.WAITING, Phase.SUSPENDED)


def overview(factory: Factory) -> report.Row:
    """Everything that `status` shows."""
    commit = observe(factory)
    view = factory.store.view_all()
    tasks = report.task_rows(factory, view)
    spent = today(view, time.time())
    return {
        "revision": commit,
        "branch": spoken_of(factory),
        "subject": factory.repository.commit(commit).subject,
        "phases": dict(sorted(Counter(row["phase"] for row in tasks).items())),
        "goals": report.goal_rows(view, tasks),
        "running": [row for row in tasks if row["phase"] == Phase.RUNNING],
        "blocked": [row for row in tasks if row["phase"] in BLOCKED],
        "cost_usd": report.known_sum(row["cost_usd"] for row in tasks if row["attempts"]),
        "cost_today_usd": spent.usd,
        "cost_today_unknown": spent.unknown,
        "tokens": report.known_sum(row["tokens"] for row in tasks if row["attempts"]),
    }


def rows(
    factory: Factory,
    what: str,
    *,
    goal: str | None = None,
    labels: Mapping[str, str] | None = None,
    phase: str | None = None,
) -> list[report.Row]:
    """Rows of one sort, filtered. Raises FactoryError for a sort that does not exist."""
    observe(factory)
    _refuse_unknown(factory, goal, phase)
    if what == "executions":
        return [row for row in report.execution_rows(factory) if goal is None or row["goal"] == goal]
    view = factory.store.view_all()
    if what == "companies":
        return report.company_rows(view)
    if what in ("tasks", "goals"):
        tasks = report.task_rows(factory, view)
        found = tasks if what == "tasks" else report.goal_rows(view, tasks)
    else:
        found = _others(factory, what)
    wanted = dict(labels or {})
    return [
        row
        for row in found
        if (goal is None or row.get("goal") == goal)
        and (phase is None or row.get("phase") == phase)
        and wanted.items() <= row["labels"].items()
    ]


def _refuse_unknown(factory: Factory, goal: str | None, phase: str | None) -> None:
    """A filter that nothing can ever meet is a slip of the pen."""
    if goal is not None:
        one(factory.store.find(Ref("Goal", goal)), Ref("Goal", goal), [i.name for i in factory.store.objects("Goal")])
    if phase is not None and phase not in list(Phase):
        raise FactoryError(f"{phase}: not a phase; there are {', '.join(Phase)}")


def _others(factory: Factory, what: str) -> list[report.Row]:
    kind = _kind(what)
    if kind is None:
        known = ("executions", *(plural(kind) for kind in SPECS))
        raise FactoryError(f"{what}: no such thing to list; there are {', '.join(known)}")
    found = [report.spec_row(factory, item.ref) for item in factory.store.objects(kind)]
    return [row for row in found if row is not None]


def _kind(what: str) -> str | None:
    """The kind that is meant, be it in the plural or not."""
    return next((kind for kind in SPECS if what.lower() in (kind.lower(), plural(kind))), None)


def plural(kind: str) -> str:
    """As `list` takes it."""
    word = kind.lower()
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


def show(factory: Factory, ref: Ref) -> report.Row:
    """One object. Raises FactoryError with the nearest name where it is not there."""
    observe(factory)
    one(factory.store.find(ref), ref, [item.name for item in factory.store.objects(ref.kind)])
    view = factory.store.view_all()
    if ref.kind == "Task":
        return report.task_detail(factory, view, view.tasks[ref.name])
    row = report.spec_row(factory, ref) or {}
    if ref.kind == "Goal":
        tasks = report.task_rows(factory, view)
        mine = [task for task in tasks if task["goal"] == ref.name]
        progress = next(goal for goal in report.goal_rows(view, tasks) if goal["name"] == ref.name)
        row = {**row, **progress, "members": [task["name"] for task in mine]}
    return row


def eligible(factory: Factory) -> list[report.Row]:
    """Tasks that the planner would dispatch now, first first."""
    observe(factory)
    view: View = factory.store.view_all()
    made = plan(view, time.time(), unseen(factory))
    by_name = {row["name"]: row for row in report.task_rows(factory, view)}
    return [by_name[Ref.parse(change.address).name] for change in made.changes if change.action is Action.DISPATCH]


def trail(factory: Factory, ref: Ref | None) -> list[report.Row]:
    """The audit trail, from git alone: nothing here opens the database. `counts`: signed by a controller's key."""
    shown = [
        item for item in outcomes(factory, revision(factory)) if ref is None or item.trailers["Alai-Object"] == str(ref)
    ]
    return [
        {
            "commit": commit.oid,
            "time": report.stamp(commit.time),
            "author": commit.author,
            "subject": commit.subject,
            "object": commit.trailers["Alai-Object"],
            "event": commit.trailers.get("Alai-Event"),
            "outcome": commit.trailers.get("Alai-Outcome"),
            "counts": claims(heard),
            "trailers": dict(commit.trailers),
        }
        for commit, heard in zip(shown, counted(factory.repository, revision(factory), shown), strict=True)
    ]


def company(factory: Factory, name: str) -> report.Row:
    """One company; an archived one is shown as itself."""
    commit = observe(factory)
    config = factory.store.config()
    ref = Ref("Company", name)
    item: Object = one(factory.store.find(ref), ref, list(config.companies))
    spec = config.companies[item.name]
    try:
        soul = trusted.find(factory.root, commit, config.folders[Ref("Company", item.name)], spec.soul) or ""
    except FactoryError as error:
        soul = str(error)  # what a brief would be refused with
    row = next(row for row in report.company_rows(factory.store.view_all()) if row["name"] == name)
    return {**row, "tier_overrides": dict(spec.tier_overrides), "note": spec.note, "soul_text": soul}


def schema(kind: str | None) -> str:
    """The schema's text, or the names of the kinds. Raises FactoryError for an unknown kind."""
    if kind is None:
        return "\n".join(sorted(SPECS))
    named = kind_named(kind)
    if named is None:
        raise FactoryError(f"{kind}: no such kind; there are {', '.join(sorted(SPECS))}")
    return (share("schemas") / f"{named.lower()}.json").read_text().rstrip("\n")
