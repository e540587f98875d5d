"""What attacks are tried on: a factory, a bench for single attempts, and the prison of tests/escape."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.escape.conftest import prison
from tests.execute.conftest import Make, brief, factory, make, product
from tests.real.attacks.lab import HELLO, Bench, Shop
from tests.real.attacks.lab import shop as opened

__all__ = ["brief", "factory", "prison", "product"]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with opened(tmp_path / "shop") as made:
        yield made


@pytest.fixture
def bench(brief: Make, tmp_path: Path) -> Callable[..., Bench]:
    """`bench(files)`: a product of these files."""

    def over(files: Mapping[str, str] = HELLO) -> Bench:
        repo = make(tmp_path / "hello")
        repo.commit(dict(files))
        return Bench(brief, repo, tmp_path)

    return over
