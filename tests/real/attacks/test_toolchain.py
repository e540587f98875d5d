"""What `PATH` finds below the home folder shows a tool and its installation, never a project or a secret beside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.escape.conftest import Prison


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec /usr/bin/{path.name} "$@"\n')
    path.chmod(0o755)
    return path


def project(home: Path) -> Path:
    folder = home / "work/payroll"
    program(folder / "bin/make")
    (folder / ".git").mkdir()
    for name in (".env", ".git/config", "bin/.netrc", "bin/deploy.key", "src.py"):
        (folder / name).write_text("canary-of-a-project")
    return folder / "bin"


def dotfiles(home: Path) -> Path:
    scripts = home / "src/dotfiles/scripts"
    program(scripts / "git")
    (scripts / ".netrc").write_text("canary-of-a-project")
    (home / "bin").mkdir()
    (home / "bin/git").symlink_to(scripts / "git")
    return home / "bin"


def inside_the_product_s_tools(home: Path) -> Path:
    folder = home / "app/node_modules/.bin"
    program(folder / "node")
    (home / "app/.env").write_text("canary-of-a-project")
    (home / "app/node_modules/.npmrc").write_text("canary-of-a-project")
    return folder


@pytest.mark.parametrize("place", [project, dotfiles, inside_the_product_s_tools])
def test_no_secret_beside_a_tool_is_readable(place: object, prison: Prison, monkeypatch: pytest.MonkeyPatch) -> None:
    home = prison.outside / "home"
    shown = place(home)  # type: ignore[operator]
    monkeypatch.setenv("PATH", f"{shown}:{os.environ['PATH']}")
    told = prison.shell(f'find {home} -type f 2>/dev/null | while read f; do cat "$f"; done; ls -laR {home}; exit 1')
    assert "canary-of-a-project" not in told.everything
    assert "payroll/src.py" not in told.everything
