"""A manifest as an object: what the desired side hands to the planner."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from reconciler.model.refs import Position, Ref
from reconciler.model.spec import SPECS, Spec

API_VERSION = "alai.dev/v1"

NOT_PART_OF_THE_GENERATION = ("suspend", "priority", "budget")
"""Keys of a Task's spec that say when it runs, not what it is: changing them must not build finished work again."""

CANCELLED = "alai.dev/cancelled"
"""Annotation: a person's reason for cancelling this object."""
FORGIVEN = "alai.dev/retry-after-attempt"
"""Annotation: attempts up to this number no longer decide where the task stands."""
APPROVED = "alai.dev/approved-usd"
"""Annotation: what a person has allowed the verification of risky work to cost, in USD."""
ADMITTED = "alai.dev/admitted"
"""Annotation: the generation that a person has let go on although a model takes it for sensitive."""


class Object(msgspec.Struct, frozen=True):
    """One object of the factory repository. `spec` is the validated document's, as plain JSON."""

    ref: Ref
    position: Position
    spec: Mapping[str, Any]
    generation: str
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    owner: Ref | None = None
    """the Goal whose file this task is written in"""

    @property
    def name(self) -> str:
        return self.ref.name

    def decoded(self) -> Spec:
        """The spec as its value type (see `model.spec`)."""
        return msgspec.convert(self.spec, SPECS[self.ref.kind])


def generation(kind: str, spec: Mapping[str, Any]) -> str:
    """16 hex digits over the spec without its defaults and without what only says when it runs.

    Writing a default out, or reordering keys, is no new generation.
    """
    kept = {key: value for key, value in spec.items() if kind != "Task" or key not in NOT_PART_OF_THE_GENERATION}
    plain = msgspec.to_builtins(msgspec.convert(kept, SPECS[kind]))
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()[:16]
