"""Bytes in git to validated, cross-referenced objects."""
