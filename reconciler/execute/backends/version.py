"""What a program says that it is, asked in the sandbox: looking at a machine gives no program the user's rights."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from reconciler import trees
from reconciler.execute import text
from reconciler.execute.backends.port import Probe
from reconciler.execute.enclosure import enclose
from reconciler.execute.sandbox import Sandbox

SECONDS = 1.9
_LONGEST = 300
_BOUNDED = 'ulimit -f 2048; exec "$@"'
"""what it says goes into a file of at most 1 MiB"""


def version(argv: Sequence[str], show: Sequence[Path]) -> Probe:
    """`argv --version` without a home, a network or the user's files; `show`: what it must see to start.

    Where no sandbox works it is not asked, and counts as there.
    """
    sandbox = Sandbox.detect()
    if sandbox is None or sandbox.bwrap is None:
        told = f"{argv[0]} is here; its version was not asked, since no sandbox works on this machine"
        return Probe(reachable=True, message=told)
    with trees.scratch() as folder:
        bounded = ("/bin/sh", "-c", _BOUNDED, "sh", *argv, "--version")
        enclosed = enclose(sandbox, bounded, scratch=folder, show=show, env={})
        try:
            with (folder / "said").open("w+b") as said:
                done = subprocess.run(
                    enclosed.argv,
                    cwd=enclosed.cwd,
                    env=enclosed.env,
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=subprocess.DEVNULL,
                    timeout=SECONDS,
                    check=False,
                )
                said.seek(0)
                heard = said.read(4 * _LONGEST)
        except subprocess.TimeoutExpired:
            return Probe(reachable=True, message=f"{argv[0]} is here, and slow to say its version")
        except OSError as error:
            return Probe(reachable=False, message=text.line(f"{argv[0]} --version: {error}", _LONGEST))
    if done.returncode:
        return Probe(reachable=False, message=f"{argv[0]} --version ended with exit status {done.returncode}")
    return Probe(reachable=True, message=text.line(heard.decode("utf-8", "replace"), _LONGEST))
