"""Whose signature a commit carries, by our own clock. Decides nothing about what that allows.

`git verify-commit` asks whether a key was valid at the date that the commit names; that date is the commit's own word,
so ssh-keygen is asked here as of now: it knows every type of key, ends of validity, certificates and revocation, all of
which people use and a controller does not (see `sshsig`). Signatures by SSH keys only.
"""

from __future__ import annotations

import base64
import itertools
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from reconciler.git import sshsig
from reconciler.git.errors import GitError
from reconciler.git.run import environment

_HEADERS = (b"gpgsig ", b"gpgsig-sha256 ")
_LIMIT = 10.0
"""Seconds; ssh-keygen takes three thousandths"""


class Signed(NamedTuple):
    """What was signed, the armored signature, and the public key (`TYPE BASE64`) that it says it was made with."""

    payload: bytes
    signature: bytes
    key: str


class Signers(NamedTuple):
    """Who may sign: lines as ssh-keygen's ALLOWED SIGNERS has them, and keys that are revoked, one a line."""

    allowed: str
    revoked: str = ""


def signed(raw: bytes) -> Signed | None:
    """The parts of a commit object; None where it carries no SSH signature, or more than one."""
    head, blank, message = raw.partition(b"\n\n")
    kept: list[bytes] = []
    found: list[list[bytes]] = []
    inside = False
    for line in head.split(b"\n"):
        if line.startswith(_HEADERS):
            inside = True
            found.append([line.split(b" ", 1)[1]])
        elif inside and line.startswith(b" "):
            found[-1].append(line[1:])
        else:
            inside = False
            kept.append(line)
    if len(found) != 1:
        return None
    signature = b"\n".join(found[0]) + b"\n"
    key = sshsig.claimed(signature)
    return Signed(b"\n".join(kept) + blank + message, signature, key) if key else None


def signer(commit: Signed, signers: Signers) -> str | None:
    """The name that the list gives to whoever signed; None where it allows no such signature now. Raises GitError."""
    with tempfile.TemporaryDirectory(prefix="alai-signature-") as name:
        folder = Path(name)
        (folder / "signature").write_bytes(commit.signature)
        (folder / "allowed").write_text(signers.allowed, errors="surrogateescape")
        where = ("-f", str(folder / "allowed"), "-s", str(folder / "signature"))
        if signers.revoked.strip():
            (folder / "revoked").write_text(signers.revoked, errors="surrogateescape")
            where = (*where, "-r", str(folder / "revoked"))
        for names in (_keygen(["-Y", "find-principals", *where[:4]], b"") or "").splitlines():
            who = names.strip().split(",")[0]
            if _keygen(["-Y", "verify", *where, "-n", "git", "-I", who], commit.payload) is not None:
                return who
    return None


def public_key(text: str) -> str | None:
    """A public key as `TYPE BASE64`, without options and comment; None for what is none."""
    words = text.split()
    for kind, blob in itertools.pairwise(words):
        try:
            raw = base64.b64decode(blob, validate=True)
        except ValueError:
            continue
        if sshsig.kind(raw) == kind.encode():
            return f"{kind} {blob}"
    return None


def fingerprint(key: str) -> str:
    """As ssh-keygen prints it: `SHA256:...`."""
    import hashlib

    digest = hashlib.sha256(base64.b64decode(key.split()[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def _keygen(args: Sequence[str], data: bytes) -> str | None:
    """What it printed; None where it refused."""
    argv = ["ssh-keygen", *args]
    try:
        done = subprocess.run(argv, input=data, capture_output=True, env=environment(), timeout=_LIMIT, check=False)
    except FileNotFoundError as missing:
        raise GitError("ssh-keygen is not installed, and without it no signature can be checked") from missing
    except subprocess.TimeoutExpired as expired:
        raise GitError(f"ssh-keygen did not end within {_LIMIT:.0f} s") from expired
    return os.fsdecode(done.stdout) if done.returncode == 0 else None
