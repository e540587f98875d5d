"""Files of the trusted commit, and the few places outside it that the Policy names. Reads only; decides nothing."""

from __future__ import annotations

import functools
import json
import os
import posixpath
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from reconciler.git.repository import SYMLINK, GitError, Repository
from reconciler.model.errors import FactoryError
from reconciler.model.refs import Ref
from reconciler.model.view import Config

MAX_BYTES = 1 << 18
"""of a skill or a configuration file"""


class Home(NamedTuple):
    """A company's folder in the factory repository; `why` says which variable named it, empty for the own one."""

    folder: str
    why: str = ""

    @property
    def source(self) -> str:
        return f"{self.folder} ({self.why})" if self.why else self.folder


def homes(config: Config, company: str, environment: Mapping[str, str] = os.environ) -> list[Home]:
    """The company's own folder, then those of the companies that the Policy's environment variables name.

    A variable holds a company's name or title. One that names none is passed over: it may hold something else.
    """
    found = [Home(config.folders[Ref("Company", company)])]
    by_word = {word.casefold(): name for name, spec in config.companies.items() for word in (spec.title, name)}
    for variable in config.policy.outside.environment:
        name = by_word.get(environment.get(variable, "").strip().casefold())
        if name is not None and name != company:
            found.append(Home(config.folders[Ref("Company", name)], variable))
    return found


def read(root: Path, commit: str, path: str) -> str:
    """A text file of the commit. Raises FactoryError where it is not there or no text."""
    try:
        return _text_at(root, commit, posixpath.normpath(path))
    except (GitError, UnicodeDecodeError) as error:
        raise FactoryError(f"{path}: cannot be read at {commit[:12]}: {error}") from error


def find(root: Path, commit: str, folder: str, name: str) -> str | None:
    """The file `name` below `folder`; None where the commit has none there. Raises FactoryError for one behind a link.

    A link is not followed, wherever it leads: what its target says could be changed without anybody looking here.

    The folder is listed once, so that looking for several files in it costs no more than for one.
    """
    modes = _listed(root, commit, folder)
    path = posixpath.normpath(f"{folder}/{name}")
    parts = path.split("/")
    for above in ("/".join(parts[:number]) for number in range(1, len(parts) + 1)):
        if modes.get(above) == SYMLINK:
            target = _text_at(root, commit, above)[:200]
            told = f"{above}: a symbolic link (to {target!r}) is not followed"
            raise FactoryError(f"{told}; name the file itself, or copy it here")
    if path not in modes:
        return None
    if not modes[path].startswith("100"):
        raise FactoryError(f"{path}: not a plain file at {commit[:12]}")
    return read(root, commit, path)


def needed(root: Path, commit: str, folder: str, name: str) -> str:
    """As `find`; raises FactoryError where it is not there, too."""
    text = find(root, commit, folder, name)
    if text is None:
        raise FactoryError(f"{folder}/{name}: is not there at {commit[:12]}")
    return text


def settings(root: Path, commit: str, folder: str, name: str) -> dict[str, Any] | None:
    """The JSON object in `folder`/`name`; None where there is none. Raises FactoryError where it is something else."""
    text, path = find(root, commit, folder, name), f"{folder}/{name}"
    if text is None:
        return None
    try:
        value: Any = json.loads(text)
    except ValueError as error:
        raise FactoryError(f"{path}: not JSON: {error}") from error
    if not isinstance(value, dict):
        raise FactoryError(f"{path}: expected an object")
    return cast("dict[str, Any]", value)


def strings(value: Any, where: str) -> tuple[str, ...]:
    """A JSON list of texts. Raises FactoryError for anything else."""
    items = cast("list[Any]", value) if isinstance(value, list) else None
    if items is None or not all(isinstance(item, str) for item in items):
        raise FactoryError(f"{where}: expected a list of texts")
    return tuple(cast("list[str]", items))


def outside(root: Path, folder: str, path: str) -> str | None:
    """A text file below a folder of the user's (`~` is their home); None where it is not there.

    Raises FactoryError where it leads out of that folder, is no plain file, too large or no text.
    """
    base = Path(os.path.realpath(root / Path(folder).expanduser()))
    place = base / path
    if not place.exists():
        return None
    if not place.resolve().is_relative_to(base):
        raise FactoryError(f"{folder}/{path}: leads out of {folder}")
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise FactoryError(f"{folder}/{path}: not a plain file")
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise FactoryError(f"{folder}/{path}: larger than {MAX_BYTES} bytes")
        return data.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise FactoryError(f"{folder}/{path}: cannot be read: {error}") from error


@functools.lru_cache(maxsize=64)
def _text_at(root: Path, commit: str, path: str) -> str:
    """A file of a commit never changes, and the tasks that start together mostly share their soul and skills."""
    return Repository(root).read(commit, path).decode()


@functools.lru_cache(maxsize=64)
def _listed(root: Path, commit: str, folder: str) -> dict[str, str]:
    """Path -> mode of what lies below the folder."""

    def entries() -> Iterator[tuple[str, str]]:
        for entry in Repository(root).changed(None, commit, [folder]):
            yield entry.path, entry.mode

    try:
        return dict(entries())
    except GitError as error:
        raise FactoryError(f"{folder}: cannot be listed at {commit[:12]}: {error}") from error
