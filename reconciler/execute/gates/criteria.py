"""Acceptance criteria and the blueprint's gates: commands that prove something of this work, or a person's word.

A criterion that holds only because the work changed how it is checked goes to a person.
"""

from __future__ import annotations

import asyncio
import posixpath
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from reconciler.execute import text
from reconciler.execute.apart import Broke, TooLong
from reconciler.execute.gates.canary import fail_at_end, fail_inline, falls_off
from reconciler.execute.gates.families import is_test
from reconciler.execute.gates.makefile import goals, package_scripts
from reconciler.execute.gates.reading import read
from reconciler.execute.gates.rig import Base, Rig, put_back, restore
from reconciler.execute.gates.shell import chained, steps
from reconciler.execute.gates.steering import MAKEFILES, TAKEN_IN, steers
from reconciler.execute.gates.subject import Subject
from reconciler.execute.gates.support import Spared, leaned
from reconciler.model.execution import GateReport
from reconciler.model.spec import Criterion
from reconciler.model.vocabulary import GateResult

_MOST_BYTES = 200_000


class Hand(msgspec.Struct, frozen=True, kw_only=True):
    """`existing` (path and content) and `added` are the work's own part in how a check is carried out."""

    existing: Mapping[str, bytes]
    added: tuple[str, ...]
    failing: str
    """the check, made to fail in its last line; as it is where that cannot be told"""
    scripts: Mapping[str, bytes]
    """scripts of the base that are made to fail instead"""


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
    """The report; a question to a person where the check holds only with what the work made of its own judge.

    The same where a check that has to fail in its last line holds: then something ended it before that line.
    """
    if check is None or report.result is not GateResult.PASS:
        return report
    try:
        hand = await read(hand_in, subject, base, check)
    except (TooLong, Broke) as error:
        message = text.line(f"what it leads to could not be followed: {error}", 300)
        return msgspec.structs.replace(report, result=GateResult.ERROR, message=message)
    if hand.existing or hand.added:
        again = await _again(subject, report, check, hand.existing, hand.added)
        if again.result is not GateResult.PASS:
            names = ", ".join(sorted([*hand.existing, *hand.added])[:5])
            message = f"it holds only with what the work made of how it is checked ({names}): a person has to look"
            return msgspec.structs.replace(report, result=GateResult.PERSON, message=message, log=again.log)
    if hand.failing != check or hand.scripts:
        again = await _again(subject, report, hand.failing, {**hand.existing, **hand.scripts}, hand.added)
        if again.result is GateResult.PASS:
            message = "it held also when its last line had to fail, so something ends it before: a person has to look"
            return msgspec.structs.replace(report, result=GateResult.PERSON, message=message, log=again.log)
    return report


def hand_in(subject: Subject, base: Base, check: str) -> Hand:
    """What the work has of its own judge. Reads strangers' text: for a process of its own."""
    rig = Rig(base, check)
    spared = Spared(subject)
    mine = [path for path in (c.path for c in subject.changes if c.old) if not is_test(path) and path not in spared]
    existing = {
        path: data
        for path, data in put_back(base, subject.root, (path for path in mine if rig.decides(path))).items()
        if _differs(subject, base, rig, path)
    }
    leans, shadows = leaned(subject, base, rig)
    existing |= put_back(base, subject.root, leans)
    new = [change.path for change in subject.changes if change.new and not change.old]
    added = [path for path in new if rig.replaces(path) or rig.includes(path) or _takes_over(base, rig, path)]
    if any(posixpath.basename(path) in TAKEN_IN for path in added):  # new tests may need it; the base's do not
        added += [path for path in new if is_test(path) and path not in rig.words and path not in added]
    failing, scripts = _failing(base, rig, check)
    return Hand(existing=existing, added=(*added, *shadows), failing=failing, scripts=scripts)


async def _again(
    subject: Subject, report: GateReport, check: str, existing: Mapping[str, bytes], added: Iterable[str]
) -> GateReport:
    with subject.scratch() as folder:
        restored = folder / "work"
        await asyncio.to_thread(restore, subject.root, restored, existing, added)
        return await subject.check(f"{report.id}/base", check, root=restored)


def _failing(base: Base, rig: Rig, check: str) -> tuple[str, dict[str, bytes]]:
    """The check, or scripts of the base that it starts, made to fail in their last line; as they are where that cannot
    be told, or where something other than their exit decides."""
    if not all(step.judges for step in steps(check)) or not chained(check):
        return check, {}
    changed = fail_inline(check)
    if changed != check:
        return changed, {}
    scripts: dict[str, bytes] = {}
    for path, data in base.files(sorted(rig.started)).items():
        text = data.decode("utf-8", "replace")
        if len(data) <= _MOST_BYTES and rig.judging(path) and falls_off(path, text):
            planted = fail_at_end(path, text, check)
            scripts |= {path: planted.content.encode()} if planted else {}
    return check, scripts


def _differs(subject: Subject, base: Base, rig: Rig, path: str) -> bool:
    """Whether the file was changed in what the check uses of it: a target or script that is new is part of the work."""
    before = base.files([path])[path]
    name = path.rpartition("/")[2]
    if name in MAKEFILES:
        made = [wanted for text in rig.texts for step in steps(text) for wanted in [goals(step)] if wanted is not None]
        text = before.decode("utf-8", "replace")
        return any(not wanted or any(_is_target(name, text) for name in wanted) for wanted in made)
    if name == "package.json":
        was, now = package_scripts(before), package_scripts(subject.content(path))
        return any(now.get(key) != value for key, value in was.items())
    if path in rig.started | rig.named and not steers(path):
        # a program that is checked is started too: by its name, or by what it does, it has to be one that checks
        return rig.judging(path)
    return True


def _is_target(name: str, makefile: str) -> bool:
    return re.search(rf"^{re.escape(name)}[ \t]*:", makefile, re.MULTILINE) is not None


def _takes_over(base: Base, rig: Rig, path: str) -> bool:
    """Whether a new file is taken in place of a Makefile, or beside the tests by a runner that the check starts."""
    folder, name = posixpath.split(path)
    if name in MAKEFILES:
        return any(posixpath.join(folder, other) in base.paths for other in MAKEFILES)
    return name in TAKEN_IN and path not in rig.words and rig.runs_tests and base.has_tests()
