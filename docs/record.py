"""Draw `docs/demo.svg` from what a real `make demo` printed.

`make demo | tee demo.log`, then `python -m docs.record demo.log`. Every line is as it was printed; the middle of the
run and the ends of long lines are left out, and marked where they are.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

from cli.render import COLOURS

TARGET = Path(__file__).resolve().parent / "demo.svg"
WIDTH = 116
FIRST = 13
LAST = 9
EVENT = re.compile(r"\d\d:\d\d:\d\d (\S+) ")
# the page that shows the picture has a monospace font of its own; none is fetched from elsewhere
FORMAT = re.compile(r"@font-face \{\{.*?\}\}", re.DOTALL)


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: python -m docs.record LOG", file=sys.stderr)
        return 64
    lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    TARGET.write_text(draw(shown(lines)), encoding="utf-8")
    print(TARGET)
    return 0


def shown(lines: list[str]) -> list[str]:
    """The command, the first and the last events, the closing table."""
    events = [at for at, line in enumerate(lines) if EVENT.match(line)]
    if len(events) < FIRST + LAST:
        raise SystemExit("this is not the output of a whole `make demo`")
    between = len(events) - FIRST - LAST
    end = next(at for at, line in enumerate(lines) if line.startswith("Settled"))
    return [
        "$ make demo",
        *(lines[at] for at in events[:FIRST]),
        f"[... {between} more lines ...]",
        *(lines[at] for at in events[-LAST:]),
        *lines[events[-1] + 1 : end + 1],
    ]


def draw(lines: list[str]) -> str:
    from rich._export_format import CONSOLE_SVG_FORMAT

    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    for line in lines:
        console.print(Text(line, style=style(line)), no_wrap=True, overflow="ellipsis", crop=True)
    code = FORMAT.sub("", CONSOLE_SVG_FORMAT)
    return console.export_svg(title="alai-reconcile", theme=DIMMED_MONOKAI, code_format=code, unique_id="demo")


def style(line: str) -> str:
    found = EVENT.match(line)
    if found:
        return COLOURS.get(found[1], "")
    return "bold" if line.startswith(("$", "Stage ", "Settled")) else ""


if __name__ == "__main__":
    sys.exit(main())
