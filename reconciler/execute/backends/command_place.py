"""Where the program of a `command` host runs: in the sandbox, with what its entry in the Fleet names and nothing else.

Outside of it only where a person of this machine said so (`alai-reconcile trust --host NAME`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import re
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from reconciler.execute.child import FREE
from reconciler.execute.egress import Egress, Heard
from reconciler.execute.enclosure import Enclosed, enclose, program
from reconciler.execute.sandbox import Sandbox
from reconciler.execute.toolchain import toolchain
from reconciler.model.job import ModelBrief

_LIVE = tuple(map(Path, ("/run", "/proc", "/sys", "/dev")))
"""where services and the kernel answer: nothing below them is plain data (`/var/run` leads to the first)"""
_EVERYBODYS = tuple(map(Path, ("/tmp", "/var/tmp")))
"""nobody knows what lies in all of them; a folder below may be shown"""
_HOMES = tuple(map(Path, ("/root", "/home", "/Users")))
_FIRST = 1000
"""the users from here on are people"""
_SECRET = re.compile(
    r"(?:^|[-_.])(?:keyrings?|credentials?|secrets?|passwords?)(?:$|[-_.])|^tokens?(?:\.\w+)?$|^id_(?:rsa|dsa|ecdsa|ed25519)"
    r"|\.(?:pem|key|p12|pfx|kdbx|gpg|asc)$",
    re.IGNORECASE,
)
_MOST_ENTRIES = 200_000
"""that a folder is looked through for; weights and what runs them have far fewer"""


class NotAllowed(Exception):
    """What the entry asks for is not given. The text says which, and what to do."""


def private(path: Path) -> bool:
    """Whether it would show a home folder, what lies hidden in one such as keys and logins, or what answers."""
    real = path.resolve()
    if any(real.is_relative_to(place) or place.is_relative_to(real) for place in _LIVE) or real in _EVERYBODYS:
        return True
    own = _own_homes()
    for home in own:
        if home.is_relative_to(real):
            return True
        if real.is_relative_to(home):
            return any(part.startswith(".") or _SECRET.search(part) for part in real.relative_to(home).parts)
    return any(real.is_relative_to(place) for place in (*_HOMES, *_other_homes(own)))


def _own_homes() -> tuple[Path, ...]:
    """The one that programs are told of, and the one that this user has: they may be two."""
    told = Path.home().resolve()
    try:
        return (told, Path(pwd.getpwuid(os.getuid()).pw_dir).resolve())
    except KeyError:
        return (told,)


def _other_homes(own: Sequence[Path]) -> list[Path]:
    """Those of people: what services call their home is often a folder of the system that many share."""
    people = (Path(entry.pw_dir).resolve() for entry in pwd.getpwall() if entry.pw_uid == 0 or entry.pw_uid >= _FIRST)
    return [home for home in people if home not in own and len(home.parts) > 1]


def answers(path: Path) -> bool:
    """Whether it is, or holds, a socket or the like, which a read-only mount gives away all the same.

    True as well where there is too much to look through.
    """
    if not path.is_dir():
        return not path.is_file()
    seen = 0
    for folder, _, _ in os.walk(path.resolve()):
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                seen += 1
                plain = entry.is_symlink() or entry.is_dir() or entry.is_file()
                if not plain or seen > _MOST_ENTRIES:
                    return True
    return False


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
                f"is to read {path}, and no sandbox shows a home folder, what is hidden in one, or what belongs to the"
                f" running machine: move it, {allow}"
            )
        if await asyncio.to_thread(answers, path):
            raise NotAllowed(f"is to read {path}, which holds sockets, or too many files to say so: move it, {allow}")
    show = [*(path for path in show if not _has_its_own(path)), *named]
    if not model.egress:
        yield enclose(sandbox, argv, scratch=scratch, show=show, env={})
        return
    out = scratch / "out"
    async with Egress(out, model.egress, heard):
        yield enclose(sandbox, argv, scratch=scratch, show=show, env={}, way_out=out, places=model.egress)


def _paths(words: Sequence[str]) -> list[Path]:
    """The words that are absolute paths of what is there: parts of the program."""
    paths = [Path(word) for word in words if word.startswith("/") and Path(word).exists()]
    return [path for path in paths if not _has_its_own(path)]


def _has_its_own(path: Path) -> bool:
    """Whether the sandbox has one of its own in that place: it needs none of this machine's."""
    return path == Path("/tmp") or path.parts[1:2] in (("dev",), ("proc",))
