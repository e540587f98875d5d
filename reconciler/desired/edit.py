"""Edits of manifests that people wrote: one key changes, every other byte stays. And the text of generated manifests.

ruamel's round trip does the edit. Where it would touch other lines (odd indentation, long folded texts) the one line
is spliced in by place. Each edit is read back: it must say exactly what was asked for, or EditError is raised.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Mapping
from typing import Any, cast

from reconciler.desired.parse import Document, Place, parse
from reconciler.desired.read import inline_annotation
from reconciler.desired.splice import Unspliceable, splice
from reconciler.desired.words import safe
from reconciler.model.errors import FactoryError
from reconciler.model.objects import API_VERSION
from reconciler.model.refs import Ref


class EditError(FactoryError):
    """The text cannot be edited without touching something else; the message says what to do by hand."""


def set_spec(text: str, ref: Ref, key: str, value: object | None, owner: Ref | None = None) -> str:
    """`text` with `spec.<key>` of an object set to `value` (None removes it).

    For a task that is written inside a goal (`owner`), the goal's entry is changed. Raises EditError.
    """
    documents = _documents(text)
    document = _find(documents, owner or ref)
    place: Place = ("spec",)
    if owner is not None:
        place = ("spec", "tasks", _entry(document, owner, ref))
    return _edit(text, documents, document, (*place, key), value)


def set_annotation(text: str, ref: Ref, key: str, value: str | None, owner: Ref | None = None) -> str:
    """`text` with an annotation of an object set to `value` (None removes it).

    For a task that is written inside a goal, the goal carries it under `<key>.<short name>`. Raises EditError.
    """
    documents = _documents(text)
    document = _find(documents, owner or ref)
    if owner is not None:
        _entry(document, owner, ref)
        key = inline_annotation(key, ref.name.removeprefix(f"{owner.name}-"))
    return _edit(text, documents, document, ("metadata", "annotations", key), value)


def render(
    kind: str, name: str, spec: Mapping[str, Any], labels: Mapping[str, str] | None = None, path: str | None = None
) -> str:
    """The text of a generated manifest. With `path` (relative to the repository) it begins with the schema line."""
    from ruamel.yaml.scalarstring import LiteralScalarString

    def kept(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {str(key): kept(inner) for key, inner in cast("Mapping[str, Any]", value).items()}
        if isinstance(value, (list, tuple)):
            return [kept(inner) for inner in cast("list[Any]", value)]
        if isinstance(value, str) and "\n" in value and _literal(value):
            return LiteralScalarString(value)
        return value

    metadata: dict[str, Any] = {"name": name, **({"labels": dict(labels)} if labels else {})}
    document = {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": kept(spec)}
    stream = io.StringIO()
    _ruamel().dump(document, stream)
    return (schema_line(kind, path) if path else "") + stream.getvalue()


def _literal(value: str) -> bool:
    """Whether a text can stand as a literal block: no line begins or ends in a way that the block would not keep."""
    lines = value.split("\n")
    return all(line == line.strip() and line.isprintable() for line in lines[:1] + lines[-2:]) and all(
        line.replace("\t", " ").isprintable() and line == line.rstrip() for line in lines
    )


def schema_line(kind: str, path: str) -> str:
    """The line that gives editors the schema, for a manifest at `path` of the repository."""
    return f"# yaml-language-server: $schema={'../' * path.count('/')}schemas/{kind.lower()}.json\n"


def _documents(text: str) -> list[Document]:
    parsed = parse(text.encode(), "")
    if parsed.problems:
        raise EditError(f"the manifest must be valid before it can be changed: {parsed.problems[0].message}")
    return parsed.documents


def _find(documents: list[Document], ref: Ref) -> Document:
    found = [document for document in documents if _named(document.value) == (ref.kind, ref.name)]
    if len(found) != 1:
        raise EditError(f"{ref} is there {'twice' if found else 'no more'} in its file; change it by hand")
    return found[0]


def _named(value: Any) -> tuple[object, object]:
    """(kind, name) of a document, as far as it has them."""
    document: dict[str, Any] = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    metadata: Any = document.get("metadata")
    name: Any = cast("dict[str, Any]", metadata).get("name") if isinstance(metadata, dict) else None
    return document.get("kind"), name


def _entry(document: Document, owner: Ref, ref: Ref) -> int:
    spec = document.value.get("spec")
    tasks = cast("dict[str, Any]", spec).get("tasks") if isinstance(spec, dict) else None
    for index, task in enumerate(cast("list[Any]", tasks) if isinstance(tasks, list) else []):
        name = cast("dict[str, Any]", task).get("name") if isinstance(task, dict) else None
        if f"{owner.name}-{name}" == ref.name:
            return index
    raise EditError(f"{ref} is not written in {owner}; change it by hand")


def _edit(text: str, documents: list[Document], document: Document, place: Place, value: object | None) -> str:
    wanted = [copy.deepcopy(other.value) for other in documents]
    number = documents.index(document)
    if not _apply(wanted[number], place, value, dict):
        return text
    for attempt in (_through_ruamel, splice):
        try:
            edited = attempt(text, document.index, place, value)
        except Unspliceable:
            continue
        if edited is not None and _says(edited, wanted):
            return edited
    where = ".".join(map(str, place))
    said = f"{safe(where)} cannot be changed at line {document.line} without touching other lines; change it by hand"
    raise EditError(said)


def _says(text: str, wanted: list[Any]) -> bool:
    parsed = parse(text.encode(), "")
    return not parsed.problems and [document.value for document in parsed.documents] == wanted


def _apply(root: Any, place: Place, value: object | None, new: Callable[[], Any]) -> bool:
    """Carry out the edit on a tree; mappings on the way are made. False where nothing would change.

    A mapping that loses its last key by this goes too, but for `spec`.
    """
    trail: list[Any] = [root]
    for part in place[:-1]:
        here = trail[-1]
        if isinstance(part, str) and here.get(part) is None:
            if value is None:
                return False
            here[part] = new()
        trail.append(here[part])
    here, key = trail[-1], place[-1]
    if value is not None:
        if key in here and here[key] == value and type(here[key]) is type(value):
            return False
        here[key] = value
        return True
    if key not in here:
        return False
    del here[key]
    if not here and place[-2] == "annotations":
        del trail[-2][place[-2]]
    return True


def _ruamel() -> Any:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _through_ruamel(text: str, index: int, place: Place, value: object | None) -> str | None:
    """The edit by round trip, or None where that would change anything besides."""
    from ruamel.yaml.comments import CommentedMap
    from ruamel.yaml.error import YAMLError

    yaml = _ruamel()
    try:
        trees: list[Any] = list(yaml.load_all(text))
        _apply(trees[index], place, value, CommentedMap)
        stream = io.StringIO()
        yaml.explicit_start = text.startswith("---")
        yaml.dump_all(trees, stream)
    except (YAMLError, ValueError, TypeError, AttributeError, IndexError, KeyError, RecursionError):
        return None
    edited = stream.getvalue()
    return edited if _local(text, edited) else None


def _local(old: str, new: str) -> bool:
    """Whether one run of lines differs, and only adds, only removes, or replaces one line by one."""
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    shorter = min(len(before), len(after))
    head = next((i for i in range(shorter) if before[i] != after[i]), shorter)
    tail = next((i for i in range(shorter - head) if before[-1 - i] != after[-1 - i]), shorter - head)
    removed, added = before[head : len(before) - tail], after[head : len(after) - tail]
    if len(removed) == len(added) == 1:
        return _same_comment(removed[0], added[0])
    return not removed or (not added and not any("#" in line or not line.strip() for line in removed))


def _same_comment(old: str, new: str) -> bool:
    return old.partition(" #")[2] == new.partition(" #")[2] and old.partition(":")[0] == new.partition(":")[0]
