"""Plain value types that travel between the layers. No pydantic, no I/O, no knowledge of git or SQLite."""
