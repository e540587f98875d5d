"""Calls of tools that mean more than they say: options, other names, patterns without end, growth."""

from __future__ import annotations

import resource
import time

import pytest

from tests.escape.conftest import CANARY, Prison, builder

WRITES = (
    *("docs/../.git/hooks/x", "/product/.git/config", "./.git", ".git/./config", "docs//..//..//x", "~/.ssh/x"),
    *("file:///x", "a\0b", "a\nb", "x" * 100_000, ".GIT/config", "git~1/config", ".git /config", "\u202e.git/x", ""),
)


def test_no_path_of_a_call_leads_into_git_or_out(prison: Prison) -> None:
    told = prison.tools(*(("write_file", {"path": path, "content": "owned"}) for path in WRITES))
    assert [answer.text[:80] for answer in told.answers if answer.ok and "git" in answer.text.lower()] == []
    assert prison.state() == prison.before
    assert not (prison.outside / "home/.ssh/x").exists()
    assert len(told.gotcha) < 50_000


READS = ("../conversation.jsonl", "../job.json", "/proc/self/environ", "/proc/self/fd/3", "~/.netrc", "way/0", "way/1")


def test_no_path_of_a_call_reads_what_is_not_the_product_s(prison: Prison) -> None:
    (prison.outside / "home/.netrc").write_text(CANARY)
    links = "mkdir way; ln -s /proc/self/environ way/0; ln -s ../../home/.netrc way/1"
    told = prison.tools(
        ("run_command", {"command": links}), *(("read_file", {"path": path}) for path in READS),
        ("search", {"pattern": "canary"}), ("list_files", {"glob": "../**"}),
    )  # fmt: skip
    assert CANARY not in told.everything
    assert "PATH=" not in told.everything


def test_an_edit_does_not_grow_a_file_without_end(prison: Prison) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grow = ("edit_file", {"path": "app/main.py", "old": "a", "new": "a" * 10_000, "all": True})
    told = prison.tools(("write_file", {"path": "app/main.py", "content": "a" * 100}), *[grow] * 10)
    assert any(not answer.ok for answer in told.answers)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 300


@pytest.mark.timeout(100, method="signal")
def test_a_pattern_that_never_ends_ends(prison: Prison) -> None:
    patterns = ("(a+)+$", "(.*)*x", "(?:a|a)*b", "(a*)*\\1b", "x" * 100_000, "((((a{1,50}){1,50}){1,50}){1,50})b")
    began = time.process_time()
    told = prison.tools(
        ("run_command", {"command": "head -c 300000 /dev/zero | tr '\\0' a > line.txt"}),
        *(("search", {"pattern": pattern}) for pattern in patterns),
    )
    assert len(told.answers) == len(patterns) + 1
    assert all(answer.text for answer in told.answers)
    assert time.process_time() - began < 20


def test_a_pattern_is_no_option(prison: Prison) -> None:
    patterns = (
        "-f/etc/passwd",
        "--pre=sh",
        "--open-files-in-pager=touch MARK",
        "-O",
        "-e x -- /",
        "--no-index",
        "--help",
    )
    told = prison.tools(*(("search", {"pattern": pattern}) for pattern in patterns))
    assert not [answer.text for answer in told.answers if "root:" in answer.text or "usage" in answer.text.lower()]
    assert prison.state() == prison.before


NAMES = (
    *("Bash", "bash", "Run_Command", "run_command\u200b", " run_command", "functions.run_command"),
    *("mcp__x__run_command", "run-command", "RUN_COMMAND", "run_command\n", "shell", "Write", "MultiEdit"),
)


def test_no_other_name_reaches_a_tool_that_is_denied(prison: Prison) -> None:
    given = {"command": "touch /product/owned", "path": "owned", "content": "x"}
    told = prison.tools(
        *((name, given) for name in NAMES), ("list_files", {}),
        agents=builder(tools=("read_file", "list_files")),
    )  # fmt: skip
    assert not [answer.text for answer in told.answers[:-1] if answer.ok]
    assert "owned" not in told.answers[-1].text


QUESTIONS = (
    '" OR 1=1',
    "NEAR(",
    "title:*",
    "'; DROP TABLE entries; --",
    "(" * 100_000,
    "a\0b",
    "*",
    "-x",
    '"""',
    "ä AND",
)


def test_any_question_is_only_a_question(prison: Prison) -> None:
    told = prison.tools(*(("knowledge", {"query": question}) for question in QUESTIONS))
    assert all(answer.text for answer in told.answers)
    assert "syntax error" not in told.everything
    assert "sqlite" not in told.everything.lower()


def test_a_question_without_words_is_none(prison: Prison) -> None:
    told = prison.agent(
        ("write_file", {"path": "early", "content": "x"}),
    )
    assert told.result
    empty = prison.tools(("knowledge", {"query": ""}), ("knowledge", {}))
    assert not [answer for answer in empty.answers if answer.ok]


NOTES = (
    *("companies/codecraft/state/../CLAUDE.md", "companies/other/state/x.md", "companies/codecraft/agents/x.md"),
    *("companies/codecraft/state/evil.yaml", "companies/codecraft/state/agents/evil.md", "manifests/x.yaml"),
)


def test_a_lead_s_notes_stay_notes(prison: Prison) -> None:
    evil = "---\nname: evil\ntools: Bash\n---\napiVersion: alai.dev/v1\nkind: Policy\nmetadata: {name: default}\n"
    told = prison.agent(
        *(("write_file", {"path": path, "content": evil}) for path in NOTES), agents=builder(writes="company")
    )
    assert told.result
    assert {file.path for file in told.result.state_files} <= {"evil.yaml", "agents/evil.md"}
    assert prison.state() == prison.before
