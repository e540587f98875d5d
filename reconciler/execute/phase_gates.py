"""What must be so after a phase before the next one begins; a phase whose gates do not hold is done again, told why.

These keep an attempt from building on sand. They prove nothing of the result: that is for the gates of its commit.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import msgspec

from reconciler import trees
from reconciler.execute import paths, text
from reconciler.execute.work import Ended, Work
from reconciler.execute.workspace import settle
from reconciler.git import product
from reconciler.model.execution import PhaseReport
from reconciler.model.spec import BlueprintPhase, PhaseGate
from reconciler.model.vocabulary import Reason, Verdict

_AGAIN = """

You did this before, and it is not right yet. What is missing:
{{ unmet }}
What you wrote is still there. Mend it; do not begin anew."""
"""a template, as the prompt is; `unmet` is data, so that what a command printed is never a template"""
Do = Callable[[Work, BlueprintPhase], Awaitable[PhaseReport]]
_WALKED = 100_000
_SAID = 600


async def gated(work: Work, phase: BlueprintPhase, do: Do) -> None:
    """Do the phase until its gates hold; each try is a report of its own.

    Raises Ended where its retries are used up.
    """
    again = phase
    found, proposed = list(work.findings), list(work.proposals)
    for left in range(phase.retries, -1, -1):
        work.progress("phase started", phase=phase.name, role=phase.role)
        report = await do(work, again)
        work.unmet = await _unmet(work, phase)
        notes = (report.note, *(f"gate {said}" for said in work.unmet))
        report = msgspec.structs.replace(report, note="; ".join(text.line(note, 300) for note in notes if note))
        work.phases.append(report)
        work.progress("phase ended", phase=phase.name, by=report.by, seconds=report.seconds, note=report.note)
        if not work.unmet:
            return
        if left:
            again = _told(phase)
            work.findings[:], work.proposals[:] = found, proposed
    times = f" after {phase.retries + 1} tries" if phase.retries else ""
    raise Ended(Verdict.FAILED, Reason.GATE_FAILED, f"phase {phase.name}{times}: gate {text.line(work.unmet[0], 400)}")


def _told(phase: BlueprintPhase) -> BlueprintPhase:
    """The phase as it is done again: its agent hears what was missing."""
    if phase.agent is None:
        return phase
    agent = msgspec.structs.replace(phase.agent, prompt=phase.agent.prompt + _AGAIN)
    return msgspec.structs.replace(phase, agent=agent)


async def _unmet(work: Work, phase: BlueprintPhase) -> tuple[str, ...]:
    """For each gate that does not hold: its id, and what is missing."""
    unmet: list[str] = []
    for gate in phase.gates:
        said = await _missing(work, gate)
        clean = text.clean(said) if said else ""
        work.note(phase=phase.name, gate=gate.id, holds=said is None, said=clean)
        if said is not None:
            unmet.append(f"{gate.id}: {text.cut(clean, _SAID)}")
    return tuple(unmet)


async def _missing(work: Work, gate: PhaseGate) -> str | None:
    """What the gate misses, or None where it holds."""
    if gate.file_exists is not None:
        held = await settle(_matches, work.root, gate.file_exists)
        return None if held else f"no file matches {gate.file_exists}"
    if gate.changed is not None:
        changed = await settle(_changed, work)
        held = any(paths.matches(path, [gate.changed]) for path in changed)
        return None if held else f"nothing that matches {gate.changed} was changed or added"
    done = await work.sandbox.run(
        ["/bin/sh", "-c", gate.command or "false"],
        root=work.root,
        access="discard",
        blueprint=work.blueprint,
        env=work.environment(),
    )
    if done.ok:
        return None
    return f"{done.stopped or f'exit {done.exit}'} of `{text.line(gate.command or '', 120)}`\n{done.tail(15)}".strip()


def _changed(work: Work) -> list[str]:
    """What differs from the commit that the work began from; without a product everything is new."""
    return list(_files(work.root)) if work.brief.product is None else product.worktree_changes(work.root)


def _matches(root: Path, glob: str) -> bool:
    return any(paths.matches(path, [glob]) for path in _files(root))


def _files(root: Path) -> Iterator[str]:
    """Plain files below the root, build output included; no link is followed."""
    count = 0
    for folder, names, files in trees.walk(root):
        names[:] = sorted(name for name in names if name != ".git")
        for name in sorted(files):
            count += 1
            if count > _WALKED:
                return
            if name != ".git" and not (root / folder / name).is_symlink():
                yield folder + name
