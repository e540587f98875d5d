"""A command of a role, with the product as that role may see it.

Mounts first, then a look at what they cannot close.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

from reconciler.execute import paths
from reconciler.execute.guard import Guard, TooMuch
from reconciler.execute.mounts import EVERYTHING, Mounts, mounts
from reconciler.execute.process import Completed
from reconciler.execute.sandbox import Access
from reconciler.execute.work import Ended, Work
from reconciler.execute.workspace import settle
from reconciler.model.spec import BlueprintPhase, Paths
from reconciler.model.vocabulary import Reason, Verdict

_P = ParamSpec("_P")
_T = TypeVar("_T")

_TOO_MUCH = "more files are closed to this role than can be watched: what the command wrote was thrown away"


async def confined(
    work: Work,
    phase: BlueprintPhase,
    argv: Sequence[str],
    *,
    writes: bool,
    rules: Sequence[Paths],
    timeout: float,
    tool: str,
) -> tuple[Completed, list[str]]:
    """Run it. What came of it, and why something was put back: each is a sentence, and a refusal of the Work."""

    async def run(access: Access, seen: Mounts = EVERYTHING) -> Completed:
        return await work.sandbox.run(
            argv,
            root=work.root,
            access=access,
            blueprint=work.blueprint,
            env=work.environment(),
            timeout=timeout,
            mounts=seen,
        )

    if not writes:
        return await run("read" if work.sandbox.confines else "discard"), []
    seen = await settle(mounts, work.root, rules)
    if not work.sandbox.confines and seen != EVERYTHING:
        seen = Mounts(sure=False)
    if seen.sure:
        return await run("write", seen), []

    def refuse(path: str) -> str | None:
        return paths.refusal(path, rules)

    try:
        guard = await _looking(phase, Guard, work.root, seen.writable, work.run_dir / "aside", refuse)
    except TooMuch:
        work.refuse(phase.name, phase.role, tool, "run_command", _TOO_MUCH)
        return await run("discard"), [_TOO_MUCH]
    try:
        done = await run("write", seen)
    finally:
        undone = await _looking(phase, guard.restore)
        for path, why in undone:
            work.refuse(phase.name, phase.role, tool, path, why)
    return done, [why for _, why in undone[:20]]


async def _looking(phase: BlueprintPhase, look: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Raises Ended where what a command left cannot be looked at: then nobody knows what it changed."""
    try:
        return await settle(look, *args, **kwargs)
    except OSError as error:
        told = f"phase {phase.name}: what lies in the product cannot be looked at: {error.strerror or error}"
        raise Ended(Verdict.FAILED, Reason.AGENT_FAILED, told) from error
