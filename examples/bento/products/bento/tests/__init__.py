"""What can be proved about Bento with the Python standard library alone."""
