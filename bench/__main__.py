"""`python -m bench [--only NAME] [--scale N]`: measure, and print a table of ratios."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path

from bench.measure import MIB
from bench.scenarios import ALL, Row

HEADER = ("what", "time", "reference", "ratio", "aim", "peak", "")
WIDTHS = (38, 10, 26, 9, 13, 9, 0)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", choices=list(ALL), action="append", help="measure this alone; may be repeated")
    parser.add_argument("--scale", type=float, default=1.0, help="multiply all sizes by this")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"{platform.system()}, Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f}")
    print(_line(HEADER), flush=True)
    for name in arguments.only or ALL:
        with tempfile.TemporaryDirectory(prefix="alai-bench-") as folder:
            for row in ALL[name](Path(folder), arguments.scale):
                print(_line(_cells(row)), flush=True)


def _cells(row: Row) -> tuple[str, ...]:
    reference = f"{row.against} {_time(row.reference.wall)}" if row.reference else "-"
    ratio = f"{row.cost.wall / row.reference.wall:.2f} x" if row.reference else "-"
    peak = f"{row.cost.memory / MIB:.0f} MiB"
    return (row.what, _time(row.cost.wall), reference, ratio, row.aim, peak, row.note)


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _line(cells: tuple[str, ...]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip()


if __name__ == "__main__":
    sys.exit(main())
