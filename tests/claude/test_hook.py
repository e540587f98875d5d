"""The second lock: what runs before every tool of the program."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest

from reconciler.execute.mcp.hook import REFUSED, main


def asked(text: str, *globs: str) -> tuple[int, str]:
    complaints = io.StringIO()
    return main(globs, io.StringIO(text), complaints), complaints.getvalue()


@pytest.mark.parametrize(
    "name", ["Bash", "Write", "Task", "WebFetch", "mcp__other__read", "MCP__ALAI__x", "xmcp__alai__x", "", "mcp__alai"]
)
def test_every_tool_but_ours_is_refused_with_a_reason(name: str) -> None:
    status, why = asked(json.dumps({"tool_name": name}))
    assert status == REFUSED
    assert why.startswith("refused: ")


def test_ours_are_let_through() -> None:
    assert asked('{"tool_name": "mcp__alai__write_file", "tool_input": {}}') == (0, "")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '"Bash"', '{"tool_name": 1}', '{"tool_name": ["mcp__alai__x"]}'])
def test_what_cannot_be_read_is_refused(text: str) -> None:
    assert asked(text)[0] == REFUSED


def test_as_a_program_it_refuses_with_the_only_status_that_counts() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "reconciler.execute.mcp.hook"], input='{"tool_name": "Bash"}', text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr.split(":")[0]) == (2, "refused")
