"""How many points of a quality gate hold. Pure; what the points are is the manifest's business."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from reconciler.model.execution import GateReport
from reconciler.model.spec import QualityGateSpec
from reconciler.model.vocabulary import GateResult

MOST_NAMED = 8


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """`missing`: ids of the points that do not hold, in the gate's order."""

    held: int
    of: int
    missing: tuple[str, ...]

    @property
    def points(self) -> tuple[int, int]:
        return self.held, self.of

    def told(self) -> str:
        """`14 of 19 points hold; missing: tests-added, links`"""
        named = ", ".join(self.missing[:MOST_NAMED])
        more = f" and {len(self.missing) - MOST_NAMED} more" if len(self.missing) > MOST_NAMED else ""
        return f"{self.held} of {self.of} points hold" + (f"; missing: {named}{more}" if named else "")


def score(quality: QualityGateSpec, gates: Sequence[GateReport]) -> Score:
    """A point holds where it has reports and every one is a pass: what was not looked at, or failed to end, is none."""
    results: dict[str, list[GateResult]] = {}
    for gate in gates:
        results.setdefault(gate.point, []).append(gate.result)
    missing = tuple(
        point.id
        for point in quality.points
        if not results.get(point.id) or any(result is not GateResult.PASS for result in results[point.id])
    )
    return Score(held=len(quality.points) - len(missing), of=len(quality.points), missing=missing)
