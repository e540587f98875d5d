"""The product's own tests: as the work left them, and, where it touched or joined them, as on the base too.

The command comes from the manifest or from the base's Makefile, never from the work under judgement. Exit 0 is not
believed alone: a program that ends the run early ends it well, so the run has to count its tests where the base's does.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import msgspec

from reconciler import trees
from reconciler.execute import text
from reconciler.execute.gates.families import is_test
from reconciler.execute.gates.rig import Base, Rig, has_target, restore, swapped
from reconciler.execute.gates.steering import MAKEFILES
from reconciler.execute.gates.subject import Subject
from reconciler.execute.workspace import checkout
from reconciler.model.execution import GateReport
from reconciler.model.vocabulary import GateResult

_COUNTED = re.compile(
    r"""^Ran\ (\d+)\ tests?\ in | \b(\d+)\ (?:passed|passing)\b | ^(?:\#|ℹ)\ tests\ (\d+) | ^ok\ {0,4}\t\S+\t()
    | \bTests\ run:\ (\d+) | ^OK\ \((\d+)\ tests? | \b(\d+)\ (?:examples?|runs|specs?),\ | \bPassed:\s+(\d+)
    | ^ok\ (\d+)\b""",
    re.MULTILINE | re.VERBOSE,
)
"""how the usual runners say how many tests they ran"""
_FAILED = re.compile(
    r"^FAILED\ \( | (?<!\w)[1-9]\d*\ (?:failed|failing)\b | ^(?:\#|ℹ)\ fail\ [1-9] | ^not\ ok\ \d | ^---\ FAIL:"
    r" | ^FAIL\t | \bTests\ run:.*\b(?:Failures|Errors):\ [1-9] | \b[1-9]\d*\ failures?\b",
    re.MULTILINE | re.VERBOSE,
)
"""and that some of them failed"""


async def tests(subject: Subject) -> list[GateReport]:
    product = subject.product
    if product is None:
        return []
    base = await asyncio.to_thread(Base, Path(product.path), product.tip)
    command = product.test or ("make test" if base.has_target() else None)
    if command is None:
        # tests that the work itself brought: they must pass, and prove little
        added = any(has_target(subject.root / name) for name in MAKEFILES)
        return [await subject.check("tests", "make test", proves=False, told=False)] if added else []
    reports = [await _counted(subject, base, command, await subject.check("tests", command, told=False))]
    if subject.changes:
        reports += await _as_on_base(subject, base, command)
    return reports


async def _as_on_base(subject: Subject, base: Base, command: str) -> list[GateReport]:
    """The base's tests alone, run the way the base runs them, where the work had a hand in either."""
    rig = Rig(base, command)
    changed = [change.path for change in subject.changes if change.old]
    existing, added = await asyncio.to_thread(swapped, base, rig, subject.root, changed)
    if not existing and (not added or (all(map(is_test, added)) and not base.has_tests())):
        return []
    with trees.scratch() as folder:
        restored = folder / "work"
        await asyncio.to_thread(restore, subject.root, restored, existing, added)
        return [
            await _counted(
                subject, base, command, await subject.check("tests/base", command, root=restored, told=False)
            )
        ]


async def _counted(subject: Subject, base: Base, command: str, report: GateReport) -> GateReport:
    """The report; a failure where the run ended well and yet counts no test or tells of failed ones."""
    product = subject.product
    if product is None or report.result is not GateResult.PASS or not base.has_tests():
        return report
    said = _said(subject, report)
    failed = _FAILED.search(said)
    if _count(said) and not failed:
        return report
    with trees.scratch() as folder:
        async with checkout(product.path, product.tip, folder / "base"):
            before = await subject.check("tests/before", command, root=folder / "base", told=False)
    earlier = _said(subject, before)
    if failed and not (before.result is GateResult.PASS and _FAILED.search(earlier)):
        message = f"it ended well and said that tests failed: {text.line(failed[0], 60)}"
    elif not _count(said) and (count := _count(earlier)):
        message = f"it ended well without saying that a test ran; before the work it counted {count}"
    else:
        return report
    return msgspec.structs.replace(report, result=GateResult.FAIL, message=message)


def _said(subject: Subject, report: GateReport) -> str:
    return (subject.evidence / report.log).read_text(encoding="utf-8", errors="replace") if report.log else ""


def _count(said: str) -> int:
    return sum(int(next(filter(None, found.groups()), "1")) for found in _COUNTED.finditer(said))
