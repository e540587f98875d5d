"""The committed JSON Schemas are the models', and accept and refuse the same documents."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from pydantic import ValidationError

from reconciler.kinds import schema
from reconciler.kinds.manifest import KINDS
from reconciler.model.share import share
from tests.kinds.samples import SAMPLES


def test_the_committed_schemas_are_the_generated_ones() -> None:
    folder = share("schemas")
    generated = {f"{name}.json": schema.text(content) for name, content in schema.schemas().items()}
    assert {file.name: file.read_bytes() for file in folder.glob("*.json")} == generated


def test_a_schema_is_one_itself() -> None:
    for name, content in schema.schemas().items():
        jsonschema.Draft202012Validator.check_schema(content)
        assert content["$id"].endswith(f"/{name}.json")
        assert content["title"]


JUNK: list[Any] = [
    None,
    True,
    0,
    7,
    -1,
    1.5,
    "",
    "x",
    "X Y",
    "a/../b",
    "..",
    "/etc",
    "30s",
    [],
    ["a"],
    {},
    {"a": 1},
    "é",
]


def places(value: Any) -> list[tuple[Any, Any]]:
    """(container, key) of every value below."""
    found: list[tuple[Any, Any]] = []
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    for key in keys:
        found.append((value, key))
        found += places(value[key])
    return found


def mutate(document: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    container, key = chance.choice(places(changed))
    what = chance.random()
    if what < 0.2 and isinstance(container, dict):
        del container[key]
    elif what < 0.4 and isinstance(container, dict):
        container[str(key) + "s"] = container.pop(key)
    else:
        container[key] = copy.deepcopy(chance.choice(JUNK))
    return changed


@pytest.mark.parametrize("kind", KINDS)
def test_schema_and_model_accept_and_refuse_the_same(kind: str) -> None:
    content = json.loads((share("schemas") / f"{kind.lower()}.json").read_bytes())
    slow, fast = jsonschema.Draft202012Validator(content), jsonschema_rs.validator_for(content)
    every = jsonschema_rs.validator_for(json.loads((share("schemas") / "all.json").read_bytes()))
    chance = random.Random(f"seed {kind}")
    samples = [sample for sample in SAMPLES if sample["kind"] == kind]
    assert samples
    verdicts: list[bool] = []
    for sample in samples:
        for number in range(150):
            document = sample if number == 0 else mutate(sample, chance)
            try:
                KINDS[kind].model_validate(document)
                accepted = True
            except ValidationError:
                accepted = False
            assert accepted == slow.is_valid(document) == fast.is_valid(document), document
            if document.get("kind") == kind:
                assert accepted == every.is_valid(document), document
            verdicts.append(accepted)
    assert True in verdicts
    assert False in verdicts
