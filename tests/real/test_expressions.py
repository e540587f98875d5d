"""Every expression that any module compiles is found by itself and attacked with what it is made of."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import pytest

import reconciler
from tests.growth import linear

SHORT = 2_000
BOUNDED = {
    "reconciler.execute.gates.lines": SHORT,
    "reconciler.execute.gates.shape._SPAN": 4_000,
    "reconciler.execute.gates.shape._LINK": 4_000,
    "reconciler.kinds": SHORT,
    "reconciler.desired.scalars": SHORT,
    "reconciler.desired.frontmatter._KEY": SHORT,
    "reconciler.execute.backends.failures": SHORT,
    "reconciler.execute.gates.shell._ASSIGNMENT": SHORT,
    "reconciler.git.controllers._LINE": SHORT,
}
"""patterns, or modules, that are only ever shown texts of so many characters, or asked at their beginning alone"""
PUMPS = (
    " ",
    "\n",
    "a",
    "a.",
    "0",
    "-",
    "`",
    '"',
    '\\"',
    "{",
    "[",
    "](",
    ",",
    ", ",
    "/",
    "_",
    "a b",
    "<",
    ">",
    "\t",
    "é",
)
_TOKEN = re.compile(r"[\w<>=:#@$/-]{2,}")


def expressions() -> Iterator[tuple[str, re.Pattern[Any]]]:
    for module in pkgutil.walk_packages(reconciler.__path__, "reconciler."):
        found = vars(importlib.import_module(module.name))
        for name, value in found.items():
            yield from ((f"{module.name}.{name}", each) for each in within(value))


def within(value: object) -> Iterator[re.Pattern[Any]]:
    """The value itself where it is an expression, or those in tuples of tuples."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from within(each)


ALL = sorted({(name, each.pattern): each for name, each in expressions()}.items(), key=lambda item: str(item[0]))


@pytest.mark.parametrize(("name", "pattern"), [(name, each) for (name, _), each in ALL], ids=[key[0] for key, _ in ALL])
def test_no_expression_goes_back_over_what_it_has_read(name: str, pattern: re.Pattern[Any]) -> None:
    bound = next((most for known, most in BOUNDED.items() if name.startswith(known)), 100_000)
    spelled = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    pumps = dict.fromkeys((*PUMPS, *_TOKEN.findall(spelled)))
    heads = ("", *(f"{token} " for token in _TOKEN.findall(spelled)[:2]))
    for head in heads:
        for pump in pumps:

            def attack(size: int, head: str = head, pump: str = pump) -> Any:
                whole = (head + pump * (size // len(pump)))[:bound] + "\x01"
                return whole if isinstance(pattern.pattern, str) else whole.encode()

            if bound == 100_000:
                assert linear(pattern.search, attack, 4_000, 16_000), (head, pump)
            else:
                pattern.search(attack(bound))
