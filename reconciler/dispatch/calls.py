"""What the controller asks its worker, in whose process the engine is: one question at a time over a socket, as JSON.

Importing the engine takes half a second of a processor, so only one of the two processes does. Every question may be
asked again where the worker died over it. Imports no engine.
"""

from __future__ import annotations

import socket
from typing import NamedTuple

import msgspec

_HEAD = 8
"""bytes that say how long a message is"""


class Submit(msgspec.Struct, frozen=True, tag=True):
    """Queue a job, unless it was ever queued. `text`: see `wire.encode_job`."""

    job: str
    host: str
    priority: int
    text: str


class States(msgspec.Struct, frozen=True, tag=True):
    """The states of those jobs that are known."""

    jobs: list[str]


class Outcomes(msgspec.Struct, frozen=True, tag=True):
    """How those of the jobs ended that have."""

    jobs: list[str]


class Ended(msgspec.Struct, frozen=True, tag=True):
    """All jobs that have ended, without how."""


class Cancel(msgspec.Struct, frozen=True, tag=True):
    job: str


class Forget(msgspec.Struct, frozen=True, tag=True):
    jobs: list[str]


Question = Submit | States | Outcomes | Ended | Cancel | Forget


class Row(NamedTuple):
    """A job as the engine knows it. `status`: the engine's word; `output`: only where outcomes were asked for."""

    job: str
    status: str
    output: str | None = None


class Answer(msgspec.Struct, frozen=True):
    """`fault`: why the engine could not do it; empty where it could."""

    rows: list[Row] = []
    fault: str = ""


_questions: msgspec.json.Decoder[Question] = msgspec.json.Decoder(Question)
_answers = msgspec.json.Decoder(Answer)


def ask(calls: socket.socket, question: Question) -> Answer:
    """The worker's answer. Raises OSError where it is gone, or silent for longer than the socket waits."""
    _send(calls, msgspec.json.encode(question))
    return _answers.decode(_receive(calls))


def asked(calls: socket.socket) -> Question:
    """The next question. Raises OSError where nobody will ask any more."""
    return _questions.decode(_receive(calls))


def told(calls: socket.socket, answer: Answer) -> None:
    """Answer the question. Raises OSError where nobody listens."""
    _send(calls, msgspec.json.encode(answer))


def _send(calls: socket.socket, message: bytes) -> None:
    calls.sendall(len(message).to_bytes(_HEAD, "big") + message)


def _receive(calls: socket.socket) -> bytes:
    return _exactly(calls, int.from_bytes(_exactly(calls, _HEAD), "big"))


def _exactly(calls: socket.socket, count: int) -> bytes:
    found = bytearray()
    while len(found) < count:
        chunk = calls.recv(min(count - len(found), 1 << 20))
        if not chunk:
            raise ConnectionError("the other side is gone")
        found += chunk
    return bytes(found)
