"""What a person does to single objects: add, suspend, resume, retry, cancel. Each is one commit that edits one file."""

from __future__ import annotations

import hashlib
import re
import time
import unicodedata
from collections.abc import Callable, Mapping

from reconciler.controller.factory import Factory
from reconciler.controller.observe import observe
from reconciler.controller.record import subject as cut
from reconciler.controller.writer import Writer, event_commit, one
from reconciler.desired import edit, read
from reconciler.git.record import NewCommit
from reconciler.git.repository import GitError
from reconciler.model.errors import FactoryError, Refused
from reconciler.model.objects import ADMITTED, APPROVED, CANCELLED, FORGIVEN, Object
from reconciler.model.refs import Ref
from reconciler.plan.classify import sensitive
from reconciler.plan.lawful import one_line, visible
from reconciler.plan.status import Survey

NAME_LENGTH = 63


def add(
    factory: Factory,
    title: str,
    *,
    priority: str | None = None,
    goal: str | None = None,
    labels: Mapping[str, str] | None = None,
    more: Mapping[str, object] | None = None,
    folder: str = "manifests/tasks",
) -> Object:
    """Write and commit a Task manifest, with `more` of its spec. Returns the object as it is then desired."""
    observe(factory)
    if not title.strip():
        raise FactoryError("the title is empty; say what is to be done")
    if goal is not None:
        one(
            factory.store.find(Ref("Goal", goal)),
            Ref("Goal", goal),
            [item.name for item in factory.store.objects("Goal")],
        )
    spec: dict[str, object] = {"title": title, **(more or {})}
    if goal is not None:
        spec["goal"] = goal
    if priority is not None:
        spec["priority"] = priority
    made: list[Ref] = []

    def make() -> list[NewCommit]:
        # here alone nobody else adds: a name that was free before may be another's by now
        ref = Ref("Task", _free_name(factory, slug(title)))
        made.append(ref)
        path = f"{folder}/{ref.name}.yaml"
        text = edit.render("Task", ref.name, spec, dict(labels or {}), path)
        return [_edited(factory, {path: text.encode()}, f"add: {title}", ref, "add")]

    _write(factory, make)
    return factory.store.find(made[-1])[0]


def slug(title: str) -> str:
    """A name made of a title: ASCII letters, digits and hyphens, at most 63 characters, whole words."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain)
    name = ""
    for word in words:
        longer = f"{name}-{word}" if name else word
        if len(longer) > NAME_LENGTH - 12:
            break
        name = longer
    return name or f"task-{hashlib.sha256(title.encode()).hexdigest()[:8]}"


def _free_name(factory: Factory, name: str) -> str:
    taken = {item.name for item in factory.store.objects("Task")}
    if name not in taken:
        return name
    return next(f"{name}-{number}" for number in range(2, len(taken) + 3) if f"{name}-{number}" not in taken)


def suspend(factory: Factory, ref: Ref) -> None:
    edit_object(factory, ref, "suspend", lambda text, item: edit.set_spec(text, ref, "suspend", True, item.owner))


def resume(factory: Factory, ref: Ref) -> None:
    """Take `suspend` back, and a cancellation too; allow what waits for a person's word only to go on.

    That is a verification of risky work that costs more than it may, or a task that a model takes for sensitive.
    """
    observe(factory)
    view = factory.store.view_all()
    task = view.tasks.get(ref.name) if ref.kind == "Task" else None
    allowed = Survey(view, time.time()).verification.to_approve(task) if task is not None else None
    admitted = task.object.generation if task is not None and sensitive(task) is not None else None

    def change(text: str, item: Object) -> str:
        text = edit.set_spec(text, ref, "suspend", None, item.owner)
        if allowed is not None:
            text = edit.set_annotation(text, ref, APPROVED, f"{allowed:g}", item.owner)
        if admitted is not None:
            text = edit.set_annotation(text, ref, ADMITTED, admitted, item.owner)
        return edit.set_annotation(text, ref, CANCELLED, None, item.owner) if CANCELLED in item.annotations else text

    edit_object(factory, ref, "resume", change)


def cancel(factory: Factory, ref: Ref, reason: str) -> None:
    edit_object(
        factory,
        ref,
        "cancel",
        lambda text, item: edit.set_annotation(text, ref, CANCELLED, one_line(reason), item.owner),
        body=visible(reason),
    )


def retry(factory: Factory, ref: Ref) -> None:
    """Let a task run again: what was attempted so far no longer decides where it stands."""
    observe(factory)
    if ref.kind != "Task":
        raise FactoryError(f"{ref}: only a Task is attempted, so only a Task can be retried")
    one(factory.store.find(ref), ref, [item.name for item in factory.store.objects("Task")])
    last = factory.store.last_number(ref.name)
    if last == 0:
        raise Refused(f"{ref}: never attempted, so there is nothing to retry; see: alai-reconcile explain {ref}")
    edit_object(
        factory,
        ref,
        "retry",
        lambda text, item: edit.set_annotation(text, ref, FORGIVEN, str(last), item.owner),
    )


def edit_object(
    factory: Factory,
    ref: Ref,
    event: str,
    change: Callable[[str, Object], str],
    body: str = "",
) -> None:
    """Edit the object's file at the head of the branch and commit it. Raises Refused where the user is at that file."""
    observe(factory)
    if ref.kind not in ("Goal", "Task"):
        raise FactoryError(f"{ref}: only a Goal or a Task can be changed so")

    def make() -> list[NewCommit]:
        # of the file as it is now: what another has written to it meanwhile must not be taken back
        names = [item.name for item in factory.store.objects(ref.kind)]
        item = one(factory.store.find(ref), ref, names)
        path = item.position.path
        if path in factory.repository.worktree_changes([path]):
            raise Refused(f"{path}: has changes that are not committed; commit or stash them first")
        before = factory.repository.read(factory.store.commit or "", path).decode()
        after = change(before, item)
        if after == before:
            return []
        return [_edited(factory, {path: after.encode()}, f"{event}: {ref}", ref, event, body)]

    _write(factory, make)


def _edited(
    factory: Factory, files: dict[str, bytes | None], subject: str, ref: Ref, event: str, body: str = ""
) -> NewCommit:
    _refuse_invalid(files)
    return event_commit(files, cut(subject), ref, event, author=person(factory), body=body)


def _write(factory: Factory, make: Callable[[], list[NewCommit]]) -> None:
    writer = Writer(factory)
    try:
        writer.write(make)
    finally:
        writer.close()


def _refuse_invalid(files: dict[str, bytes | None]) -> None:
    """A commit that cannot be read would stop the whole factory: what the user typed is judged before it is one."""
    for path, data in files.items():
        problems = read.read_file(path, "", data, light=True).problems if data is not None else ()
        if data is not None and problems:
            lines = data.decode(errors="replace").splitlines()
            at = lines[min(problems[0].position.line, len(lines)) - 1].strip()
            raise FactoryError(f"nothing was written: {problems[0].message} (at `{at[:60]}`)")


def person(factory: Factory) -> tuple[str, str]:
    """Name and address of whoever sits at the keyboard, as git knows them."""
    try:
        return factory.repository.identity()
    except GitError as error:
        raise FactoryError(
            f"git does not know who you are: {error}; run: git config --global user.name NAME"
        ) from error
