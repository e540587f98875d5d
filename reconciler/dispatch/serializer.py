"""How the engine stores arguments and results: JSON, where its default would be pickle."""

from __future__ import annotations

from typing import Any

import msgspec
from dbos import Serializer


class JsonSerializer(Serializer):
    """JSON both ways; what is no JSON (an exception) becomes its text."""

    def serialize(self, data: Any) -> str:
        return msgspec.json.encode(data, enc_hook=repr).decode()

    def deserialize(self, serialized_data: str) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return msgspec.json.decode(serialized_data)

    def name(self) -> str:
        return "json"
