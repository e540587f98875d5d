"""SQLite: what the commits say has happened, and what is in flight. A projection; git is the truth."""
