"""Which files are tests, and which are CI: by the names that the usual tools go by."""

from __future__ import annotations

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


def is_test(path: str) -> bool:
    return matches(path, TESTS) is not None


def is_ci(path: str) -> bool:
    return matches(path, CI) is not None
