"""The programs that commands and gates may use where they live outside the system folders (pyenv, nvm, a venv).

A program's own prefix is made visible, never a home folder or what lies directly in one: that is where secrets are.
"""

from __future__ import annotations

import functools
import os
import shutil
import sys
from pathlib import Path

import msgspec

_TOOLS = ("git", "make", "python3", "node", "npm", "java", "go", "cargo", "ruby", "php", "dotnet")
SYSTEM = ("/usr", "/bin", "/sbin", "/lib")
"""folders that every sandbox shows"""


class Toolchain(msgspec.Struct, frozen=True):
    """`path` is the value of PATH; `folders` must be readable besides the system's."""

    path: str
    folders: tuple[str, ...]


@functools.lru_cache(maxsize=1)
def toolchain() -> Toolchain:
    """What this machine offers; looked up once a process."""
    # version managers put wrappers first on the path that need the home folder; what they wrap is found behind them
    entries = [
        entry
        for entry in os.environ.get("PATH", os.defpath).split(os.pathsep)
        if entry.startswith("/") and Path(entry).name != "shims"
    ]
    entries.append(str(Path(sys.base_prefix) / "bin"))
    searched = os.pathsep.join(dict.fromkeys(entries))
    bins: list[str] = []
    folders: list[str] = []
    for tool in _TOOLS:
        found = shutil.which(tool, path=searched)
        if found is None:
            continue
        for place in (Path(found), Path(found).resolve()):
            folder = place.parent
            if _is_system(folder):
                continue
            bins.append(str(Path(found).parent))
            folders.append(str(_visible(folder)))
    bins.append(str(Path(sys.base_prefix) / "bin"))
    folders.append(str(_visible(Path(sys.base_prefix) / "bin")))
    system = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    outside = [folder for folder in dict.fromkeys(folders) if not _is_system(Path(folder))]
    return Toolchain(os.pathsep.join(dict.fromkeys([*bins, *system])), tuple(sorted(outside)))


def _visible(folder: Path) -> Path:
    """The installation a program folder belongs to, or only the folder where that would show too much."""
    prefix = folder.parent if folder.name in ("bin", "sbin") else folder
    home = Path.home()
    if prefix == Path("/") or home.is_relative_to(prefix):
        return folder
    if prefix.is_relative_to(home) and len(prefix.relative_to(home).parts) < 2:
        return folder
    return prefix


def _is_system(folder: Path) -> bool:
    return any(folder.is_relative_to(system) for system in SYSTEM)
