"""A command of a role, with the product as that role may see it. Thin over the sandbox."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.execute.process import Completed
from reconciler.execute.work import Work
from reconciler.model.spec import BlueprintPhase, Paths


async def confined(
    work: Work,
    phase: BlueprintPhase,
    argv: Sequence[str],
    *,
    writes: bool,
    rules: tuple[Paths, ...],
    timeout: float,
    tool: str,
) -> tuple[Completed, list[str]]:
    """Run it; what came of it, and what was put back because the rules do not allow it, a sentence each."""
    access = "write" if writes else "read" if work.sandbox.bwrap else "discard"
    done = await work.sandbox.run(
        argv, root=work.root, access=access, blueprint=work.blueprint, env=work.environment(), timeout=timeout
    )
    return done, []
