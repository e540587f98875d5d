"""Files that decide how tests run, whatever the tests say. With one of them a work could judge itself."""

from __future__ import annotations

import posixpath
import sys

from reconciler.execute.gates.families import is_test
from reconciler.execute.paths import matches

MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
_NAMES = frozenset((*MAKEFILES, "conftest.py", "pytest.ini", ".pytest.ini", "pytest.toml", "tox.ini", "noxfile.py"))
_WHERE_TESTS_START = frozenset(
    (
        "setup.cfg", "pyproject.toml", "sitecustomize.py", "usercustomize.py", "package.json", ".npmrc", ".rspec",
        "phpunit.xml", "phpunit.xml.dist", "Rakefile", "justfile", "Justfile",
    )
)  # fmt: skip
"""these say how tests run only for those that begin in the same folder; elsewhere they are a part of the work"""
_GLOBS = (
    "**/*.pth", "**/jest.config.*", "**/vitest.config.*", "**/karma.conf.*", "**/.mocharc*", "**/playwright.config.*",
)  # fmt: skip
_MODULES = sys.stdlib_module_names | {"pytest", "_pytest", "hypothesis", "coverage"}
"""that a test run imports, whoever else offers one of that name"""


def steers(path: str) -> bool:
    """Whether a file at `path` can change what running the tests does: a runner's configuration, or what shadows it."""
    folder, name = posixpath.split(path)
    if name in _WHERE_TESTS_START:
        return folder == "" or is_test(path)
    return name in _NAMES or matches(path, _GLOBS) is not None or _shadows(path)


def _shadows(path: str) -> bool:
    """Python looks into the folder it starts in, and into those of tests, before its own library."""
    folder, name = posixpath.split(path.removesuffix("/__init__.py"))
    is_module = name.endswith((".py", ".pyc", ".so")) or path.endswith("/__init__.py")
    return is_module and name.partition(".")[0] in _MODULES and (folder == "" or is_test(path))
