"""Durations and sizes as manifests write them: `30s`, `6h`, `2GiB`. Reading only."""

from __future__ import annotations

import re

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "KB": 10**3, "MB": 10**6, "GB": 10**9}
_NUMBER = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")


def seconds(text: str) -> float:
    """`90s` -> 90.0. Raises ValueError where the text is no duration."""
    number, unit = _split(text)
    if unit not in _SECONDS:
        message = f"{text!r} is not a duration such as 30s, 5m or 6h"
        raise ValueError(message)
    return number * _SECONDS[unit]


def size(text: str) -> int:
    """`2GiB` -> 2147483648 bytes. Raises ValueError where the text is no size."""
    number, unit = _split(text)
    if unit not in _BYTES:
        message = f"{text!r} is not a size such as 512MiB or 2GiB"
        raise ValueError(message)
    return int(number * _BYTES[unit])


def _split(text: str) -> tuple[float, str]:
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        return 0.0, "?"
    return float(found[1]), found[2]
