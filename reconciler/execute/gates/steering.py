"""Files that decide how tests run, whatever the tests say. With one of them a work could judge itself."""

from __future__ import annotations

import posixpath
import sys

from reconciler.execute.gates.families import is_test
from reconciler.execute.paths import matches

MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
_NAMES = frozenset(
    (
        *MAKEFILES, "conftest.py", "pytest.ini", ".pytest.ini", "pytest.toml", "tox.ini", "noxfile.py",
        ".bazelrc", "bunfig.toml",
    )
)  # fmt: skip
_WHERE_TESTS_START = frozenset(
    (
        "setup.cfg", "pyproject.toml", "package.json", ".npmrc", ".rspec", "phpunit.xml", "phpunit.xml.dist",
        "Rakefile", "justfile", "Justfile", "Taskfile.yml", "Taskfile.yaml", "deno.json", "deno.jsonc", "composer.json",
    )
)  # fmt: skip
"""these say how tests run only for those that begin in the same folder; elsewhere they are a part of the work"""
_GLOBS = (
    "**/*.pth", "**/jest.config.*", "**/vitest.config.*", "**/karma.conf.*", "**/.mocharc*", "**/playwright.config.*",
    "**/.cargo/config*", "**/.mvn/**", "**/*.runsettings", "**/node_modules/**", "**/.venv/**", "**/venv/**",
    "**/__pycache__/**", "**/*.pyc",
)  # fmt: skip
_MODULES = sys.stdlib_module_names | {"pytest", "_pytest", "hypothesis", "coverage"}
"""that a test run imports, whoever else offers one of that name"""
STARTS = ("sitecustomize.py", "usercustomize.py")
"""modules that Python runs before anything else"""
RUNNERS = frozenset(
    (
        "python",
        "python3",
        "pytest",
        "node",
        "npm",
        "npx",
        "yarn",
        "pnpm",
        "jest",
        "vitest",
        "mocha",
        "go",
        "cargo",
        "make",
        "sh",
        "bash",
    )
)
"""programs that tests are run with"""


def steers(path: str) -> bool:
    """Whether a file at `path` can change what running the tests does: a runner's configuration, or what shadows it."""
    folder, name = posixpath.split(path)
    if name in _WHERE_TESTS_START or name in STARTS:
        return folder == "" or is_test(path)
    return name in _NAMES or matches(path, _GLOBS) is not None or shadows(path)


def shadows(path: str) -> bool:
    """Whether Python takes it for a module of its own: it looks first into where it starts and where tests are."""
    folder, name = posixpath.split(path.removesuffix("/__init__.py"))
    is_module = name.endswith((".py", ".pyc", ".so")) or path.endswith("/__init__.py")
    return is_module and name.partition(".")[0] in _MODULES and (folder == "" or is_test(path))
