"""A factory and a product as real git repositories, and briefs that name them: those of the tests of attempts."""

from __future__ import annotations

from tests.execute.conftest import brief, factory, product

__all__ = ["brief", "factory", "product"]
