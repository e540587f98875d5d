"""HiveMind: what was learned, as files in git and a full-text index over them."""
