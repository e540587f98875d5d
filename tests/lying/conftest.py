"""The factory, and how briefs are made, are those of the execution's tests."""

from tests.execute.conftest import brief, factory, product

__all__ = ["brief", "factory", "product"]
