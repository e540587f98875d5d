"""The factory: everything behind the command line. `docs/architecture.md` draws how the packages lie.

Packages import only from those below them; import-linter holds it. Directly in here lie the few modules that all of
them need and that know nothing of factories: how trees of files are walked, how one SQLite file is opened.

Something belongs in here directly only if no package could be its home.
"""
