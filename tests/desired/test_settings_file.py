"""Servers and tools in files of JSON are checked before anything comes to use them, each fault at its place."""

from __future__ import annotations

import pytest

from reconciler.desired.read import is_manifest, read_file

BASE, OVERLAY, TOOLS = "config/mcp.json", "companies/smiths/config/mcp.json", "companies/smiths/config/tools.json"


def said(text: str, path: str = BASE) -> list[str]:
    return [str(problem).removeprefix(f"{path}:") for problem in read_file(path, "b", text.encode()).problems]


@pytest.mark.parametrize("path", ["config/MCP.json", "companies/c/Config/tools.JSON"])
def test_settings_in_capitals_are_named_since_nobody_would_read_them(path: str) -> None:
    assert is_manifest(path)
    [fault] = said("{}", path)
    assert "is read only as" in fault


def test_the_settings_are_known_by_their_place() -> None:
    assert all(is_manifest(path) for path in (BASE, OVERLAY, TOOLS))
    assert not any(is_manifest(path) for path in ("config/x.yaml", "config/sub/mcp.json", "manifests/config/mcp.json"))


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("not json", "1:1", "not JSON"),
        ('{"mcpServers": {},}', "1:", "not JSON"),
        ("[]", "1:", "expected an object"),
        ('{"mcpServers": {}, "mcpServers": {}}', "1:1", "there twice"),
        ('{"servers": {"db": {"command": "db"}}}', "1:", 'unknown key "servers"; did you mean "mcpServers"?'),
        ('{"mcpServers": []}', "1:", "expected an object"),
        ('{"mcpServers": {"db": 1}}', "1:23", "expected an object or null"),
        ('{"mcpServers": {\n  "db": {"type": "http", "url": "https://x.org"}}}', "2:", "MCP server db: only a server"),
        ('{"mcpServers": {"db": {"type": "stdio"}}}', "1:", "no `command`"),
        ('{"mcpServers": {"db": {"command": ""}}}', "1:", "no `command`"),
        ('{"mcpServers": {"db": {"command": "db", "args": "x"}}}', "1:", "expected a list of texts"),
        ('{"mcpServers": {"db": {"command": "db",\n "env": {"PORT": 3000}}}}', "2:", "an object of texts"),
        ('{"mcpServers": {"db": {"command": "db", "disabled": "yes"}}}', "1:", "true or false"),
        ('{"mcpServers": {"db": {"command": "db", "cwd": "/"}}}', "1:", 'unknown key "cwd"'),
        ('{"mcpServers": {"db": {"command": "db", "args": ["${input:token}"]}}}', "1:", "only ${NAME}"),
        ('{"mcpServers": {"db": {"command": "db", "env": {"A": "${}"}}}}', "1:", "only ${NAME}"),
        ('{"remove": "db"}', "1:", "expected a list of texts"),
    ],
)
def test_a_file_of_servers_that_cannot_be_used_is_a_fault_where_it_is_wrong(text: str, place: str, words: str) -> None:
    [fault] = said(text)
    assert fault.startswith(place)
    assert words in fault


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('{"mcpServers": {"db": {"type": "stdio", "command": "db", "env": {"A": "${A} ${B:-c}"}}}}', BASE),
        ('{"mcpServers": {"db": {"url": "https://x.org", "disabled": true}}}', BASE),
        ('{"mcpServers": {"db": {"env": {}}, "web": null}, "remove": ["x"]}', OVERLAY),
        ('{\n\t"mcpServers": {}\n}', BASE),
        ('{"allow": [], "deny": ["run_*"]}', TOOLS),
    ],
)
def test_a_file_that_can_be_used_is_no_fault(text: str, path: str) -> None:
    assert said(text, path) == []


@pytest.mark.parametrize(("text", "words"), [('{"alow": []}', 'did you mean "allow"'), ('{"deny": "x"}', "a list")])
def test_a_misspelt_setting_of_tools_is_a_fault(text: str, words: str) -> None:
    [fault] = said(text, TOOLS)
    assert words in fault


@pytest.mark.parametrize("data", [b"\xff\xfe", b"[" * 100_000, b'{"a": "\x1b[31m"}', b"", b"null"])
def test_hostile_settings_never_raise(data: bytes) -> None:
    assert all("\x1b" not in str(problem) for problem in read_file(BASE, "b", data).problems)
    assert read_file(BASE, "b", data).problems
