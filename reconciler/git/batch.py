"""Many answers of one git process, and objects by their names: each is looked at before anybody believes it.

git does not compare what it reads with the name that it was asked for. Whoever packed a repository may have put another
content under a name that a trusted commit leads to, in a file of its own or through a false index of a pack.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from reconciler.git.errors import GitError
from reconciler.git.objects import object_name
from reconciler.git.run import command, decode, environment, failure, isolated, run


def contents(root: Path, oids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Objects with their content, in the order asked for. Raises GitError where one is missing or is not its name's."""
    if not oids:
        return
    with Batch(root, ("cat-file", "--batch", "--buffer"), oids) as out:
        for oid in oids:
            found = _header(root, out.readline(), oid)
            body = out.read(found.size + 1)
            if len(body) != found.size + 1:
                raise GitError(f"git cat-file in {root} ended in the middle of {oid}")
            yield oid, _true(root, found, body[:-1])


def one_file(root: Path, name: str) -> bytes:
    """The file that `REVISION:PATH` names. Raises GitError where there is none, or it is not what its name says."""
    if "\n" in name:  # which ends a question to a batch
        name = decode(run(root, "rev-parse", "--verify", "--quiet", "--end-of-options", name).stdout).strip()
    header, _, body = run(root, "cat-file", "--batch", data=f"{name}\n".encode()).stdout.partition(b"\n")
    found = _header(root, header, name)
    if found.kind != "blob":
        raise GitError(f"{root}: {name} is no file")
    return _true(root, found, body[:-1])


def sizes(root: Path, oids: Sequence[str]) -> dict[str, int]:
    """How many bytes each object has. Raises GitError where one is missing."""
    if not oids:
        return {}
    asked = "".join(f"{oid}\n" for oid in oids).encode()
    lines = run(root, "cat-file", "--batch-check", "--buffer", data=asked).stdout.splitlines()
    return {oid: _header(root, line, oid).size for oid, line in zip(oids, lines, strict=True)}


class _Found(NamedTuple):
    """A cat-file header line `<oid> <type> <size>`."""

    oid: str
    kind: str
    size: int


def _header(root: Path, line: bytes, asked: str) -> _Found:
    parts = line.decode("utf-8", "replace").split()
    if len(parts) != 3 or not parts[2].isdigit():
        raise GitError(f"{root} has no object {asked}")
    return _Found(parts[0], parts[1], int(parts[2]))


def _true(root: Path, found: _Found, body: bytes) -> bytes:
    if object_name(found.kind, body, len(found.oid)) != found.oid:
        raise GitError(f"{root}: the content of object {found.oid} is not what its name says; see: git fsck")
    return body


class Batch:
    """One git process that is fed from a thread and read as a stream; ended whatever happens to its reader."""

    def __init__(self, root: Path, args: Sequence[str], asked: Sequence[str] | None) -> None:
        self.root = root
        self.what = args[0]
        self.process = subprocess.Popen(
            command(args),
            cwd=root,
            env=environment(isolated(root)),
            stdin=subprocess.DEVNULL if asked is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._errors: list[bytes] = []
        self._threads = [threading.Thread(target=self._complaints, daemon=True)]
        if asked is not None:
            self._threads.append(threading.Thread(target=self._feed, args=(asked,), daemon=True))
        for thread in self._threads:
            thread.start()

    def _complaints(self) -> None:
        assert self.process.stderr is not None
        self._errors.append(self.process.stderr.read())

    def _feed(self, asked: Sequence[str]) -> None:
        stream = self.process.stdin
        assert stream is not None
        try:
            for at in range(0, len(asked), 1000):
                stream.write("".join(f"{oid}\n" for oid in asked[at : at + 1000]).encode())
            stream.close()
        except BrokenPipeError:
            return  # the reader left early, or git died: the reader reports it

    def __enter__(self) -> IO[bytes]:
        assert self.process.stdout is not None
        return self.process.stdout

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.process.kill()
        code = self.process.wait()
        for thread in self._threads:
            thread.join()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        if kind is None and code:
            raise failure(self.root, self.what, b"".join(self._errors))
