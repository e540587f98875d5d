"""Programs that are talked with while they run (a CLI agent, a tool server), in the sandbox that commands have.

Unlike a command it sees no workspace: only what it is shown, read-only, and an own `/tmp` with its home. Where the
sandbox is a plain process, it is started as it is, with an empty home and a bare environment.
"""

from __future__ import annotations

import importlib.util
import math
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from reconciler.execute.bubblewrap import HOME, bare, system_options
from reconciler.execute.locks import LATER
from reconciler.execute.process import Bounds
from reconciler.execute.sandbox import Sandbox
from reconciler.execute.toolchain import OWN_PYTHON, SYSTEM, installation, toolchain, virtual
from reconciler.model.size import size

_PACKAGE = Path(__file__).resolve().parents[1]


class Enclosed(msgspec.Struct, frozen=True, kw_only=True):
    """What to start, where, and with which environment."""

    argv: tuple[str, ...]
    cwd: Path
    env: dict[str, str]
    bounds: Bounds
    """what it may use; who starts it holds it to that"""


def enclose(
    sandbox: Sandbox,
    argv: Sequence[str],
    *,
    scratch: Path,
    show: Sequence[Path] = (),
    home: Mapping[str, Path] | None = None,
    env: Mapping[str, str],
    way_out: Path | None = None,
    places: Sequence[str] = (),
) -> Enclosed:
    """`show`: files and folders that are visible where they are. `home`: name below the home -> file.

    `env` is the program's alone: nothing that puts it behind locks has it, be it `LD_PRELOAD`.
    `scratch` is an empty folder of the caller's; a plain process has its home there. `way_out`: the socket of an
    `Egress`, the only network there is; of its `places`, those of this machine are found at their own ports.
    """
    limits, tools = sandbox.limits, toolchain()
    bounds = Bounds(
        wall=math.inf,
        memory=size(limits.memory),
        processes=limits.processes,
        apart=sandbox.bwrap is not None,
    )
    placed = home or {}
    if sandbox.bwrap is None:
        folder = scratch / "home"
        folder.mkdir()
        for name, source in placed.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / name)
            (folder / name).chmod(0o400)
        plain = bare(tools.path, str(folder), str(folder)) | dict(env)
        return Enclosed(argv=tuple(argv), cwd=folder, env=plain, bounds=bounds)
    options = [*system_options(tools), "--size", str(size(limits.disk)), "--tmpfs", "/tmp"]
    if way_out is not None:
        argv = [*_outward(way_out, places), *argv]
        show = [*show, way_out.parent, _PACKAGE]
    linked = {place for place, _ in tools.links}  # which are there already, and nothing can lie on a link
    for path in _outermost([path for path in show if str(path) not in linked]):
        options += ["--ro-bind", str(path), str(path)]
    options += ["--dir", HOME]
    for name, source in placed.items():
        options += ["--ro-bind", str(source), f"{HOME}/{name}"]
    options += ["--remount-ro", "/", "--chdir", HOME, "--"]
    inner = bare(tools.path, HOME, HOME) | {f"{LATER}{name}": value for name, value in env.items()}
    return Enclosed(argv=(sandbox.bwrap, *options, *sandbox.locked(argv)), cwd=Path("/"), env=inner, bounds=bounds)


def _outward(way_out: Path, places: Sequence[str]) -> list[str]:
    """The words before a program that lead its connections out; nothing of them is left in its environment."""
    start = "import sys; sys.path.append(sys.argv.pop(1)); import runpy; runpy.run_module('{}', run_name='__main__')"
    words = [OWN_PYTHON, "-I", "-S", "-c", start.format("reconciler.execute.inside"), str(_PACKAGE.parent)]
    return [*words, str(way_out), *places, "--"]


def _outermost(paths: Sequence[Path]) -> list[Path]:
    """Without the system, which is there already, and without what lies in another one of them."""
    outside = sorted({path for path in paths if not any(path.is_relative_to(place) for place in SYSTEM)})
    return [path for path in outside if not any(path.is_relative_to(other) for other in outside if other != path)]


def python(*modules: str) -> tuple[list[str], list[Path], dict[str, str]]:
    """Our own Python for use inside: how it is called, what it must be shown, and its environment.

    It finds this package and `modules`. Of the folder that this package lies in, nothing else is shown.
    """
    show = [*virtual(Path(sys.prefix)), _PACKAGE]
    roots = [str(_PACKAGE.parent)]
    for name in modules:
        found = importlib.util.find_spec(name)
        if found is not None and found.origin is not None:
            site = Path(found.origin).resolve().parents[1]
            show.append(site)
            roots.append(str(site))
    return [sys.executable, "-P"], show, {"PYTHONPATH": ":".join(dict.fromkeys(roots))}


def program(command: Sequence[str], path: str | None = None) -> tuple[list[str], list[Path]] | None:
    """A command with its program found, and what it must be shown for it to start; None where it is not here.

    Arguments that are absolute paths of existing files are taken for parts of the program.
    """
    found = shutil.which(command[0], path=path)
    if found is None:
        return None
    place, real = Path(found).absolute(), Path(found).resolve()
    show = [Path(word) for word in command[1:] if word.startswith("/") and Path(word).exists()]
    if "node_modules" in real.parts:
        # a package of npm finds its own files beside the real one; what is on the path is only a link to that
        modules = Path(*real.parts[: real.parts.index("node_modules") + 1])
        return [str(real), *command[1:]], [modules, *show]
    for found_at in (place, real):
        if environment := virtual(found_at.parent.parent):
            return [str(found_at), *command[1:]], [*environment, *_base(found_at.parent), *show]
    return [str(place), *command[1:]], [place, *show]


def _base(scripts: Path) -> list[Path]:
    """The installation behind a virtual environment of Python, as far as it may be seen."""
    behind = (scripts / "python").resolve()
    return installation(behind) or [behind]
