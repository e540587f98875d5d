"""What a person trusts on this machine, one file per repository, in their own configuration. Decides nothing.

It lies outside of the repository and of the folder that could come along with it, since neither may say for itself
what is to be trusted. The key is the real path of git's common folder, so all worktrees of a repository share a pin.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import stat
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from reconciler.model.errors import Refused

FOLDER = "alai-reconcile"
"""below the user's configuration folder"""
PIN = ".json"
"""ending of the pin's file; what else belongs to a repository lies beside it, with an ending of its own"""
KEY = ".key"
"""ending of the controller's private key, in the form that ssh-keygen knows"""

Signatures = Literal["none", "head", "every"]


class Pin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is trusted of one repository. A pinned commit covers all that it was built on."""

    repository: str
    """real path of git's common folder"""
    branch: str
    trusted: tuple[str, ...] = ()
    """object names of commits: pinned by a person, or the last that were accepted"""
    signatures: Signatures = "none"
    """what the last accepted commit's Policy asks of the next"""
    seen: str = ""
    """the last commit that was acted on while nothing was asked; what came since may ask for signatures"""
    keys: tuple[str, ...] = ()
    """SSH public keys that a person pinned: `TYPE BASE64`"""
    controller: str | None = None
    """public half of the key that the controller signs with on this machine: `TYPE BASE64`"""
    hosts: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    """host of the Fleet -> digest of the entry that a person allowed to run outside of the sandbox"""


def config_folder() -> Path:
    """The tool's folder in the user's configuration, be it there or not. Raises Refused where it cannot be trusted."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(base):  # noqa: PTH117 - the XDG specification: a relative one does not count
        try:
            base = Path.home() / ".config"
        except RuntimeError as error:
            raise Refused(f"there is no home folder to keep pins in: {error}; set XDG_CONFIG_HOME") from error
    folder = Path(base) / FOLDER
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        _refuse_strange(folder, folder.lstat(), directory=True)
    return folder


def place(common: Path, ending: str = PIN) -> Path:
    """Where something of the repository with this common folder is kept. Raises Refused as `config_folder` does."""
    real = Path(os.path.realpath(common))
    folder = config_folder()
    inside = real.parent if real.name == ".git" else real
    if Path(os.path.realpath(folder)).is_relative_to(inside):
        raise Refused(f"{folder}: lies in the repository that it would judge; set XDG_CONFIG_HOME to another place")
    name = re.sub(r"[^A-Za-z0-9]+", "-", inside.name).strip("-")[:40]
    return folder / f"{name}-{hashlib.sha256(os.fsencode(real)).hexdigest()[:16]}{ending}"


def read(common: Path) -> Pin | None:
    """The repository's pin; None where there is none. Raises Refused where it cannot be read or trusted."""
    path = place(common)
    body = read_private(path)
    if body is None:
        return None
    try:
        pin = msgspec.json.decode(body, type=Pin)
    except msgspec.MsgspecError as error:
        raise Refused(f"{path}: is no pin: {error}; move it away and pin anew with: alai-reconcile trust") from error
    if pin.repository != os.path.realpath(common):
        raise Refused(f"{path}: is the pin of {pin.repository}; move it away and pin anew with: alai-reconcile trust")
    return pin


def create(common: Path, branch: str, **more: object) -> Pin:
    """Begin anew: whatever was kept of a repository that lay at this path is removed, its key set aside."""
    path = place(common)
    pin = msgspec.structs.replace(Pin(repository=os.path.realpath(common), branch=branch), **more)
    with _alone(path):
        set_key_aside(common)
        for old in path.parent.glob(f"{path.stem}.*"):
            if old.suffix != ".lock" and f"{KEY}.old-" not in old.name:
                old.unlink()
        write_private(path, msgspec.json.format(msgspec.json.encode(pin)) + b"\n")
    return pin


def set_key_aside(common: Path) -> Path | None:
    """Give the controller's key another name, since nobody could make it again. Returns that; None where is none."""
    key = place(common, KEY)
    aside = key.with_name(f"{key.name}.old-{time.strftime('%Y-%m-%d')}-{time.time_ns()}")
    try:
        return key.rename(aside)
    except FileNotFoundError:
        return None


def update(common: Path, change: Callable[[Pin], Pin]) -> Pin:
    """Replace the pin by what `change` makes of it; no change of others is lost. Raises Refused where there is none."""
    path = place(common)
    with _alone(path):
        before = read(common)
        if before is None:
            raise Refused(f"{common}: nothing is pinned; pin a branch with: alai-reconcile trust --branch NAME")
        after = change(before)
        if after != before:
            write_private(path, msgspec.json.format(msgspec.json.encode(after)) + b"\n")
    return after


def read_private(path: Path) -> bytes | None:
    """A file of ours; None where there is none. Raises Refused for a link, and for what others own or may write."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Refused(f"{path}: cannot be read: {error.strerror}; what you trust is kept there") from error
    with os.fdopen(fd, "rb") as file:
        _refuse_strange(path, os.fstat(fd), directory=False)
        return file.read()


def write_private(path: Path, body: bytes) -> None:
    """Write a file of the configuration folder that only its owner can read: all of it, or none, and durably."""
    fd, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=_made(path.parent))
    temporary = Path(name)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(fd)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _alone(path: Path) -> Generator[None]:
    _made(path.parent)
    fd = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _made(folder: Path) -> Path:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        told = "what you trust is kept there; set XDG_CONFIG_HOME to a folder of yours"
        raise Refused(f"{folder}: cannot be made: {error.strerror}; {told}") from error
    _refuse_strange(folder, folder.lstat(), directory=True)
    return folder


def _refuse_strange(path: Path, found: os.stat_result, *, directory: bool) -> None:
    """Raises Refused unless it is what it should be, ours, and ours alone to write."""
    if stat.S_ISLNK(found.st_mode):
        raise Refused(f"{path}: is a symbolic link; what you trust must lie in a folder of its own")
    if not (stat.S_ISDIR if directory else stat.S_ISREG)(found.st_mode):
        raise Refused(f"{path}: is no {'folder' if directory else 'plain file'}; move it away")
    if found.st_uid != os.geteuid():
        raise Refused(f"{path}: belongs to another user; run as its owner, or set XDG_CONFIG_HOME to a folder of yours")
    if found.st_mode & 0o022:
        raise Refused(f"{path}: others may write to it; run: chmod go-w {path}")
