"""The factory: everything behind the command line. `docs/architecture.md` draws how the packages lie."""
