"""Starts a program so that its only way out is a proxy behind a unix socket: `SOCKET [host:port...] -- PROGRAM...`.

Runs inside the sandbox, where there is no network but this machine's own loopback: listens there, hands every
connection on to the socket as it comes, and names itself to the program as its proxy. Places of this machine that are
named are found at their ports, as if there were no sandbox. It ends when the program ends, and the program ends with
it, or with its parent. Nothing but this package needs to be visible.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

from reconciler.execute.short_path import reachable

_GRACE = 1.0
_CHUNK = 65536
_WATCH = 0.5
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_NEAR = dict.fromkeys(("NO_PROXY", "no_proxy"), "localhost,127.0.0.1,::1") | {"NODE_USE_ENV_PROXY": "1"}
"""not by the proxy; and Node looks at these variables only if told so"""


def main(way_out: str, command: Sequence[str], places: Sequence[str] = ()) -> int:
    parent = os.getppid()
    _end_with_parent(signal.SIGTERM)
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    proxy = f"http://127.0.0.1:{listener.getsockname()[1]}"
    names = ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy")
    child = subprocess.Popen(
        command,
        env={**os.environ, **dict.fromkeys(names, proxy), **_NEAR},
        preexec_fn=lambda: _end_with_parent(signal.SIGKILL),
    )
    signal.signal(signal.SIGTERM, lambda _number, _frame: _stop(child))
    threading.Thread(target=_serve, args=(listener, way_out, ""), daemon=True).start()
    for place in places:
        host, _, port = place.rpartition(":")
        if host in _LOOPBACK:
            near = socket.create_server(("127.0.0.1", int(port)), backlog=64)
            threading.Thread(target=_serve, args=(near, way_out, place), daemon=True).start()
    threading.Thread(target=_watch, args=(parent, child), daemon=True).start()
    code = child.wait()
    return code if code >= 0 else 128 - code


def _end_with_parent(number: signal.Signals) -> None:
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None, use_errno=True).prctl(set_parent_death_signal, number)


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    threading.Timer(_GRACE, child.kill).start()


def _watch(parent: int, child: subprocess.Popen[bytes]) -> None:
    """Where the kernel does not tell of the parent's end."""
    while os.getppid() == parent:
        time.sleep(_WATCH)
    child.kill()


def _serve(listener: socket.socket, way_out: str, place: str) -> None:
    while True:
        inner, _ = listener.accept()
        threading.Thread(target=_hand_on, args=(inner, way_out, place), daemon=True).start()


def _hand_on(inner: socket.socket, way_out: str, place: str) -> None:
    """`place`: where to; empty: the program asks the proxy itself."""
    with inner, socket.socket(socket.AF_UNIX) as outer:
        try:
            with reachable(way_out) as path:
                outer.connect(path)
            if place and not _tunnel(outer, place):
                return
        except OSError:
            return
        back = threading.Thread(target=_pump, args=(outer, inner), daemon=True)
        back.start()
        _pump(inner, outer)
        back.join()


def _tunnel(outer: socket.socket, place: str) -> bool:
    outer.sendall(f"CONNECT {place} HTTP/1.1\r\n\r\n".encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        byte = outer.recv(1)
        if not byte:
            return False
        answer += byte
    return answer.split(b" ", 2)[1] == b"200"


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    end = sys.argv.index("--")
    sys.exit(main(sys.argv[1], sys.argv[end + 1 :], sys.argv[2:end]))
