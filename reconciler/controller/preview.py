"""What would happen: validate, diff, explain and route. The planner does it; this reads for it and words the answer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from reconciler.actual.fast import EMPTY_PLAN, SCHEMA_VERSION
from reconciler.controller import report
from reconciler.controller.factory import Factory
from reconciler.controller.observe import InvalidManifests, committed_places, observe, read_delta
from reconciler.controller.standing import HEADS, doubt, revision
from reconciler.controller.world import unseen
from reconciler.desired import places, read, references, templates, worktree
from reconciler.git import keyfaults, plain, trust
from reconciler.git import pin as pins
from reconciler.git.repository import GitError, Repository
from reconciler.model.errors import FactoryError
from reconciler.model.history import FileRecord
from reconciler.model.objects import Object
from reconciler.model.refs import Problem, Ref
from reconciler.model.spec import TaskSpec
from reconciler.model.view import Change, Plan, View
from reconciler.model.vocabulary import Action
from reconciler.plan.classify import classifier
from reconciler.plan.estimate import cost_line, estimates
from reconciler.plan.explain import explain
from reconciler.plan.planner import Planner, plan
from reconciler.plan.resolve import DEFAULT_PIPELINE
from reconciler.plan.routing import route
from reconciler.plan.summary import count_line, is_empty

SIGNS = {
    Action.DISPATCH: ("+", "open"),
    Action.CREATE: ("+", "open"),
    Action.AWAIT: ("~", "running"),
    Action.WAIT: ("~", "waiting"),
    Action.CANCEL: ("-", "failed"),
    Action.HOLD: ("!", "human"),
    Action.RECOVER: ("?", "failed"),
}


@dataclass(frozen=True)
class Shown:
    """A plan, ready to print or to save."""

    plan: Plan
    estimates: Mapping[str, float | None]
    """address of what would start -> USD it is expected to cost; None is unknown"""
    behind: bool = False
    """the manifests of a newer commit have faults, so this is of the last good one"""

    @property
    def json(self) -> dict[str, Any]:
        return report.estimated(report.plan_json(self.plan), self.estimates)

    def lines(self) -> Iterator[tuple[str, str]]:
        """Each line with the word that gives its colour."""
        if self.plan.drift:
            yield "Drift (the world moved):", ""
            yield from (_line(change) for change in self.plan.drift)
        if self.plan.changes:
            yield "Changes (git moved):", ""
            yield from (_line(change) for change in self.plan.changes)
        if self.plan.held:
            yield "Held:", ""
            yield from (_line(change) for change in self.plan.held)
        if is_empty(self.plan):
            yield "Nothing moves until a person acts." if self.plan.held else "Nothing differs.", ""
        yield count_line(self.plan), ""
        if self.estimates:
            yield cost_line(self.estimates), ""


def _line(change: Change) -> tuple[str, str]:
    sign, word = SIGNS[change.action]
    return f"  {sign} {change.address:<40} {change.action}: {change.reason}: {change.message}", word


@dataclass(frozen=True)
class Validated:
    """What `validate` found: how many objects were read, every fault, and what is worth a word."""

    objects: int
    problems: Sequence[Problem]
    warnings: Sequence[str]
    commit: str
    """empty where files of the working tree were read"""


def validate(folder: Path, paths: Sequence[Path], *, worktree: bool) -> Validated:
    """Check what is checked out, trusted or not. Works on a folder that was never applied."""
    commit, doubts = "", list[str]()
    if worktree or paths:
        files, where = _worktree_files(folder, paths), _worktree_places(_root(folder))
        keys = {} if paths else {path: _on_disk(_root(folder) / path) for path in keyfaults.LISTS}
    else:
        factory = Factory.open(folder)
        commit = factory.repository.head()
        files, where = _committed_files(factory, commit), committed_places(factory, commit)
        keys = {path: trust.text_at(factory.repository, commit, path) for path in keyfaults.LISTS}
        if why := doubt(factory, commit):
            doubts.append(f"commit {commit[:12]} is not trusted: {why}")
    problems = [problem for file in files for problem in file.problems]
    objects = [item for file in files for item in file.objects]
    if not paths:
        problems += _not_of_broken(references.check(objects, where), problems)
    else:
        problems += _references_of_some(folder, files, where)
    problems += templates.check(objects, where)
    problems += [fault for path, body in keys.items() for fault in keyfaults.faults(path, body)]
    warnings = [*doubts, *map(str, sorted(warning for file in files for warning in file.warnings))]
    return Validated(len(objects), sorted(problems), warnings, commit)


def _on_disk(file: Path) -> str:
    """A list of keys as it lies there; empty where there is none to be read."""
    try:
        return plain.read(file, read.MAX_BYTES).decode("utf-8", "replace")
    except (OSError, GitError):
        return ""


def _not_of_broken(dangling: list[Problem], faults: list[Problem]) -> list[Problem]:
    """Without those that miss only an object whose own fault is told already."""
    kinds_and_names = [fault.object.partition("/") for fault in faults if fault.object]
    missing = tuple(f'there is no {kind} "{name}"' for kind, _, name in kinds_and_names)
    return [problem for problem in dangling if not any(said in problem.message for said in missing)]


def _committed_files(factory: Factory, commit: str) -> list[FileRecord]:
    return read_delta(factory, factory.repository.changed(None, commit, read.MANIFEST_ROOTS)).files


def _worktree_files(folder: Path, paths: Sequence[Path]) -> list[FileRecord]:
    root = _root(folder)
    return worktree.read_worktree(root, [_relative(root, path) for path in paths] or None)


def _root(folder: Path) -> Path:
    try:
        return Repository.containing(folder).root
    except GitError:
        return folder.resolve()


def _relative(root: Path, path: Path) -> str:
    """A path as the user typed it, from the factory's root: relative to where they are, or to the factory."""
    here = path.absolute()
    if not here.exists() and not here.is_symlink():
        here = root / path
    if not here.exists() and not here.is_symlink():
        raise FactoryError(f"{path}: no such file")
    absolute = here.parent.resolve() / here.name
    if not absolute.is_relative_to(root):
        raise FactoryError(f"{path}: lies outside {root}")
    return absolute.relative_to(root).as_posix()


def _worktree_places(root: Path) -> places.Where:
    """Finds places in the files of the working tree."""

    def read_written(path: str) -> bytes | None:
        try:
            return (root / path).read_bytes()
        except OSError:
            return None

    return places.finder(read_written)


def _references_of_some(folder: Path, files: Sequence[FileRecord], where: places.Where) -> list[Problem]:
    """References of single files are checked against the rest of the working tree."""
    chosen = {file.path for file in files}
    everything = {file.path: file for file in worktree.read_worktree(_root(folder), None)} | {f.path: f for f in files}
    found = references.check([item for file in everything.values() for item in file.objects], where)
    return [problem for problem in found if problem.position.path in chosen]


def diff(factory: Factory, *, worktree: bool = False) -> Shown:
    """The plan at the head of the branch, or with the working tree's manifests in place of the committed ones."""
    behind = observe(factory) != factory.repository.resolve(revision(factory))
    if worktree:
        made = plan(_with_worktree(factory), time.time(), unseen(factory))
        return Shown(made, _estimates(factory, made), behind)
    planner = Planner(factory.store.view(), time.time(), unseen(factory))
    made = planner.make()
    factory.store.set_settled(dict.fromkeys(planner.settled(), True), made.commit)
    shown = Shown(made, _estimates(factory, made), behind)
    if is_empty(made):
        remember_empty(factory, shown)
    return shown


def _estimates(factory: Factory, made: Plan) -> dict[str, float | None]:
    return estimates(made.dispatch, factory.store.mean_cost)


def remember_empty(factory: Factory, shown: Shown) -> None:
    """Keep an empty plan's text, so that the next `diff` can answer before importing anything."""
    pin = pins.read(factory.repository.common)
    if pin is None:
        return
    due = [change.due_at for change in shown.plan.held if change.due_at is not None]
    note = {
        "commit": shown.plan.commit,
        "ref": HEADS + pin.branch,
        "text": "\n".join(line for line, _ in shown.lines()),
        "valid_until": min(due, default=None),
        "schema": SCHEMA_VERSION,
    }
    factory.store.set_note(EMPTY_PLAN, msgspec.json.encode(note).decode())


def _with_worktree(factory: Factory) -> View:
    """The whole view with the objects of changed files replaced."""
    paths = factory.repository.worktree_changes(read.MANIFEST_ROOTS)
    here = [path for path in paths if (factory.root / path).exists() or (factory.root / path).is_symlink()]
    files = worktree.read_worktree(factory.root, here) if here else []
    kept = [item for item in factory.store.objects() if item.position.path not in set(paths)]
    objects: list[Object] = [*kept, *(item for file in files for item in file.objects)]
    problems = [problem for file in files for problem in file.problems]
    problems = problems or references.check(objects, _worktree_places(factory.root))
    if problems:
        raise InvalidManifests(problems)
    return factory.store.view_of(objects)


def explain_object(factory: Factory, ref: Ref, now: float) -> list[str]:
    """Ordered sentences. Raises FactoryError where there is no such object."""
    observe(factory)
    if ref.kind not in ("Goal", "Task"):
        raise FactoryError(f"{ref}: only a Goal or a Task moves; see: alai-reconcile show {ref}")
    if not factory.store.find(ref):
        from reconciler.controller.writer import one

        one([], ref, [item.name for item in factory.store.objects(ref.kind)])
    return explain(factory.store.view_all(), ref, now, unseen(factory))


def route_title(factory: Factory, title: str, description: str, stage: str | None) -> dict[str, Any]:
    """A task that does not exist, routed."""
    observe(factory)
    config = factory.store.config()
    pipeline = config.pipelines.get(DEFAULT_PIPELINE)
    if pipeline is None:
        raise FactoryError(f"there is no Pipeline/{DEFAULT_PIPELINE}; write one, or copy that of a new factory")
    stages = [item.name for item in pipeline.stages]
    if stage is not None and stage not in stages:
        raise FactoryError(f"{stage}: no stage of Pipeline/{DEFAULT_PIPELINE}; there are {', '.join(stages)}")
    task = TaskSpec(title=title, description=description)
    chosen = next(item for item in pipeline.stages if item.name == (stage or stages[0]))
    routed = route(task, chosen.name, config, unseen(factory), DEFAULT_PIPELINE)
    return {**msgspec.to_builtins(routed), "classifier": classifier(config, chosen, unseen(factory))}
