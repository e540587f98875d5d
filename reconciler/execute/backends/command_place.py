"""Where the program of a `command` host runs: in the sandbox, with what its entry in the Fleet names and nothing else.

Outside of it only where a person of this machine said so (`alai-reconcile trust --host NAME`).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from reconciler.execute.child import FREE
from reconciler.execute.egress import Egress, Heard
from reconciler.execute.enclosure import Enclosed, enclose, program
from reconciler.execute.sandbox import Sandbox
from reconciler.execute.toolchain import toolchain
from reconciler.model.job import ModelBrief

_HIDDEN = (".local", ".cache")
"""folders of programs, not of secrets, below a home"""


class NotAllowed(Exception):
    """What the entry asks for is not given. The text says which, and what to do."""


def private(path: Path) -> bool:
    """Whether it would show a home folder, or what lies hidden in one, such as keys and logins."""
    real, home = path.resolve(), Path.home().resolve()
    if home.is_relative_to(real):
        return True
    first = real.relative_to(home).parts[0] if real.is_relative_to(home) else ""
    return first.startswith(".") and first not in _HIDDEN


@contextlib.asynccontextmanager
async def place(model: ModelBrief, sandbox: Sandbox | None, scratch: Path, heard: Heard) -> AsyncGenerator[Enclosed]:
    """What to start. `scratch` is empty and the caller's. Raises NotAllowed, FileNotFoundError."""
    if model.outside:
        yield Enclosed(argv=model.command, cwd=scratch, env=dict(os.environ), bounds=FREE)
        return
    allow = f"or let it have your own rights on this machine: alai-reconcile trust --host {model.host}"
    if sandbox is None or sandbox.bwrap is None:
        raise NotAllowed(f"runs in a sandbox only, and none works here: install bubblewrap, {allow}")
    # what the sandbox has comes first: a version manager's wrapper, which the user's own path finds, needs the home
    found = program(model.command, os.pathsep.join((toolchain().path, os.environ.get("PATH", os.defpath))))
    if found is None:
        raise FileNotFoundError(f"there is no program {model.command[0]} on this machine")
    argv, show = found
    named = [*_paths(model.command[1:]), *map(Path, model.mounts)]
    for path in named:
        if not path.exists():
            raise NotAllowed(f"is to read {path}, which is not there")
        if private(path):
            raise NotAllowed(
                f"is to read {path}, and no sandbox shows a home folder or what is hidden in one: move it, {allow}"
            )
    show += named
    if not model.egress:
        yield enclose(sandbox, argv, scratch=scratch, show=show, env={})
        return
    out = scratch / "out"
    async with Egress(out, model.egress, heard):
        yield enclose(sandbox, argv, scratch=scratch, show=show, env={}, way_out=out, places=model.egress)


def _paths(words: Sequence[str]) -> list[Path]:
    """The words that are absolute paths of what is there: parts of the program."""
    return [Path(word) for word in words if word.startswith("/") and Path(word).exists()]
