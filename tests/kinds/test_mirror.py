"""The pydantic models and the msgspec values say the same."""

from __future__ import annotations

import typing
from typing import Any

import msgspec
import pytest

from reconciler.kinds.manifest import KINDS
from reconciler.model.spec import SPECS


def nested(annotation: Any, base: type) -> list[type]:
    """The classes below `base` that an annotation mentions."""
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return [annotation] if issubclass(annotation, base) else []
    return [found for part in typing.get_args(annotation) for found in nested(part, base)]


def walk(model: Any, value: type, seen: set[tuple[Any, type]]) -> None:
    from pydantic import BaseModel

    if (model, value) in seen:
        return
    seen.add((model, value))
    hints = typing.get_type_hints(value)
    theirs = {field.encode_name: field for field in msgspec.structs.fields(value)}  # type: ignore[arg-type]
    ours = {field.alias or name: field for name, field in model.model_fields.items()}
    assert ours.keys() == theirs.keys(), value
    for key, field in ours.items():
        other = theirs[key]
        assert field.is_required() == other.required, f"{value.__name__}.{key}"
        if not other.required:
            default = other.default if other.default is not msgspec.NODEFAULT else other.default_factory()
            mine = field.get_default(call_default_factory=True)
            plain = mine.model_dump(by_alias=True, mode="json") if isinstance(mine, BaseModel) else mine
            if isinstance(mine, BaseModel):
                assert msgspec.convert(plain, type(default)) == default, f"{value.__name__}.{key}"
            else:
                assert msgspec.json.encode(default) == msgspec.json.encode(plain), f"{value.__name__}.{key}"
        below, beside = nested(field.annotation, BaseModel), nested(hints[other.name], msgspec.Struct)
        assert len(below) == len(beside), f"{value.__name__}.{key}"
        for pair in zip(below, beside, strict=True):
            walk(*pair, seen)


@pytest.mark.parametrize("kind", SPECS)
def test_every_key_and_default_of_a_kind_is_the_same_in_both(kind: str) -> None:
    seen: set[tuple[Any, type]] = set()
    walk(KINDS[kind].model_fields["spec"].annotation, SPECS[kind], seen)
    assert seen


def test_both_know_the_same_kinds() -> None:
    assert list(KINDS) == list(SPECS)


def test_every_field_says_what_it_is_for() -> None:
    from pydantic import BaseModel

    def visit(model: type[BaseModel]) -> None:
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name}"
            for below in nested(field.annotation, BaseModel):
                visit(below)

    for model in KINDS.values():
        visit(model)
