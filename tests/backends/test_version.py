"""Asking a program for its version gives it nothing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from reconciler.execute.backends.probes import probe
from reconciler.execute.sandbox import Sandbox
from reconciler.model.spec import Host

pytestmark = pytest.mark.skipif(Sandbox.detect() is None, reason="no sandbox works on this machine")


def asked(folder: Path, script: str) -> tuple[bool, str]:
    program = folder / "claude"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    found = probe(Host(name="mine", kind="claude-cli", command=(str(program),)))
    return found.reachable, found.message


def test_a_probed_program_has_no_home_no_environment_and_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/key").write_text("planted")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ANTHROPIC_API_KEY", "planted")
    script = f"touch {tmp_path}/mark; cat {tmp_path}/home/key; env | grep -v ^PATH=; "
    script += "tail -n +3 /proc/net/dev | grep -v lo:; echo 1.0"
    there, said = asked(tmp_path, script)
    assert there
    assert "planted" not in said
    assert said.endswith("1.0")
    assert not (tmp_path / "mark").exists()


def test_a_program_that_floods_or_hangs_is_done_with_in_two_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "planted")
    assert "exit status" in asked(tmp_path, "exec yes")[1]
    began = time.monotonic()
    assert "slow to say" in asked(tmp_path, "sleep 60")[1]
    assert time.monotonic() - began < 5
