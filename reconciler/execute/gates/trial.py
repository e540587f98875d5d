"""Whether the judge can still be believed: the base's tests on the work, with tests of ours that must fail among them.

A program under test shares its process with whoever judges it: it can end the run, patch what compares, or print what
a runner prints. So one more run holds tests that must fail. They must be reported, the run must fail, and no fewer
tests may run than on the base. What cannot be told from that run alone is compared with the same run on the base.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from reconciler import trees
from reconciler.execute import paths
from reconciler.execute.gates import report
from reconciler.execute.gates.canary import MOST_FILES, fail_at_end, plant, tokens_in
from reconciler.execute.gates.families import SOURCE, suffix
from reconciler.execute.gates.planted import Planted
from reconciler.execute.gates.rig import Base, Rig, restore
from reconciler.execute.gates.subject import Subject
from reconciler.execute.workspace import checkout
from reconciler.model.execution import GateReport
from reconciler.model.vocabulary import GateResult

Way = Callable[[str, str, str], Planted | None]
CANARY = "tests/canary"
_MOST_BYTES = 500_000
_RIGHTLY = "tests of ours that must fail were reported so"


class Judge(msgspec.Struct, frozen=True, kw_only=True):
    """How the base judges: `existing` is put back into the work (path and content), `added` is taken away."""

    base: Base
    rig: Rig
    command: str
    existing: Mapping[str, bytes]
    added: tuple[str, ...]
    shadows: tuple[str, ...] = ()
    """of `added`: what stands where a helper of the base's tests is looked for"""


class Run(msgspec.Struct, frozen=True):
    """A run with tests of ours in it. `ended_well`: exit 0."""

    report: GateReport
    reported: Mapping[str, int]
    """file -> how many of our tests in it were reported as failed"""
    ran: int

    @property
    def ended_well(self) -> bool:
        return self.report.result is GateResult.PASS

    @property
    def any(self) -> bool:
        return any(self.reported.values())


async def trial(subject: Subject, judge: Judge, plain: int) -> GateReport:
    """The report of the canary. `plain`: how many tests the run without it counted."""
    nonce = secrets.token_hex(8)
    with subject.scratch() as folder:
        root = folder / "work"
        await asyncio.to_thread(restore, subject.root, root, judge.existing, judge.added)
        planted = await asyncio.to_thread(_plant, root, judge, nonce)
        after = await _run(subject, judge.command, root, planted, CANARY)
    if after.report.result is GateResult.ERROR:
        return after.report
    least = sum(file.own + file.tests for path, file in planted.items() if after.reported.get(path))
    whole = planted and all(after.reported[path] == len(file.tokens) for path, file in planted.items())
    if whole and not after.ended_well and after.ran >= least > 0:
        return _said(after, GateResult.PASS, _rightly(after))
    before = await _before(subject, judge, nonce)
    if 0 <= after.ran < before.ran:  # a test that comes and goes is no test that went
        again = await _before(subject, judge, nonce)
        before = min(before, again, key=lambda run: run.ran)
    return _compared(after, before, planted, plain)


async def reported(subject: Subject, judge: Judge) -> bool:
    """Whether tests of ours that must fail are reported so."""
    report = await trial(subject, judge, 0)
    return report.result is GateResult.PASS and report.message.startswith(_RIGHTLY)


def _compared(after: Run, before: Run, planted: Mapping[str, Planted], plain: int) -> GateReport:
    """What the two runs say together."""
    for path, file in planted.items():
        there, wanted = after.reported[path], before.reported.get(path, 0)
        if there < wanted or 0 < there < len(file.tokens):
            ended = "the run ended well" if after.ended_well else f"{there} of {len(file.tokens)} were reported"
            return _said(after, GateResult.FAIL, f"{path}: tests of ours in it must fail, and {ended}")
    if after.ended_well and after.any and not before.ended_well:
        return _said(after, GateResult.FAIL, "it ended well though it reported tests that failed")
    if after.ran < before.ran:
        fewer = f"{after.ran} tests ran where {before.ran} ran before the work"
        return _said(after, GateResult.PERSON if after.any else GateResult.FAIL, fewer)
    if after.any and not after.ended_well:
        return _said(after, GateResult.PASS, _rightly(after))
    if planted and after.ended_well and not before.ended_well and (plain or not any(f.own for f in planted.values())):
        names = ", ".join(sorted(planted)[:3])
        message = f"it ended well though what stands in {names} must have failed: a person has to look"
        return _said(after, GateResult.PERSON, message)
    how = "the runner is not one that is known, so its exit code and what the base does count"
    return _said(
        after, GateResult.PASS, how if not after.any else "the run ends well whatever its tests say, as before"
    )


def _rightly(after: Run) -> str:
    count = f", {after.ran} tests ran" if after.ran else ""
    return f"{_RIGHTLY} ({sum(after.reported.values())}){count}"


def _said(run: Run, result: GateResult, message: str) -> GateReport:
    return msgspec.structs.replace(run.report, result=result, message=message, proves=False)


async def _before(subject: Subject, judge: Judge, nonce: str) -> Run:
    """The same on the base."""
    product = subject.product
    assert product is not None
    with subject.scratch() as folder:
        async with checkout(product.path, product.tip, folder / "base"):
            planted = await asyncio.to_thread(_plant, folder / "base", judge, nonce)
            return await _run(subject, judge.command, folder / "base", planted, "tests/before")


async def _run(subject: Subject, command: str, root: Path, planted: Mapping[str, Planted], gate: str) -> Run:
    found = await subject.check(gate, command, root=root, proves=False, told="nothing")
    said = subject.said(found)
    return Run(found, dict(tokens_in(said, planted)), report.ran(said))


def _plant(root: Path, judge: Judge, nonce: str) -> dict[str, Planted]:
    """Put tests of ours into the tree, into files that the base has; programs without a framework only fail at last."""
    known = _write(root, judge, nonce, plant, judge.base.paths)
    return known or _write(root, judge, nonce, fail_at_end, sorted(judge.rig.named | judge.rig.started))


def _write(root: Path, judge: Judge, nonce: str, way: Way, wanted: Iterable[str]) -> dict[str, Planted]:
    planted: dict[str, Planted] = {}
    for path in wanted:
        place = root / path
        if len(planted) >= MOST_FILES:
            break
        if suffix(path) not in SOURCE or place.is_symlink() or not place.is_file():
            continue
        if place.stat().st_size > _MOST_BYTES or not trees.stays_inside(root, place.parent):
            continue
        try:
            file = way(path, place.read_text(encoding="utf-8"), nonce)
        except UnicodeDecodeError:
            continue
        if file:
            paths.write(root, path, file.content.encode())
            planted[path] = file
    return planted
