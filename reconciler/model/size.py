"""Sizes as manifests write them (`512MiB`, `24GiB`), as bytes."""

from __future__ import annotations

_UNITS = {"TiB": 2**40, "GiB": 2**30, "MiB": 2**20, "KiB": 2**10, "B": 1}


def size(text: str) -> int:
    """`2GiB` -> 2147483648. Raises ValueError for anything else."""
    digits = text.rstrip("BiKMGT")
    unit = text[len(digits) :]
    if not digits.isascii() or not digits.isdigit() or unit not in _UNITS:
        raise ValueError(f"{text!r} is not a size such as 512MiB or 24GiB")
    return int(digits) * _UNITS[unit]
