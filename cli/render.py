"""Answers on paper: rich tables and colour on a terminal, plain aligned lines elsewhere, JSON and YAML for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any, cast

from cli.main import printable
from cli.streams import speaks

Row = dict[str, Any]
_LEAST = 12
"""characters that a column of a table has, where it has so many to show"""
_BETWEEN = "  "

COLOURS = {
    "done": "green",
    "passed": "green",
    "running": "cyan",
    "open": "blue",
    "waiting": "yellow",
    "rejected": "magenta",
    "human": "bold yellow",
    "needs-human": "bold yellow",
    "failed": "bold red",
    "error": "bold red",
    "suspended": "dim",
    "cancelled": "dim",
}


def data(value: Any, output: str) -> None:
    """Print a value as JSON or YAML."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    shown = speaks(sys.stdout, text)
    if output == "json":
        print("".join(map(_json_safe, text)) if shown else json.dumps(value, indent=2))
        return
    from ruamel.yaml import YAML

    writer = YAML()
    writer.default_flow_style = False
    # else ruamel escapes what a terminal would obey, or lacks
    writer.allow_unicode = shown and text.replace("\n", "").isprintable()
    writer.dump(json.loads(json.dumps(value)), sys.stdout)


def _json_safe(character: str) -> str:
    """The character, or JSON's escape for what a terminal would obey: the value stays the same."""
    return character if character.isprintable() or character == "\n" else json.dumps(character)[1:-1]


def rows(found: Sequence[Row], columns: Sequence[str], output: str, *, empty: str = "Nothing found.") -> None:
    """Print rows; `columns` names the keys that the text form shows, in order."""
    if output != "text":
        data(list(found), output)
    elif not found:
        print(empty)
    elif not sys.stdout.isatty():
        print("\n".join(plain_table(found, columns)))
    elif _too_narrow(found, columns):
        for row in found:
            pairs(row, columns)
            print()
    else:
        _rich_table(found, columns)


def plain_table(found: Sequence[Row], columns: Sequence[str]) -> list[str]:
    """Aligned lines with a header."""
    cells = [[heading(column) for column in columns], *([cell(row.get(column)) for column in columns] for row in found)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(columns))]
    return [
        _BETWEEN.join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells
    ]


def heading(column: str) -> str:
    return column.replace("_usd", "").replace("_", " ").upper()


def cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, (list, tuple)):
        value = ", ".join(str(item) for item in cast("Sequence[object]", value)) or "-"
    if isinstance(value, dict):
        value = ", ".join(f"{key}={item}" for key, item in cast("Row", value).items()) or "-"
    return printable(str(value)).replace("\n", " ")


def _too_narrow(found: Sequence[Row], columns: Sequence[str]) -> bool:
    """Whether a column would have less room than its words need, or a dozen characters."""
    from rich.console import Console

    least = [
        min(_LEAST, max(len(heading(column)), *(len(cell(row.get(column))) for row in found))) for column in columns
    ]
    return sum(least) + len(_BETWEEN) * (len(least) - 1) > Console().width


def _rich_table(found: Sequence[Row], columns: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(heading(column), overflow="fold")
    for row in found:
        table.add_row(*(Text(cell(row.get(column)), style=COLOURS.get(str(row.get(column)), "")) for column in columns))
    Console().print(table)


def pairs(row: Row, keys: Sequence[str]) -> None:
    """Print `key: value` lines, the keys aligned."""
    width = max(len(heading(key)) for key in keys)
    for key in keys:
        print(f"{heading(key).capitalize():<{width}}  {cell(row.get(key))}")


def coloured(text: str, word: str) -> str:
    """The text in the colour of a phase or outcome, on a terminal."""
    if not sys.stdout.isatty():
        return text
    import click

    style = COLOURS.get(word, "")
    return click.style(text, fg=style.split()[-1], bold="bold" in style) if style and style != "dim" else text
