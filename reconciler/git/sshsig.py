"""SSH signatures on commits, made and checked in this process. Knows formats; decides nothing about trust.

The formats are OpenSSH's: PROTOCOL.key for the private key's file, PROTOCOL.sshsig for signatures. So `git log
--show-signature` and ssh-keygen understand what is made here. In this process, since starting ssh-keygen takes 9 ms and
a signature 0.06 ms. git itself signs with a program only, and the fast-import of most versions in use not at all.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import struct

from reconciler.git.errors import GitError

TYPE = "ssh-ed25519"
NAMESPACE = b"git"
_HASHES = {b"sha512": hashlib.sha512, b"sha256": hashlib.sha256}
_MAGIC = b"SSHSIG"
_KEY_MAGIC = b"openssh-key-v1\0"
_WIDTH = 70
_HEADER = b"gpgsig"


class BadKey(GitError):
    """The file holds no private key that can be used here."""


class Key:
    """An Ed25519 key pair. `public` is `TYPE BASE64`, as in allowed_signers."""

    def __init__(self, seed: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._seed = seed
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self._point = self._private.public_key().public_bytes_raw()
        self.public = f"{TYPE} {base64.b64encode(_blob(self._point)).decode()}"

    @classmethod
    def make(cls) -> Key:
        return cls(os.urandom(32))

    @classmethod
    def read(cls, body: bytes) -> Key:
        """From the private key's file, without a passphrase. Raises BadKey."""
        try:
            raw = _Reader(_unarmored(body, b"OPENSSH PRIVATE KEY"))
            if raw.take(len(_KEY_MAGIC)) != _KEY_MAGIC or raw.string() != b"none":
                raise ValueError
            raw.string()
            raw.string()
            if raw.number() != 1:
                raise ValueError
            raw.string()
            inner = _Reader(raw.string())
            if inner.number() != inner.number() or inner.string() != TYPE.encode():
                raise ValueError
            point, both = inner.string(), inner.string()
            key = cls(both[:32])
            if len(both) != 64 or key._point != point:
                raise ValueError
        except (ValueError, struct.error) as error:
            raise BadKey(f"is no {TYPE} key without a passphrase") from error
        return key

    def write(self, comment: str) -> bytes:
        """The private key's file."""
        check = os.urandom(4)
        both = self._seed + self._point
        inner = check * 2 + b"".join(map(_string, (TYPE.encode(), self._point, both, comment.encode())))
        inner += bytes(range(1, -len(inner) % 8 + 1))
        whole = [_string(b"none"), _string(b"none"), _string(b""), struct.pack(">I", 1)]
        whole += [_string(_blob(self._point)), _string(inner)]
        return _armored(_KEY_MAGIC + b"".join(whole), b"OPENSSH PRIVATE KEY")

    def sign(self, message: bytes) -> bytes:
        """The armored signature for git's namespace."""
        digest = hashlib.sha512(message).digest()
        made = self._private.sign(_signed_data(b"sha512", digest))
        parts = [NAMESPACE, b"", b"sha512", _string(TYPE.encode()) + _string(made)]
        return _armored(
            _MAGIC + struct.pack(">I", 1) + b"".join(map(_string, (_blob(self._point), *parts))), b"SSH SIGNATURE"
        )


def signed_commit(key: Key, content: bytes) -> bytes:
    """A commit object's content with the signature as its last header, where git puts it."""
    header, _, message = content.partition(b"\n\n")
    lines = key.sign(content).rstrip(b"\n").replace(b"\n", b"\n ")
    return header + b"\n" + _HEADER + b" " + lines + b"\n\n" + message


def signer(content: bytes) -> str | None:
    """The public key (`TYPE BASE64`) whose signature a commit's content carries and that holds; None for any doubt."""
    header, parted, message = content.partition(b"\n\n")
    before, found, signature = header.partition(b"\n" + _HEADER + b" ")
    # a signature is the last header of what we make; one more of it, or anything behind it, is not ours
    if not (parted and found) or any(not line.startswith(b" ") for line in signature.split(b"\n")[1:]):
        return None
    return _verified(signature.replace(b"\n ", b"\n"), before + b"\n\n" + message)


def claimed(armored: bytes) -> str | None:
    """The public key, of whatever type, that a signature says it was made with: unproven. None for no signature."""
    try:
        raw = _Reader(_unarmored(armored, b"SSH SIGNATURE"))
        blob = raw.string() if raw.take(len(_MAGIC)) == _MAGIC and raw.number() == 1 else b""
    except (ValueError, struct.error):
        return None
    of = kind(blob)
    return f"{of.decode('ascii', 'replace')} {base64.b64encode(blob).decode()}" if of else None


def kind(blob: bytes) -> bytes:
    """The type that a public key's wire format names; empty where it is none."""
    try:
        return _Reader(blob).string()
    except (ValueError, struct.error):
        return b""


def _verified(armored: bytes, message: bytes) -> str | None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        raw = _Reader(_unarmored(armored, b"SSH SIGNATURE"))
        if raw.take(len(_MAGIC)) != _MAGIC or raw.number() != 1:
            return None
        blob, namespace, reserved, name, wrapped = (raw.string() for _ in range(5))
        signed, made = _pair(wrapped)
        of, point = _pair(blob)
        if raw.rest() or namespace != NAMESPACE or reserved or signed != TYPE.encode() or of != signed:
            return None
        digest = _HASHES[name](message).digest()
        Ed25519PublicKey.from_public_bytes(point).verify(made, _signed_data(name, digest))
    except (ValueError, KeyError, struct.error, InvalidSignature):
        return None
    return f"{TYPE} {base64.b64encode(blob).decode()}"


def _signed_data(name: bytes, digest: bytes) -> bytes:
    return _MAGIC + b"".join(map(_string, (NAMESPACE, b"", name, digest)))


def _blob(point: bytes) -> bytes:
    return _string(TYPE.encode()) + _string(point)


def _pair(raw: bytes) -> tuple[bytes, bytes]:
    reader = _Reader(raw)
    pair = reader.string(), reader.string()
    if reader.rest():
        raise ValueError(raw)
    return pair


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


class _Reader:
    """Reads SSH's wire format. Raises ValueError or struct.error where it ends too early."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    def take(self, size: int) -> bytes:
        part = self._raw[self._at : self._at + size]
        if len(part) != size:
            raise ValueError(size)
        self._at += size
        return part

    def number(self) -> int:
        return int(struct.unpack(">I", self.take(4))[0])

    def string(self) -> bytes:
        return self.take(self.number())

    def rest(self) -> bytes:
        return self._raw[self._at :]


def _armored(raw: bytes, what: bytes) -> bytes:
    text = base64.b64encode(raw)
    lines = [text[at : at + _WIDTH] for at in range(0, len(text), _WIDTH)]
    return b"\n".join([b"-----BEGIN " + what + b"-----", *lines, b"-----END " + what + b"-----", b""])


def _unarmored(text: bytes, what: bytes) -> bytes:
    """Raises ValueError."""
    first, *lines, last = text.strip().split(b"\n")
    if first != b"-----BEGIN " + what + b"-----" or last != b"-----END " + what + b"-----":
        raise ValueError(what)
    try:
        return base64.b64decode(b"".join(lines), validate=True)
    except binascii.Error as error:
        raise ValueError(what) from error
