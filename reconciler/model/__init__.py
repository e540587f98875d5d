"""Plain value types that travel between the layers, and the words that scripts may match on.

No pydantic, no I/O, no clock, no knowledge of git or SQLite: they are made in microseconds and compared by value.

Something belongs here if two layers name it, and it does nothing.
"""
