"""Attempts to reach what is not one's own by the names of files, through the tools for files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.escape.conftest import CANARY, Prison

NAMES = {
    "up": "../outside.txt",
    "up and down": "app/../../outside.txt",
    "absolute": "/etc/alai-escape",
    "the sandbox's own place": "/product/../outside.txt",
    "backslash": "..\\outside.txt",
    "drive": "C:/outside.txt",
    "git's hooks": ".git/hooks/post-commit",
    "git in capitals": ".GIT/config",
    "git's short name": "GIT~1/config",
    "git with a dot": ".git./config",
    "git with what does not print": ".g\u200cit/config",
    "a submodule": ".gitmodules",
    "too long": "a" * 5000,
    "too long a part": f"app/{'a' * 300}",
    "a forbidden path": "infra/secret",
    "a forbidden path in capitals": "INFRA/secret",
    "a forbidden path in wide letters": "\uff49nfra/secret",
    "a forbidden path with a dot": "infra./secret",
    "nothing": "",
    "a newline": "app/x\n../../y",
}


@pytest.mark.parametrize("name", NAMES)
def test_no_name_leads_out(prison: Prison, name: str) -> None:
    told = prison.tools(("write_file", {"path": NAMES[name], "content": "owned"}))
    assert told.answers[0].refused
    assert "write_file" in told.gotcha.partition("## Refused")[2]
    assert prison.state() == prison.before
    assert not Path("/etc/alai-escape").exists()


LINKS = {
    "a link to the system, read": ("ln -s /etc/passwd pw", ("read_file", {"path": "pw"})),
    "a link to the system, written": ("ln -s /etc etc", ("write_file", {"path": "etc/alai-escape", "content": "x"})),
    "a link to the factory": ("ln -s {factory}/manifests m", ("write_file", {"path": "m/policy.yaml", "content": "x"})),
    "a link to keys": ("ln -s {home}/.ssh keys", ("read_file", {"path": "keys/id_ed25519"})),
    "a link to the environment": ("ln -s /proc/self/environ e", ("read_file", {"path": "e"})),
    "a link that is the file": (
        "ln -s {factory}/manifests/policy.yaml p",
        ("write_file", {"path": "p", "content": "x"}),
    ),
    "a link to what is forbidden": ("ln -s ../infra app/in", ("write_file", {"path": "app/in/secret", "content": "x"})),
    "a link up": (
        "ln -s ../.. up",
        ("edit_file", {"path": "up/home/.ssh/id_ed25519", "edits": [{"old_text": "c", "new_text": "d"}]}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LINKS)
def test_no_link_leads_out(prison: Prison, name: str) -> None:
    script, call = LINKS[name]
    script = script.format(factory=prison.factory.path, home=prison.outside / "home")
    told = prison.tools(("run_command", {"command": script}), call, ("read_file", {"path": "infra/secret"}))
    planted, tried, infra = told.answers
    assert planted.ok
    assert tried.refused
    assert call[0] in told.gotcha.partition("## Refused")[2]
    assert [entry["command"] for entry in told.transcript] == [script]
    assert infra.text == "infra\n"
    assert CANARY not in told.everything
    assert prison.state() == prison.before


def test_a_second_name_of_a_forbidden_file_does_not_change_it(prison: Prison) -> None:
    told = prison.tools(
        ("run_command", {"command": "ln infra/secret app/hard || cp infra/secret app/hard"}),
        ("write_file", {"path": "app/hard", "content": "owned"}),
        ("run_command", {"command": "echo owned >> app/hard; echo owned > infra/secret"}),
        ("read_file", {"path": "infra/secret"}),
    )
    assert told.answers[-1].text == "infra\n"
    assert "Read-only file system" in told.transcript[1]["output"]
    assert prison.state() == prison.before
