"""The product's own tests: as the work left them, and, where it touched or joined them, as on the base too.

The command comes from the manifest or from the base's Makefile, never from the work under judgement. Exit 0 is not
believed alone: a program that ends the run early ends it well, so the run has to count its tests where the base's does,
and has to report tests of ours that fail (`trial`).
"""

from __future__ import annotations

import asyncio
import posixpath
from pathlib import Path

import msgspec

from reconciler.execute import text
from reconciler.execute.gates import report as runner
from reconciler.execute.gates.families import is_test
from reconciler.execute.gates.reading import read
from reconciler.execute.gates.rig import Base, Rig, has_target, put_back, restore, swapped
from reconciler.execute.gates.steering import MAKEFILES, compiled
from reconciler.execute.gates.subject import Subject
from reconciler.execute.gates.support import leaned
from reconciler.execute.gates.trial import Judge, reported, trial
from reconciler.execute.gates.watching import suspicions
from reconciler.execute.workspace import checkout
from reconciler.model.execution import GateReport
from reconciler.model.vocabulary import GateResult


async def tests(subject: Subject) -> list[GateReport]:
    product = subject.product
    if product is None:
        return []
    base = await asyncio.to_thread(Base, Path(product.path), product.tip)
    command = product.test or ("make test" if base.has_target() else None)
    reports = await read(suspicions, subject) if subject.changes else []
    if command is None:
        # tests that the work itself brought: they must pass, and prove little
        added = any(has_target(subject.root / name) for name in MAKEFILES)
        return [*reports, *([await subject.check("tests", "make test", proves=False, told="nothing")] if added else [])]
    plain = await _counted(subject, base, command, await subject.check("tests", command, told="nothing"))
    reports.append(plain)
    if subject.changes:
        judge = await read(judge_of, subject, command)
        reports += await _as_on_base(subject, judge, plain)
        if base.has_tests() and all(found.result is GateResult.PASS for found in reports):
            reports.append(await trial(subject, judge, runner.ran(subject.said(plain))))
    return reports


def judge_of(subject: Subject, command: str) -> Judge:
    """Who judges on the base. Reads strangers' text: for a process of its own."""
    assert subject.product is not None
    base = Base(Path(subject.product.path), subject.product.tip)
    rig = Rig(base, command)
    changed = [change.path for change in subject.changes if change.old]
    existing, added = swapped(base, rig, subject.root, changed)
    leans, shadows = leaned(subject, base, rig)
    existing |= put_back(base, subject.root, leans)
    away = tuple(dict.fromkeys((*added, *shadows)))
    return Judge(base=base, rig=rig, command=command, existing=existing, added=away, shadows=tuple(shadows))


async def _as_on_base(subject: Subject, judge: Judge, plain: GateReport) -> list[GateReport]:
    """The base's tests alone, run the way the base runs them, where the work had a hand in either."""
    existing, added, base = judge.existing, judge.added, judge.base
    if not existing and (not added or (all(map(is_test, added)) and not base.has_tests())):
        return []
    with subject.scratch() as folder:
        restored = folder / "work"
        await asyncio.to_thread(restore, subject.root, restored, existing, added)
        found = await subject.check("tests/base", judge.command, root=restored, told="nothing")
    found = await _counted(subject, base, judge.command, found)
    if found.result is GateResult.FAIL and plain.result is GateResult.PASS:
        return [await _own(subject, judge, found)]
    return [found]


async def _own(subject: Subject, judge: Judge, found: GateReport) -> GateReport:
    """The failure; a question to a person where only what the work made of how it is built or run lets it pass.

    With the base's tests it then has to pass, and to report tests of ours that fail: else it is no honest change.
    """
    built = sorted({*(path for path in judge.existing if not is_test(path)), *judge.shadows})
    if not built:
        return found
    existing = {path: data for path, data in judge.existing.items() if is_test(path)}
    added = tuple(path for path in judge.added if is_test(path) or judge.rig.replaces(path) or compiled(path))
    theirs = msgspec.structs.replace(judge, existing=existing, added=added)
    with subject.scratch() as folder:
        restored = folder / "work"
        await asyncio.to_thread(restore, subject.root, restored, existing, added)
        passes = await subject.check("tests/built", judge.command, root=restored, told="nothing")
    if passes.result is not GateResult.PASS or not await reported(subject, theirs):
        return found
    names = ", ".join(map(posixpath.normpath, built[:5]))
    message = f"the base's tests pass only with what the work made of how they judge ({names}): a person has to look"
    return msgspec.structs.replace(found, result=GateResult.PERSON, message=message)


async def _counted(subject: Subject, base: Base, command: str, report: GateReport) -> GateReport:
    """The report; a failure where the run ended well and yet counts no test or tells of failed ones."""
    product = subject.product
    if product is None or report.result is not GateResult.PASS or not base.has_tests():
        return report
    said = subject.said(report)
    failed = runner.failure(said)
    if runner.ran(said) > 0 and not failed:
        return report
    with subject.scratch() as folder:
        async with checkout(product.path, product.tip, folder / "base"):
            before = await subject.check("tests/before", command, root=folder / "base", told="nothing")
    earlier = subject.said(before)
    if failed and not (before.result is GateResult.PASS and runner.failure(earlier)):
        message = f"it ended well and said that tests failed: {text.line(failed, 60)}"
    elif runner.ran(said) <= 0 and (count := runner.ran(earlier)) > 0:
        message = f"it ended well without saying that a test ran; before the work it counted {count}"
    else:
        return report
    return msgspec.structs.replace(report, result=GateResult.FAIL, message=message)
