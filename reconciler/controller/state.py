"""What may lie in `state/`: plain files, and folders in their places. A clone can bring anything along.

Nothing in it is opened before this has looked. Run folders are only looked at from outside: they are made anew for
each job, and removed without following links.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from reconciler.model.errors import Refused

FOLDERS = frozenset(("runs", "jobs", "cache", "cache/blueprints", "starts", "tmp", "minions"))
DEEPER = ("", *sorted(FOLDERS - {"tmp", "minions"}))
"""the folders whose entries are looked at: what lies below the others is temporary, or a factory of its own"""
_OWN = ("runs", "cache/blueprints")
"""hold folders with names of their own"""


def inspect(state: Path) -> None:
    """Raises Refused for what is no plain file and no folder in its place, and for a name that a folder takes."""
    for name, path in _entries(state):
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            continue  # a worker has just removed it
        if stat.S_ISLNK(mode):
            raise Refused(f"{path}: is a symbolic link; {_way_out(path)}")
        above = name.rpartition("/")[0]
        if stat.S_ISDIR(mode) and (name in FOLDERS or above in _OWN or name.startswith("part-")):
            continue
        if not stat.S_ISREG(mode) or name in FOLDERS:
            kind = "a folder" if stat.S_ISDIR(mode) else "a file" if stat.S_ISREG(mode) else "no plain file"
            raise Refused(f"{path}: is {kind}, which the factory never puts there; {_way_out(path)}")


def _entries(state: Path) -> Iterator[tuple[str, Path]]:
    for folder in DEEPER:
        place = state / folder
        if not place.is_symlink() and place.is_dir():
            for entry in os.scandir(place):
                yield f"{folder}/{entry.name}".lstrip("/"), Path(entry.path)


def _way_out(path: Path) -> str:
    return f"move it away (is it a part of the commit? then: git rm -r --cached {path})"
