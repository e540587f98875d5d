"""Proof that this user's own processes wrote something that lies where others may write, too.

The secret lies in the user's configuration, one for all repositories. Not a signature: nobody else can check it.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from reconciler.git import pin as pins
from reconciler.model.errors import Refused

NAME = "seal.secret"
_LENGTH = 32


def seal(place: Path, *parts: str) -> str:
    """The proof for these words at this place, in hexadecimal digits. Raises Refused where the secret is not ours."""
    said = b"\0".join(os.fsencode(part) for part in (os.path.realpath(place), *parts))
    return hmac.new(_secret(), said, hashlib.sha256).hexdigest()


def holds(given: object, place: Path, *parts: str) -> bool:
    """Whether `given` is the proof for these words at this place."""
    return isinstance(given, str) and given.isascii() and hmac.compare_digest(given, seal(place, *parts))


def _secret() -> bytes:
    """Made on first use; of several that are made at once, the first is everybody's."""
    path = pins.config_folder() / NAME
    found = pins.read_private(path)
    if found is None:
        made = path.with_name(f"{NAME}.{secrets.token_hex(8)}")
        pins.write_private(made, secrets.token_bytes(_LENGTH))
        try:
            with contextlib.suppress(FileExistsError):
                os.link(made, path)
        finally:
            made.unlink()
        found = pins.read_private(path) or b""
    if len(found) != _LENGTH:
        raise Refused(f"{path}: does not hold what was written there; remove it")
    return found
