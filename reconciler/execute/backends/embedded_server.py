"""The child process that holds a model: llama.cpp's HTTP server on a free port of 127.0.0.1.

`python -m reconciler.execute.backends.embedded_server WEIGHTS NUM_CTX`. Prints its address in one line when the
model is loaded. Ends when standard input closes or, on Linux, when its parent dies. One thread: two on two busy cores
collapse.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import select
import signal
import sys
from pathlib import Path
from typing import Any

QUIET = 1
TEMPLATE = "chatml.jinja"
"""the weights' own knows no tools"""


def main(weights: str, num_ctx: int) -> None:
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None, use_errno=True).prctl(set_parent_death_signal, signal.SIGKILL)
        if select.select([0], [], [], 0)[0]:
            return  # nobody writes to us, so this is the end of input: the parent died before it could be watched
    address = os.dup(1)
    os.dup2(2, 1)
    xllamacpp: Any = importlib.import_module("xllamacpp")  # an extension module without types
    params = xllamacpp.CommonParams()
    params.model.path = weights
    params.n_ctx = num_ctx
    params.n_parallel = 1
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.ui = False
    params.warmup = False
    params.verbosity = QUIET
    params.chat_template = Path(__file__).with_name(TEMPLATE).read_text()
    server = xllamacpp.Server(params)
    try:
        os.write(address, f"{server.listening_address}\n".encode())
        os.close(address)
        while os.read(0, 4096):
            pass
    finally:
        os._exit(0)  # also where the parent is gone already: the library's own end waits for ever for its threads


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
