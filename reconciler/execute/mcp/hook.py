"""The second lock of a CLI agent: `python -m reconciler.execute.mcp.hook [GLOB...]`, a hook that runs before each tool.

Reads the call as JSON on standard input. Exit 0 lets a tool through whose name one of the globs matches; exit 2, the
only number that stops a tool, refuses everything else, also what cannot be read. Standard library only.
"""

from __future__ import annotations

import fnmatch
import json
import sys
from collections.abc import Sequence
from typing import TextIO

ALLOWED = ("mcp__alai__*",)
REFUSED = 2


def main(globs: Sequence[str], source: TextIO, complaints: TextIO) -> int:
    try:
        name = json.load(source)["tool_name"]
    except (ValueError, KeyError, TypeError, RecursionError):
        complaints.write("refused: the call of a tool could not be read\n")
        return REFUSED
    if isinstance(name, str) and any(fnmatch.fnmatchcase(name, glob) for glob in globs or ALLOWED):
        return 0
    complaints.write(
        f"refused: {name} is not for agents of this factory; use the tools whose names begin with mcp__alai__\n"
    )
    return REFUSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdin, sys.stderr))
