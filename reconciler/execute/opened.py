"""The brief's backend, opened for one phase. A program of somebody else's gets the sandbox that the attempt has."""

from __future__ import annotations

from reconciler.execute.backends import Backend, open_backend
from reconciler.execute.work import Work
from reconciler.model.spec import BlueprintPhase


def opened(work: Work, phase: BlueprintPhase) -> Backend:
    """Raises BackendError. What a program is denied is in the evidence."""

    def refuse(tool: str, what: str, why: str) -> None:
        work.refuse(phase.name, phase.role, tool, what, why)

    model = work.brief.model
    if model.backend == "claude-cli":
        from reconciler.execute.backends.claude_cli import ClaudeCli

        return ClaudeCli(model, sandbox=work.sandbox, refuse=refuse)
    if model.backend == "command":
        from reconciler.execute.backends.command import Command

        return Command(model, sandbox=work.sandbox, refuse=refuse)
    return open_backend(model)
