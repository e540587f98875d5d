"""Tiers and backends that Routing and the companies name, held against the Fleet. Works on values; reads nothing.

Without a Fleet nothing is wrong: a factory may be written before its machines are known. Nor with two of them, which is
a fault of its own. Nor is a model that no host lists: machines come and go, and routing then takes the task's tier.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from reconciler.desired.parse import Place
from reconciler.desired.places import Where
from reconciler.desired.words import safe, suggestion
from reconciler.model.objects import Object
from reconciler.model.refs import Problem
from reconciler.model.spec.machinery import MODEL_BACKENDS

OfKind = Callable[[str], Iterable[Object]]

_NAMING = ("Routing", "Company")


def check(touched: Iterable[Object], of_kind: OfKind, where: Where) -> Iterator[Problem]:
    """Faults of the touched objects; where the Fleet is among them, of all that name its tiers."""
    items = [item for item in touched if item.ref.kind == "Fleet" or item.ref.kind in _NAMING]
    if not items:
        return
    fleets = list(of_kind("Fleet"))
    if len(fleets) != 1:
        return
    if any(item.ref.kind == "Fleet" for item in items):
        items = [item for kind in _NAMING for item in of_kind(kind)]
    known = _Known(fleets[0])
    for item in items:
        for place, said in _named(item, known):
            yield Problem(where(item, place), str(item.ref), said)


class _Known:
    """What the Fleet has."""

    def __init__(self, fleet: Object) -> None:
        self.tiers = sorted({tier["tier"] for tier in fleet.spec.get("tiers", ())})

    def without_tier(self, number: int) -> str | None:
        """What is wrong with naming this tier, if anything."""
        if number in self.tiers:
            return None
        there = f"it has {', '.join(map(str, self.tiers))}" if self.tiers else "it has none"
        return f"the Fleet has no tier {number} ({there})"


def _without_backend(override: str) -> str | None:
    """What is wrong with `backend:model`, if anything."""
    backend = override.partition(":")[0]
    if backend in MODEL_BACKENDS:
        return None
    hint = suggestion(backend, MODEL_BACKENDS)
    return f'there is no backend "{safe(backend)}" (there are {", ".join(MODEL_BACKENDS)}){hint}'


def _named(item: Object, known: _Known) -> Iterator[tuple[Place, str]]:
    spec = item.spec
    named: list[tuple[Place, int | str]] = []
    if item.ref.kind == "Company":
        named += [(("tier_overrides", kind), value) for kind, value in spec.get("tier_overrides", {}).items()]
    else:
        named += [(("tiers", complexity), tier) for complexity, tier in spec.get("tiers", {}).items()]
        if spec.get("classify") is not None:
            named.append((("classify", "tier"), spec["classify"].get("tier", 1)))
    for place, value in named:
        said = _without_backend(value) if isinstance(value, str) else known.without_tier(int(value))
        if said is not None:
            yield place, f"{'.'.join(map(str, place))}: {safe(said, 400)}"
