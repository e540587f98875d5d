"""Acceptance criteria and the blueprint's gates: commands that prove something of this work, or a person's word.

A criterion that holds only because the work changed how it is checked goes to a person.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from reconciler import trees
from reconciler.execute.gates.families import is_test
from reconciler.execute.gates.rig import Base, Rig, restore
from reconciler.execute.gates.steering import MAKEFILES
from reconciler.execute.gates.subject import Subject
from reconciler.model.execution import GateReport
from reconciler.model.spec import Criterion
from reconciler.model.vocabulary import GateResult

_MAKE = re.compile(r"\bmake\s+(?:-\S+\s+)*([\w.-]+)")


async def acceptance(subject: Subject) -> list[GateReport]:
    reports = await _criteria(subject, "acceptance", subject.acceptance)
    if subject.product is None or not subject.changes or not any(criterion.check for criterion in subject.acceptance):
        return reports
    base = await asyncio.to_thread(Base, Path(subject.product.path), subject.product.tip)
    checks = {f"acceptance/{criterion.id}": criterion.check for criterion in subject.acceptance}
    return [await _believed(subject, base, checks[report.id], report) for report in reports]


async def blueprint(subject: Subject) -> list[GateReport]:
    return await _criteria(subject, "blueprint", subject.gates)


async def _criteria(subject: Subject, family: str, criteria: Iterable[Criterion]) -> list[GateReport]:
    reports: list[GateReport] = []
    for criterion in criteria:
        gate = f"{family}/{criterion.id}"
        if criterion.person:
            reports.append(GateReport(id=gate, result=GateResult.PERSON, message=criterion.text))
        elif criterion.check:
            reports.append(await subject.check(gate, criterion.check))
    return reports


async def _believed(subject: Subject, base: Base, check: str | None, report: GateReport) -> GateReport:
    """The report; a question to a person where the check holds only with what the work made of its own judge."""
    if check is None or report.result is not GateResult.PASS:
        return report
    rig = Rig(base, check)
    mine = [change.path for change in subject.changes if change.old and not is_test(change.path)]
    existing = {
        path: data
        for path, data in base.files(path for path in mine if rig.decides(path)).items()
        if _differs(subject, check, path, data)
    }
    added = [change.path for change in subject.changes if change.new and not change.old and rig.replaces(change.path)]
    if not existing and not added:
        return report
    with trees.scratch() as folder:
        restored = folder / "work"
        await asyncio.to_thread(restore, subject.root, restored, existing, added)
        again = await subject.check(f"{report.id}/base", check, root=restored)
    if again.result is GateResult.PASS:
        return report
    names = ", ".join(sorted([*existing, *added])[:5])
    message = f"it holds only with what the work made of how it is checked ({names}): a person has to look"
    return msgspec.structs.replace(report, result=GateResult.PERSON, message=message, log=again.log)


def _differs(subject: Subject, check: str, path: str, before: bytes) -> bool:
    """Whether the file was changed in what the check uses of it: a target or script that is new is part of the work."""
    name = path.rpartition("/")[2]
    if name in MAKEFILES:
        wanted = _MAKE.findall(check)
        text = before.decode("utf-8", "replace")
        return not wanted or any(re.search(rf"^{re.escape(target)}[ \t]*:", text, re.MULTILINE) for target in wanted)
    if name == "package.json":
        was, now = _scripts(before), _scripts(subject.content(path))
        return any(now.get(key) != value for key, value in was.items())
    return True


def _scripts(data: bytes) -> dict[str, object]:
    try:
        found = json.loads(data)["scripts"]
    except (ValueError, KeyError, TypeError):
        return {}
    return dict(found) if isinstance(found, dict) else {}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
