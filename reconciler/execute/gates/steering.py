"""Files that decide how tests run, whatever the tests say. With one of them a work could judge itself."""

from __future__ import annotations

import posixpath
import re
import sys

from reconciler.execute.gates.families import is_test
from reconciler.execute.paths import matches

MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
_NAMES = frozenset(
    (
        *MAKEFILES, "conftest.py", "pytest.ini", ".pytest.ini", "pytest.toml", "tox.ini", "noxfile.py",
        ".bazelrc", "bunfig.toml", "nose.cfg", ".noserc", ".coveragerc", "Cargo.toml", "build.rs", "rust-toolchain",
        "rust-toolchain.toml", "clippy.toml", "pom.xml", "build.gradle", "build.gradle.kts", "settings.gradle",
        "settings.gradle.kts", "gradle.properties", "gradlew", "gradlew.bat", "mvnw", "mvnw.cmd", "build.sbt", "go.mod",
        "go.work", "CMakeLists.txt", "CMakePresets.json", "CTestConfig.cmake", "CTestCustom.cmake", "meson.build",
        "BUILD", "BUILD.bazel", "WORKSPACE", "MODULE.bazel", "dune", "dune-project", "mix.exs", "rebar.config",
        "Gemfile", ".simplecov", "Package.swift", "build.zig", "stack.yaml", "cabal.project", "project.clj", "deps.edn",
        "catch.hpp", "catch_amalgamated.hpp", "catch_amalgamated.cpp", "doctest.h", "unity.c", "unity.h", "greatest.h",
        "unity_internals.h", "acutest.h", "munit.h", "munit.c", "minunit.h", "utest.h", "cutest.h", "shunit2",
        "Directory.Build.props", "Directory.Build.targets", "global.json", "xunit.runner.json", "build.xml",
        "SConstruct", "wscript", "configure", "configure.ac", "Makefile.am", "Makefile.in",
    )
)  # fmt: skip
_WHERE_TESTS_START = frozenset(
    (
        "setup.cfg", "pyproject.toml", "package.json", ".npmrc", ".rspec", "phpunit.xml", "phpunit.xml.dist",
        "pyrightconfig.json", ".nycrc", ".nycrc.json", ".c8rc.json",
        ".taprc",
        "nx.json", "turbo.json", "lerna.json", ".yarnrc", ".yarnrc.yml", "pnpm-workspace.yaml", ".pnpmfile.cjs",
        "Rakefile", "justfile", "Justfile", "Taskfile.yml", "Taskfile.yaml", "deno.json", "deno.jsonc", "composer.json",
    )
)  # fmt: skip
"""these say how tests run only for those that begin in the same folder; elsewhere they are a part of the work"""
_GLOBS = (
    "**/*.pth", "**/*.egg-info/**", "**/*.dist-info/**", "**/*.egg-link", "**/jest.config.*", "**/jest.setup.*",
    "**/vitest.*.*", "**/vite.config.*", "**/karma.conf.*", "**/.mocharc*", "**/playwright.config.*",
    "**/cypress.config.*", "**/cypress.json", "**/babel.config.*", "**/.babelrc*", "**/.swcrc", "**/tsconfig*.json",
    "**/jsconfig.json", "**/ava.config.*", "**/.ava*", "**/wdio.conf.*", "**/webpack.config.*", "**/rollup.config.*",
    "**/esbuild.config.*", "**/nightwatch.conf.*", "**/testem.*", "**/jasmine.json", "**/stryker.conf*",
    "**/*.gradle", "**/*.gradle.kts", "**/gradle/**", "**/buildSrc/**", "**/*.csproj", "**/*.fsproj", "**/*.cmake",
    "**/*.gemspec", "**/.rspec*", "**/.bundle/**", "**/*.opam", "**/vendor/bundle/**", "**/.config/nextest.toml",
    "**/.cargo/config*", "**/.mvn/**", "**/*.runsettings", "**/node_modules/**", "**/.venv/**", "**/venv/**",
    "**/__pycache__/**", "**/*.pyc",
)  # fmt: skip
_VENDORED = re.compile(
    r"(?:^|/)(?:_?vendor(?:ed)?|third[_-]party|externals?|deps|libs?|subprojects)/(?:[^/]+/)*(?:_?pytest|pluggy|unittest2?|nose2?"
    r"|mocha|jest|vitest|chai|jasmine|tape|ava|uvu|googletest|g(?:test|mock)|[Cc]atch2?|[Uu]nity|cmocka|cppunit|testify|rspec"
    r"|minitest|phpunit|junit|hypothesis|coverage|bats)(?:/|\.\w+$)"
)
"""a copy of a runner within the product"""
_PLUGS = ("**/*.pth", "**/*.egg-info/**", "**/*.dist-info/**", "**/*.egg-link")
_COMPILED = (
    "**/*.pyc", "**/__pycache__/**", "**/node_modules/**", "**/.venv/**", "**/venv/**", "**/*.so", "**/*.class",
    "**/*.o",
)  # fmt: skip
_MODULES = sys.stdlib_module_names | {"pytest", "_pytest", "hypothesis", "coverage"}
"""that a test run imports, whoever else offers one of that name"""
HEADERS = frozenset(
    f"{name}.h"
    for name in (
        "assert", "complex", "ctype", "errno", "fenv", "float", "inttypes", "limits", "locale", "math", "setjmp",
        "signal", "stdarg", "stdbool", "stddef", "stdint", "stdio", "stdlib", "string", "strings", "time", "unistd",
        "wchar", "wctype", "check", "cmocka",
    )
)  # fmt: skip
"""headers of the language and of runners: one of the product's own is taken in their place"""
TAKEN_IN = (
    "conftest.py",
    "pytest.ini",
    ".pytest.ini",
    "pytest.toml",
    "tox.ini",
    ".mocharc.js",
    ".mocharc.cjs",
    ".taprc",
)
"""what runners take in by its name alone"""
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
    return name in _NAMES or bool(_VENDORED.search(path)) or matches(path, _GLOBS) is not None or shadows(path)


def plugs(path: str) -> bool:
    """Whether a runner takes it in by itself, unasked: metadata of an installed package names plugins."""
    return matches(path, _PLUGS) is not None


def compiled(path: str) -> bool:
    """Whether it is what programs make of sources, or what was installed: it stands in for what can be read."""
    return matches(path, _COMPILED) is not None


def shadows(path: str) -> bool:
    """Whether Python takes it for a module of its own: it looks first into where it starts and where tests are."""
    folder, name = posixpath.split(path.removesuffix("/__init__.py"))
    is_module = name.endswith((".py", ".pyc", ".so")) or path.endswith("/__init__.py")
    return is_module and name.partition(".")[0] in _MODULES and (folder == "" or is_test(path))
