"""What all specs share."""

from __future__ import annotations

import msgspec


class Spec(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Base of all specs: camelCase in YAML, snake_case here, defaults left out when encoded."""
