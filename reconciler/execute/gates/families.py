"""Which files are tests, CI, programs or locks: by the names that the usual tools go by."""

from __future__ import annotations

import posixpath

from reconciler.execute.paths import matches

TESTS = (
    "test/**", "tests/**", "**/test/**", "**/tests/**", "**/__tests__/**", "spec/**", "e2e/**", "cypress/**",
    "**/test_*.*", "**/*_test.*", "**/*.test.*", "**/*.spec.*", "**/*_spec.*", "**/*Test.java", "**/*Test.kt",
    "**/*Tests.cs", "**/conftest.py",
)  # fmt: skip
CI = (
    ".github/workflows/**", ".github/actions/**", ".gitlab-ci.yml", ".gitea/workflows/**", ".forgejo/workflows/**",
    ".circleci/**", ".woodpecker/**", ".woodpecker.yml", ".drone.yml", ".travis.yml", "Jenkinsfile",
    "azure-pipelines.yml", "bitbucket-pipelines.yml", ".buildkite/**", ".ci/**",
)  # fmt: skip


HANDS = (
    "**/.githooks/**", "**/.husky/**", "lefthook.y*ml", ".lefthook.y*ml", ".pre-commit-config.yaml", "**/.envrc",
    "**/mise.toml", "**/.mise.toml", "**/.vscode/**", "**/*.code-workspace", "**/.idea/**", "**/.run/**",
    "**/.zed/**", "**/.fleet/**", "**/.devcontainer/**", "**/.devcontainer.json", ".lfsconfig", "**/.claude/**",
    "**/.cursor/**", "**/.gemini/**", "**/.mcp.json", "**/.exrc", "**/.nvim.lua", "**/.dir-locals.el",
)  # fmt: skip
"""what git, shells, editors and agents run by themselves on the machine of whoever opens the checkout"""


def is_test(path: str) -> bool:
    return matches(path, TESTS) is not None


def is_ci(path: str) -> bool:
    return matches(path, CI) is not None


def runs_by_itself(path: str) -> bool:
    return matches(path, HANDS) is not None


SOURCE = frozenset(
    (
        ".py", ".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".vue", ".svelte", ".go", ".rs", ".java", ".kt", ".kts",
        ".scala", ".cs", ".fs", ".c", ".h", ".cc", ".cpp", ".hpp", ".swift", ".m", ".rb", ".php", ".pl", ".lua", ".ex",
        ".exs", ".dart", ".sh",
    )
)  # fmt: skip
"""what programs are written in"""
LOCKS = frozenset(
    (
        "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "uv.lock",
        "poetry.lock", "pdm.lock", "Pipfile.lock", "Cargo.lock", "go.sum", "composer.lock", "Gemfile.lock",
    )
)  # fmt: skip
"""names of files that programs write to pin dependencies"""


def suffix(path: str) -> str:
    """What the file's name ends with, with its dot, in small letters."""
    return posixpath.splitext(path)[1].lower()
