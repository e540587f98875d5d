"""Durations as manifests write them (`30s`, `6h`), as seconds."""

from __future__ import annotations

DAY = 86400
"""seconds"""
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(text: str) -> float:
    """`500ms`, `30s`, `5m`, `6h`, `2d` as seconds. Raises ValueError for anything else."""
    digits = text.rstrip("mshd")
    unit = text[len(digits) :]
    if not digits.isascii() or not digits.isdigit() or unit not in _UNITS:
        raise ValueError(f"{text!r} is not a duration such as 30s, 5m or 6h")
    return int(digits) * _UNITS[unit]
