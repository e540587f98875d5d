"""One manifest file: bytes in, objects and problems out. References to other files are checked in `references`."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from reconciler.desired import agent_file, settings_file
from reconciler.desired.parse import MAX_BYTES, Document, Parsed, Place, parse
from reconciler.desired.words import nearest, safe, suggestion
from reconciler.kinds import check
from reconciler.model.history import FileRecord
from reconciler.model.objects import API_VERSION, Object, generation
from reconciler.model.refs import Position, Problem, Ref
from reconciler.model.spec import SPECS

__all__ = ["MANIFEST_ROOTS", "MAX_BYTES", "inline_annotation", "is_manifest", "oversized", "read_file", "symlink"]

_HOLDERS = ("manifests", "companies")
MANIFEST_ROOTS = (*_HOLDERS, "config")
"""the folders that manifests, and settings beside them, are read from"""
MAX_PROBLEMS = 50
"""problems that are listed for one file"""
MAX_NAME = 63
_NOTES = "state"
"""the folder of a company that its agents write to"""
_NOT_PARSED = frozenset(("templates", "config", "skills"))


def is_manifest(path: str) -> bool:
    """Whether the file at this path (relative to the repository, with `/`) holds manifests, or settings beside them."""
    if settings_file.is_settings_file(path):
        return True
    root, *folders = path.split("/")
    if root not in _HOLDERS or not folders:
        return False
    if root == "companies" and folders[1:2] == [_NOTES]:
        return False  # agents write there
    if agent_file.is_agent_file(path):
        return True
    return path.lower().endswith((".yaml", ".yml")) and _NOT_PARSED.isdisjoint(folders[:-1])


def oversized(path: str, blob: str, size: int) -> FileRecord:
    """The record of a file that is too large to be read."""
    return _only(path, blob, f"{size} bytes; a manifest may have {MAX_BYTES} at most")


def symlink(path: str, blob: str) -> FileRecord:
    """The record of a symbolic link: its target is not followed."""
    return _only(
        path, blob, "a symbolic link; what the factory reads must be plain files of this repository: copy the file"
    )


def _only(path: str, blob: str, message: str) -> FileRecord:
    return FileRecord(path, blob, (), (Problem(Position(safe(path, 300)), "", message),))


def read_file(path: str, blob: str, data: bytes, *, light: bool = False) -> FileRecord:
    """Read, check and expand the manifests of one file. Never raises for what stands in it.

    `light` checks with the JSON Schemas and imports pydantic only where something is wrong. Both give the same record.
    """
    if not path.isprintable():
        return _only(path, blob, "the file's name has control characters")
    if agent_file.is_agent_file(path):
        return _agent_file(path, blob, data, light)
    if settings_file.is_settings_file(path):
        return FileRecord(path, blob, (), tuple(settings_file.faults(path, data)[:MAX_PROBLEMS]))
    parsed = parse(data, path)
    objects: list[Object] = []
    problems: list[Problem] = []
    for document in parsed.documents:
        if len(problems) > MAX_PROBLEMS:
            break
        _document(parsed, document, objects, problems, light)
    problems += parsed.problems
    if len(problems) > MAX_PROBLEMS:
        more = Problem(problems[MAX_PROBLEMS].position, "", f"more problems; only {MAX_PROBLEMS} are listed")
        problems = [*problems[:MAX_PROBLEMS], more]
    return FileRecord(path, blob, tuple(objects), tuple(problems))


def _agent_file(path: str, blob: str, data: bytes, light: bool) -> FileRecord:
    """An Agent as Claude Code writes it. Its places are all the file's beginning: nobody wrote the manifest."""
    read = agent_file.read(path, data)
    if read.manifest is None:
        told = tuple(Problem(Position(path), "", said) for said in read.warnings)
        return _only(path, blob, read.fault) if read.fault else FileRecord(path, blob, (), (), told)
    parsed = Parsed(path, b"", [], [])
    document = Document(read.manifest, 1, 1, 0)
    objects: list[Object] = []
    problems: list[Problem] = []
    _document(parsed, document, objects, problems, light)
    at, label = Position(path), _label(read.manifest)
    faults = tuple(Problem(at, problem.object, problem.message) for problem in problems)
    return FileRecord(path, blob, tuple(objects), faults, tuple(Problem(at, label, said) for said in read.warnings))


def _document(parsed: Parsed, document: Document, objects: list[Object], problems: list[Problem], light: bool) -> None:
    value: Any = document.value
    position = Position(parsed.path, document.line, document.column)
    if not isinstance(value, dict):
        said = "a list" if isinstance(value, list) else "a single value"
        problems.append(Problem(position, "", f"expected apiVersion, kind, metadata and spec, got {said}"))
        return
    manifest = cast("dict[str, Any]", value)
    header = _header(parsed, document, manifest)
    if header:
        problems += header
        return
    kind: str = manifest["kind"]
    if not (light and check.fast(kind, manifest)):
        found = _complaints(parsed, document, kind, manifest)
        if found:
            problems += found
            return
    try:
        _expand(parsed, document, kind, manifest, position, objects, problems)
    except msgspec.ValidationError:
        # The schemas take 3.0 for a whole number; the models and values do not.
        problems += _complaints(parsed, document, kind, manifest)


def _header(parsed: Parsed, document: Document, manifest: dict[str, Any]) -> list[Problem]:
    """What is wrong with apiVersion and kind: without them nothing else can be said."""
    label = _label(manifest)
    found: list[Problem] = []
    for key, known in (("apiVersion", (API_VERSION,)), ("kind", tuple(SPECS))):
        value = manifest.get(key)
        if value in known and isinstance(value, str):
            continue
        if key not in manifest:
            near = nearest(key, (name for name in manifest if name not in ("metadata", "spec")))
            hint = f'; did "{safe(near)}" mean it?' if near else f": it must be {' or '.join(known)}"
            found.append(Problem(parsed.locate(document, ()), label, f'missing key "{key}"{hint}'))
            continue
        said = f'"{safe(value)}"' if isinstance(value, str) else "what stands there"
        hint = suggestion(value, known) if isinstance(value, str) else ""
        message = f"{key} {said} is not known{hint or '; known: ' + ', '.join(known)}"
        found.append(Problem(parsed.locate(document, (key,)), label, message))
    return found


def _label(manifest: dict[str, Any]) -> str:
    metadata: Any = manifest.get("metadata")
    name: Any = cast("dict[str, Any]", metadata).get("name") if isinstance(metadata, dict) else None
    kind: Any = manifest.get("kind")
    parts = [safe(part, 80) for part in (kind, name) if isinstance(part, str) and part]
    return "/".join(parts) if len(parts) == 2 else ""


def _complaints(parsed: Parsed, document: Document, kind: str, manifest: dict[str, Any]) -> list[Problem]:
    label = _label(manifest)
    found: list[Problem] = []
    for complaint in check.full(kind, manifest)[: MAX_PROBLEMS + 1]:
        word = complaint.word.strip('"')
        hint = suggestion(word, complaint.known) if complaint.known else ""
        if not hint and complaint.known and complaint.message.startswith("unknown"):
            hint = f"; known keys: {', '.join(complaint.known)}"
        message = safe(complaint.message.replace("{}", safe(complaint.word), 1), 600) + hint
        found.append(Problem(parsed.locate(document, complaint.place, key=complaint.key), label, message))
    return found


def _expand(
    parsed: Parsed,
    document: Document,
    kind: str,
    manifest: dict[str, Any],
    position: Position,
    objects: list[Object],
    problems: list[Problem],
) -> None:
    metadata: dict[str, Any] = manifest["metadata"]
    spec: dict[str, Any] = manifest["spec"]
    ref = Ref(kind, metadata["name"])
    labels: dict[str, str] = metadata.get("labels", {})
    annotations: dict[str, str] = metadata.get("annotations", {})
    tasks: list[dict[str, Any]] = spec.get("tasks", []) if kind == "Goal" else []
    names = {task["name"] for task in tasks}
    own, theirs = _shared_out(annotations, names) if names and annotations else (annotations, {})
    fresh = [Object(ref, position, spec, generation(kind, spec), labels, own)]
    for index, task in enumerate(tasks):
        place: Place = ("spec", "tasks", index)
        name = f"{ref.name}-{task['name']}"
        if len(name) > MAX_NAME:
            where = parsed.locate(document, (*place, "name"))
            problems.append(Problem(where, str(ref), f'the task\'s full name "{name}" is longer than {MAX_NAME}'))
            continue
        inner = {key: value for key, value in task.items() if key != "name"} | {"goal": ref.name}
        where = parsed.locate(document, place)
        mine = theirs.get(task["name"], {})
        fresh.append(Object(Ref("Task", name), where, inner, generation("Task", inner), labels, mine, ref))
    objects += fresh


def inline_annotation(key: str, task: str) -> str:
    """The goal's annotation key that stands for annotation `key` of its task with this short name."""
    return f"{key}.{task}"


def _shared_out(annotations: dict[str, str], tasks: set[str]) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """A goal's annotations, parted: its own, and by short name those of its tasks (`alai.dev/cancelled.scaffold`)."""
    own: dict[str, str] = {}
    theirs: dict[str, dict[str, str]] = {}
    for key, value in annotations.items():
        prefix, slash, rest = key.rpartition("/")
        base, dot, task = rest.partition(".")
        if dot and task in tasks:
            theirs.setdefault(task, {})[f"{prefix}{slash}{base}"] = value
        else:
            own[key] = value
    return own, theirs
