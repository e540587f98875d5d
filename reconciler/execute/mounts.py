"""What of a product a command may write, as far as mounts can say it, and what must be looked at afterwards.

A folder (`dir/**`) or an existing file can be a mount. Other globs, and forbidden things that do not exist yet, cannot:
where the rules have such, `sure` is false and `guard` compares before and after.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from reconciler.model.spec import Paths

_WILD = re.compile(r"[*?]")


class Mounts(msgspec.Struct, frozen=True, kw_only=True):
    """Paths are relative to the product's root; `""` in `writable` is all of it. What is `closed` wins."""

    writable: tuple[str, ...] = ("",)
    closed: tuple[str, ...] = ()
    sure: bool = True


EVERYTHING = Mounts()


def mounts(root: Path, rules: Sequence[Paths]) -> Mounts:
    """The mounts for these rules, all of which must allow a path. Makes allowed folders that do not exist yet."""
    regions, sure = [""], True
    for rule in rules:
        if rule.allow is None:
            continue
        allowed: list[str] = []
        for glob in rule.allow:
            region, exact = _region(root, _normal(glob))
            allowed.append(region)
            sure = sure and exact
        regions = [inner for one in regions for other in allowed if (inner := _inner(one, other)) is not None]
    writable = tuple(sorted({region for region in regions if _ready(root, region)}))
    closed: list[str] = []
    for glob in (_normal(glob) for rule in rules for glob in rule.forbid):
        place = _forbidden(root, glob)
        if place is not None:
            closed.append(place)
            # what lies deeper can be moved away together with the folder above it
            sure = sure and (posixpath.dirname(place) in writable or place == "" or not _reached(place, writable))
        else:
            sure = sure and not _reached(_literal(glob), writable)
    return Mounts(writable=() if "" in closed else writable, closed=tuple(sorted(set(closed) - {""})), sure=sure)


def _normal(glob: str) -> str:
    glob = glob.removeprefix("./").removeprefix("/")
    return f"{glob}**" if glob.endswith("/") else glob


def _folder_of(glob: str) -> str | None:
    """`a/b` of `a/b/**`, and `""` of `**`; None for everything else."""
    if glob == "**":
        return ""
    folder = glob.removesuffix("/**")
    return folder if folder != glob and not _WILD.search(folder) else None


def _region(root: Path, glob: str) -> tuple[str, bool]:
    """The smallest folder or file that holds all that matches, and whether all of it matches."""
    folder = _folder_of(glob)
    if folder is not None:
        return folder, True
    if not _WILD.search(glob):
        return (glob, True) if _is_plain(root, glob, file=True) else (posixpath.dirname(glob), False)
    return _literal(glob), False


def _literal(glob: str) -> str:
    """The folder that all matches lie in, as far as the glob names it; of a plain path, that path."""
    wild = _WILD.search(glob)
    return posixpath.dirname(glob[: wild.start()]) if wild else glob


def _reached(place: str, writable: Sequence[str]) -> bool:
    return any(_inner(place, region) is not None for region in writable)


def _forbidden(root: Path, glob: str) -> str | None:
    """What to close for a forbidding glob; None where no mount can do it."""
    folder = _folder_of(glob)
    if folder == "":
        return ""
    if folder is not None:
        return folder if _is_plain(root, folder, file=False) else None
    return glob if not _WILD.search(glob) and _is_plain(root, glob, file=True) else None


def _inner(one: str, other: str) -> str | None:
    """The one of two places that lies within the other; None where neither does."""
    for inner, outer in ((one, other), (other, one)):
        if outer in ("", inner) or inner.startswith(f"{outer}/"):
            return inner
    return None


def _is_plain(root: Path, path: str, *, file: bool) -> bool:
    """Is there such a file, or folder, and no link on the way to it?"""
    place = root
    for part in path.split("/"):
        if part in ("", ".", ".."):
            return False
        place = place / part
        if place.is_symlink():
            return False
    return place.is_file() if file else place.is_dir()


def _ready(root: Path, region: str) -> bool:
    """Is the region there, made if need be, and really within the product?"""
    place = root
    for part in region.split("/") if region else ():
        if part in ("", ".", "..", ".git"):
            return False
        place = place / part
        if place.is_symlink():
            return False
        if not place.exists():
            place.mkdir()
        elif not place.is_dir() and place != root / region:
            return False
    return True
