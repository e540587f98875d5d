"""What models were found to be able to do, kept in a JSON file: by digest, so that the same weights are tried once.

Reading it asks nobody. It is a cache: deleting it costs nothing but trying again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from reconciler.model.execution import json_file


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A model as it was found when it was tried. `server` is what ran it: another version is tried anew."""

    digest: str
    server: str
    offers: tuple[str, ...]
    """what it did when it was tried: `text`, `schema`, `tools`"""
    claims: tuple[str, ...] = ()
    """what its server says that it can do, in the server's words"""
    context: int | None = None
    """tokens: the longest window there is, as its server says"""
    notes: tuple[str, ...] = ()
    """why something is not offered, one sentence each"""
    seconds: float
    tried_at: float


class _File(msgspec.Struct):
    hosts: dict[str, dict[str, str]] = {}
    """host -> model -> digest"""
    models: dict[str, Found] = {}
    """by digest"""


class FoundModels:
    """The file at `path`, read once. One that cannot be read counts as empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = msgspec.json.decode(path.read_bytes(), type=_File)
        except (OSError, msgspec.MsgspecError):
            self._file = _File()

    def of(self, host: str, model: str) -> Found | None:
        """What was found at a host."""
        return self._file.models.get(self._file.hosts.get(host, {}).get(model, ""))

    def same(self, digest: str, server: str) -> Found | None:
        """What was found of these weights under this server, wherever that was; None where a trial failed then."""
        found = self._file.models.get(digest)
        return found if found is not None and found.server == server and not found.notes else None

    def offers(self) -> Mapping[tuple[str, str], frozenset[str]]:
        """(host, model) -> what it offers, of all that were tried."""
        return {
            (host, model): frozenset(found.offers)
            for host, models in self._file.hosts.items()
            for model, digest in models.items()
            if (found := self._file.models.get(digest)) is not None
        }

    def keep(self, host: str, model: str, found: Found) -> None:
        """Write it down at once."""
        self._file.hosts.setdefault(host, {})[model] = found.digest
        self._file.models[found.digest] = found
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        fresh.write_bytes(json_file(self._file))
        fresh.replace(self._path)
