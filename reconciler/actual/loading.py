"""Reads views and configuration: what the planner gets to see. Only reads; the caller holds a snapshot."""

from __future__ import annotations

import posixpath
import sqlite3
from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar, cast

import msgspec

from reconciler.actual import rows
from reconciler.actual.projection import IN, TREES
from reconciler.actual.rows import ATTEMPT, EXECUTION, OBJECT, array
from reconciler.model.execution import Attempt, Classification
from reconciler.model.objects import Object
from reconciler.model.refs import Ref
from reconciler.model.spec import SPECS, FleetSpec, GoalSpec, PolicySpec, RoutingSpec, Spec, TaskSpec
from reconciler.model.view import Config, GoalState, Live, Spent, TaskState, View

PREFERRED = "default"
"""of several Fleets, Routings or Policies this one is taken, else the first by name"""

SPENT = "coalesce(sum(cost), 0.0), sum(seconds), count(*), sum(cost IS NULL)"
"""columns that `_spent` reads"""

_task = msgspec.json.Decoder(TaskSpec)
_goal = msgspec.json.Decoder(GoalSpec)
S = TypeVar("S", bound=Spec)


def load_config(conn: sqlite3.Connection) -> Config:
    """All objects that are neither Task nor Goal. Of two with one name the first by path is taken."""
    named: dict[str, dict[str, Spec]] = {kind: {} for kind in SPECS}
    paths: dict[Ref, str] = {}
    found = conn.execute(
        "SELECT kind, name, path, spec FROM objects WHERE kind NOT IN ('Task', 'Goal') ORDER BY kind, name, path, seq"
    )
    for kind, name, path, spec in found:
        if kind in named and name not in named[kind]:
            named[kind][name] = msgspec.json.decode(spec, type=SPECS[kind])
            paths[Ref(kind, name)] = path
    return config_of(named, paths)


def config_of(by_kind: Mapping[str, Mapping[str, Spec]], paths: Mapping[Ref, str]) -> Config:
    """The configuration that these specs make. `paths` are the manifests' files."""
    named = cast("Mapping[str, Mapping[str, Any]]", by_kind)
    return Config(
        pipelines=named["Pipeline"],
        companies=named["Company"],
        agents=named["Agent"],
        blueprints=named["Blueprint"],
        fleet=_only(by_kind["Fleet"], FleetSpec) or FleetSpec(),
        routing=_only(by_kind["Routing"], RoutingSpec),
        policy=_only(by_kind["Policy"], PolicySpec) or PolicySpec(),
        folders={ref: posixpath.dirname(path) for ref, path in paths.items()},
        quality=named["QualityGate"],
        languages=named["Language"],
    )


def _only(found: Mapping[str, Spec], kind: type[S]) -> S | None:
    chosen = found.get(PREFERRED) or next(iter(found.values()), None)
    return chosen if isinstance(chosen, kind) else None


def load_view(conn: sqlite3.Connection, commit: str, config: Config, *, everything: bool) -> View:
    lives = {live.execution.task: live for live in load_live(conn)}
    names = None if everything else needed(conn, set(lives), config)
    tasks = load_tasks(conn, names, lives)
    wanted = None if everything else {task.spec.goal or _owner(task) for task in tasks.values()} - {None}
    goals = load_goals(conn, cast("set[str] | None", wanted))
    orphans = tuple(live for name, live in lives.items() if name not in tasks)
    with_tasks = conn.execute(
        "SELECT value FROM json_each(?) WHERE EXISTS (SELECT 1 FROM objects o WHERE o.goal = value)",
        (array(set(goals)),),
    )
    return View(
        commit=commit,
        config=config,
        goals=goals,
        tasks=tasks,
        orphans=orphans,
        goals_with_tasks=frozenset(row[0] for row in with_tasks),
        spent=load_spent(conn),
    )


def _owner(task: TaskState) -> str | None:
    return task.object.owner.name if task.object.owner else None


def needed(conn: sqlite3.Connection, live: set[str], config: Config) -> set[str]:
    """Names of all tasks that planning the unsettled ones looks at.

    Unsettled are those marked so, those in flight, and those with altered evidence, which is reported until restored.
    A task's standing depends on its pipeline (the task it came from, and all that came of it) and, until it is decided,
    on the pipelines of what it depends on. A stage that runs once for a goal depends on the whole goal, so a goal that
    asks for one is loaded whole wherever one of its tasks is.
    """
    seeds = live | {row[0] for row in conn.execute("SELECT task FROM unsettled")}
    seeds |= {row[0] for row in conn.execute("SELECT task FROM evidence WHERE oid IS NULL")}
    names = seeds | _select(conn, f"SELECT target FROM depends WHERE task IN {IN}", seeds)
    whole: set[str] = set()
    while True:
        names |= _select(conn, TREES, names)
        goals = _select(
            conn, f"SELECT goal FROM objects WHERE name IN {IN} AND goal IS NOT NULL AND kind = 'Task'", names
        )
        found = _asking(conn, goals - whole, config)
        if not found:
            return names
        whole |= found
        names |= _select(conn, f"SELECT name FROM objects WHERE goal IN {IN}", found)


def _asking(conn: sqlite3.Connection, goals: set[str], config: Config) -> set[str]:
    """Those of the goals that ask, themselves or by a task, for a stage that runs once for a goal."""
    stages = [stage for line in config.pipelines.values() for stage in line.stages if stage.scope == "goal"]
    if not stages or any(stage.when == "always" for stage in stages):
        return goals if stages else set()
    own = _select(conn, f"SELECT name FROM objects WHERE kind = 'Goal' AND name IN {IN} AND asks", goals)
    tasks = "SELECT value FROM json_each(?) WHERE EXISTS (SELECT 1 FROM objects WHERE goal = value AND asks = 1)"
    return own | _select(conn, tasks, goals - own)


def _select(conn: sqlite3.Connection, query: str, of: set[str]) -> set[str]:
    return {row[0] for row in conn.execute(query, (array(of),))} if of else set()


def load_tasks(conn: sqlite3.Connection, names: set[str] | None, lives: Mapping[str, Live]) -> dict[str, TaskState]:
    """Tasks by name, sorted. `names` None: all. Of two with one name the first by path is taken."""
    attempts, altered = load_evidence(conn, names)
    numbers = last_numbers(conn, names, lives)
    said = load_classifications(conn, names)
    tasks: dict[str, TaskState] = {}
    for row in _filtered(conn, f"SELECT {OBJECT} FROM objects WHERE kind = 'Task'", "name", names, "name, path, seq"):
        name = row[4]
        if name not in tasks:
            tasks[name] = TaskState(
                object=rows.object_from(row),
                spec=_task.decode(row[-1]),
                attempts=attempts.get(name, ()),
                altered=altered.get(name, ()),
                last_number=numbers.get(name, 0),
                live=lives.get(name),
                classification=said.get(name),
            )
    return tasks


def load_evidence(
    conn: sqlite3.Connection, names: set[str] | None
) -> tuple[dict[str, tuple[Attempt, ...]], dict[str, tuple[str, ...]]]:
    """Attempts that count, and folders of those that do not, by task; oldest first."""
    attempts: dict[str, tuple[Attempt, ...]] = {}
    altered: dict[str, tuple[str, ...]] = {}
    found = _filtered(conn, f"SELECT task, {ATTEMPT} FROM evidence WHERE 1", "task", names, "task, number, path")
    for task, group in groupby(found, itemgetter(0)):
        mine = list(group)
        attempts[task] = tuple(rows.attempt_from(row[1:]) for row in mine if row[4] is not None)
        altered[task] = tuple(row[2].removesuffix("/evidence.json") for row in mine if row[4] is None)
    return attempts, altered


def load_classifications(conn: sqlite3.Connection, names: set[str] | None) -> dict[str, Classification]:
    """Those that their own commits vouch for, by task."""
    query = "SELECT task, data FROM classifications WHERE oid IS NOT NULL"
    return {row[0]: rows.classification_from(row[1]) for row in _filtered(conn, query, "task", names, "task, path")}


def last_numbers(conn: sqlite3.Connection, names: set[str] | None, lives: Mapping[str, Live]) -> dict[str, int]:
    """The highest attempt number ever used: in the tree, in any commit (reverted ones too), or in flight."""
    highest = {task: live.execution.attempt for task, live in lives.items()}
    refs = None if names is None else {f"Task/{name}" for name in names}
    said = "SELECT object, max(attempt) FROM commits WHERE attempt IS NOT NULL AND object LIKE 'Task/%'"
    for ref, number in _filtered(conn, said, "object", refs, "object", group="object"):
        name = ref.partition("/")[2]
        highest[name] = max(highest.get(name, 0), number)
    kept = "SELECT task, max(number) FROM evidence WHERE 1"
    for task, number in _filtered(conn, kept, "task", names, "task", group="task"):
        highest[task] = max(highest.get(task, 0), number)
    return highest


def load_goals(conn: sqlite3.Connection, names: set[str] | None) -> dict[str, GoalState]:
    """Goals by name, sorted: the named ones and those that have no task; `names` None: all."""
    if names is not None:
        empty = conn.execute(
            "SELECT name FROM objects g WHERE kind = 'Goal'"
            " AND NOT EXISTS (SELECT 1 FROM objects t WHERE t.goal = g.name)"
        )
        names = names | {row[0] for row in empty}
    sums = f"SELECT goal, {SPENT} FROM evidence WHERE oid IS NOT NULL"
    spent = {row[0]: _spent(row[1:]) for row in _filtered(conn, sums, "goal", names, "goal", group="goal")}
    goals: dict[str, GoalState] = {}
    for row in _filtered(conn, f"SELECT {OBJECT} FROM objects WHERE kind = 'Goal'", "name", names, "name, path, seq"):
        name = row[4]
        if name not in goals:
            mine = spent.get(name, Spent())
            goals[name] = GoalState(
                object=rows.object_from(row),
                spec=_goal.decode(row[-1]),
                spent_usd=mine.usd,
                attempts=mine.attempts,
                wall_seconds=mine.seconds,
                unknown_costs=mine.unknown,
            )
    return goals


def load_spent(conn: sqlite3.Connection) -> dict[tuple[int, str], Spent]:
    """What executions took that ended on the latest two days there were any, by day and company."""
    query = (
        f"SELECT day, company, {SPENT} FROM evidence WHERE oid IS NOT NULL"
        " AND day >= (SELECT max(day) FROM evidence) - 1 GROUP BY day, company ORDER BY day, company"
    )
    return {(row[0], row[1]): _spent(row[2:]) for row in conn.execute(query)}


def _spent(row: rows.Row) -> Spent:
    usd, seconds, attempts, unknown = row
    return Spent(usd=usd, seconds=seconds, attempts=attempts, unknown=unknown)


def mean_cost(conn: sqlite3.Connection, backend: str, model: str | None, stage: str) -> float | None:
    """USD that an attempt with this model at this stage cost so far; None where none is known."""
    query = "SELECT avg(cost) FROM evidence WHERE backend = ? AND model IS ? AND stage = ? AND oid IS NOT NULL"
    return conn.execute(query, (backend, model, stage)).fetchone()[0]


def load_live(conn: sqlite3.Connection) -> list[Live]:
    found = conn.execute(f"SELECT {EXECUTION} FROM executions ORDER BY created_at, id")
    return [rows.live_from(row) for row in found]


def load_objects(conn: sqlite3.Connection, where: str, parameters: Iterable[str]) -> list[Object]:
    query = f"SELECT {OBJECT} FROM objects WHERE {where} ORDER BY kind, name, path, seq"
    return [rows.object_from(row) for row in conn.execute(query, tuple(parameters))]


def _filtered(
    conn: sqlite3.Connection, query: str, column: str, names: set[str] | None, order: str, group: str = ""
) -> list[rows.Row]:
    parameters: tuple[str, ...] = ()
    if names is not None:
        if not names:
            return []
        query += f" AND {column} IN {IN}"
        parameters = (array(names),)
    grouped = f" GROUP BY {group}" if group else ""
    return conn.execute(f"{query}{grouped} ORDER BY {order}", parameters).fetchall()
