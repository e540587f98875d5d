"""The programs that commands and gates may use where they live outside the system folders (pyenv, nvm, a venv).

What looks like an installation is made visible as a whole. Of any other folder, a project with a `bin` say, only the
program's own file is: what else lies there is somebody's work, or a secret.
"""

from __future__ import annotations

import fnmatch
import functools
import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import msgspec

from reconciler.execute.version_managers import behind, rust

_TOOLS = (
    "git", "make", "python3", "node", "npm", "npx", "java", "go", "cargo", "rustc", "ruby", "bundle", "php", "dotnet",
    "pnpm", "yarn", "bun", "deno", "mvn", "gradle", "cmake", "uv", "poetry", "pipenv", "pdm", "hatch", "tox", "nox",
    "pytest", "ruff", "just", "kotlin", "scala", "sbt",
)  # fmt: skip
SYSTEM = ("/usr", "/bin", "/sbin", "/lib")
"""folders that every sandbox shows"""
_SEARCHED = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""where every program is looked for"""
OWN_PYTHON = str(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")

_MARKS = (
    "pyvenv.cfg", "conda-meta", "lib/python3*", "lib/node_modules", "lib/rustlib", "lib/ruby", "lib/php", "pkg/tool",
    "lib/modules", "shared/Microsoft.NETCore.App", "libexec/git-core", "boot/plexus-*", "lib/gradle-*", "share/cmake-*",
    "Cellar",
)  # fmt: skip
"""what lies in installations, of these tools, and in hardly anything else"""
_SHAPE = ("lib", "lib64", "libexec", "share")
"""what lies beside `bin` in any installation, and in many projects too: believed outside of homes only"""
_PRIVATE = (
    ".git", ".hg", ".svn", ".env", ".env.*", ".envrc", ".netrc", ".npmrc", ".pypirc", ".pgpass", ".ssh", ".aws",
    ".gnupg", ".docker", ".kube", ".config", "*credential*", "*secret*", "id_rsa*", "id_ed25519*",
)  # fmt: skip
"""names of what makes a folder somebody's own"""
_EVERYBODYS = (".local", ".config", ".cache")
"""folders of a home that many programs share, with their keys"""
_ENVIRONMENT = ("pyvenv.cfg", "bin", "lib", "lib64", "include")
"""what a virtual environment of Python is made of"""
_HIDDEN = ("etc/npmrc",)
"""files of an installation that may hold a login"""


class Toolchain(msgspec.Struct, frozen=True):
    """What must be readable besides the system's, and how programs are found in it."""

    path: str
    """the value of PATH"""
    folders: tuple[str, ...]
    """installations, and single files"""
    links: tuple[tuple[str, str], ...] = ()
    """(path, where it leads to): they must be there, and nothing beside them"""
    hidden: tuple[str, ...] = ()
    """files in `folders` that are not to be read"""

    @property
    def alone(self) -> tuple[str, ...]:
        """Programs that are visible without what lies beside them."""
        files = (folder for folder in self.folders if Path(folder).is_file())
        return tuple(sorted({*files, *(link for link, _ in self.links)}))


@functools.lru_cache(maxsize=1)
def toolchain() -> Toolchain:
    """What this machine offers; looked up once a process."""
    named = (entry for entry in os.environ.get("PATH", os.defpath).split(os.pathsep) if entry.startswith("/"))
    entries = [real for entry in named for real in behind(entry)]
    own = str(Path(sys.base_prefix) / "bin")
    searched = os.pathsep.join(dict.fromkeys([*rust(os.pathsep.join(entries)), *entries, own]))
    bins: list[str] = []
    shown: set[Path] = set(_own())
    links: dict[Path, Path] = {}
    for tool in _TOOLS:
        found = shutil.which(tool, path=searched)
        if found is None:
            continue
        place = Path(found)
        if str(place.parent) not in _SEARCHED:
            bins.append(str(place.parent))  # also one of the system's that is in no usual place: /usr/local/go/bin
        for path in dict.fromkeys((place, place.resolve())):
            if _is_system(path):
                continue
            if (whole := installation(path)) or not path.is_symlink():
                shown.update(whole or [path])
            else:
                links[path] = path.resolve()
    shown = {path for path in shown if not _is_system(path)}
    shown = {path for path in shown if not any(path.is_relative_to(other) for other in shown if other != path)}
    return Toolchain(
        path=os.pathsep.join(dict.fromkeys([*bins, own, *_SEARCHED])),
        folders=tuple(sorted(map(str, shown))),
        links=tuple(
            (str(link), str(target))
            for link, target in sorted(links.items())
            if not any(link.is_relative_to(path) for path in shown)
        ),
        hidden=tuple(sorted(str(path / name) for path in shown for name in _HIDDEN if (path / name).is_file())),
    )


def installation(program: Path) -> list[Path]:
    """What belongs to a program and may be seen; nothing where it lies in a folder that is no installation."""
    for prefix in _prefixes(program):
        if environment := virtual(prefix):
            return environment
        if _is_installed(prefix):
            return [prefix]
    return []


def virtual(prefix: Path) -> list[Path]:
    """A virtual environment of Python, without what a project has beside it; nothing where it is none."""
    if not (prefix / "pyvenv.cfg").is_file():
        return []
    parts = [prefix] if _may_be_seen(prefix) else [prefix / name for name in _ENVIRONMENT if (prefix / name).exists()]
    return [*parts, *_interpreter(prefix)]


def _interpreter(environment: Path) -> list[Path]:
    """The installation that an environment borrows its Python from: of pyenv or uv, say."""
    program = (environment / "bin/python").resolve()
    prefix = program.parent.parent
    return [prefix] if not _is_system(program) and _is_installed(prefix) else []


def _prefixes(program: Path) -> Iterator[Path]:
    folder = program.parent
    yield folder.parent if folder.name in ("bin", "sbin") else folder
    if "node_modules" in program.parts:
        # a package of npm: `PREFIX/lib/node_modules/...`
        yield Path(*program.parts[: program.parts.index("node_modules")]).parent


def _is_installed(prefix: Path) -> bool:
    marks = _MARKS if _in_a_home(prefix) else (*_MARKS, *_SHAPE)
    return _may_be_seen(prefix) and any(any(prefix.glob(mark)) for mark in marks)


def _may_be_seen(prefix: Path) -> bool:
    """Whether it is no home, nor above one, nor shared by all programs, and nothing private lies at its top."""
    home, real = Path.home().resolve(), prefix.resolve()
    if home.is_relative_to(real) or real in (home / name for name in _EVERYBODYS):
        return False
    try:
        names = os.listdir(real)  # noqa: PTH208
    except OSError:
        return False
    # Homebrew is a clone of its own repository
    allowed = (".git",) if "Cellar" in names else ()
    return not any(
        fnmatch.fnmatchcase(name.lower(), private) for name in names if name not in allowed for private in _PRIVATE
    )


def _in_a_home(prefix: Path) -> bool:
    real, home = prefix.resolve(), Path.home().resolve()
    return any(real.is_relative_to(place) for place in (home, "/home", "/root", "/Users"))


def _own() -> list[Path]:
    """Our own Python, which works inside: all of it, or where that would show too much, what it cannot do without."""
    if whole := installation(Path(OWN_PYTHON)):
        return whole
    names = ("LIBDIR", "INSTSONAME")
    library = Path(*(str(sysconfig.get_config_var(name)) for name in names))
    folders = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")}
    return [path for path in (Path(OWN_PYTHON), Path(OWN_PYTHON).resolve(), library, *folders) if path.exists()]


def _is_system(path: Path) -> bool:
    return any(path.is_relative_to(system) for system in (*SYSTEM, "/nix/store"))
