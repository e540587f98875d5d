"""Which credential goes where: to the address that it is for, or nowhere, with a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.execute.backends.claude_login import ANTHROPIC, Login, NoLogin, kept_secrets, login

GATEWAY = "https://gateway.example/anthropic"
NOW = 1_800_000_000.0
TOKEN = "sk-ant-oat01-a-login-of-nobody-at-all"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".claude").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / ".claude"


def keep(folder: Path, *, until: float = NOW + 60, token: Any = TOKEN) -> None:
    oauth = {"accessToken": token, "expiresAt": until * 1000, "scopes": ["user:inference"]}
    (folder / ".credentials.json").write_text(json.dumps({"claudeAiOauth": oauth}))


def settings(folder: Path, **content: object) -> None:
    (folder / "settings.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("given", "url", "header", "account"),
    [
        ({"ANTHROPIC_API_KEY": "k"}, ANTHROPIC, ("x-api-key", "k"), False),
        ({"CLAUDE_CODE_OAUTH_TOKEN": "t"}, ANTHROPIC, ("authorization", "Bearer t"), True),
        ({}, ANTHROPIC, ("authorization", f"Bearer {TOKEN}"), True),
        ({"ANTHROPIC_API_KEY": "k", "CLAUDE_CODE_OAUTH_TOKEN": "t"}, ANTHROPIC, ("x-api-key", "k"), False),
        ({"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": f"{GATEWAY}/"}, GATEWAY, ("x-api-key", "k"), False),
        (
            {"ANTHROPIC_AUTH_TOKEN": "b", "ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": GATEWAY},
            GATEWAY, ("authorization", "Bearer b"), False,
        ),
        (
            {"ANTHROPIC_AUTH_TOKEN": "b", "ANTHROPIC_BASE_URL": f"{ANTHROPIC}/"},
            ANTHROPIC, ("authorization", "Bearer b"), False,
        ),
        ({"ANTHROPIC_API_KEY": "k", "CLAUDE_CODE_USE_VERTEX": "0"}, ANTHROPIC, ("x-api-key", "k"), False),
    ],
)  # fmt: skip
def test_the_first_credential_that_is_set_goes_to_its_address(
    home: Path, given: dict[str, str], url: str, header: tuple[str, str], account: bool
) -> None:
    keep(home)
    assert login(given, NOW) == Login(url=url, header=header, account=account)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ANTHROPIC_AUTH_TOKEN": "b"}, "says whom it is for"),
        ({"ANTHROPIC_BASE_URL": GATEWAY}, "A login to Anthropic is sent to"),
        ({"ANTHROPIC_BASE_URL": GATEWAY, "CLAUDE_CODE_OAUTH_TOKEN": "t"}, "there is no credential for it"),
        ({"ANTHROPIC_BASE_URL": "gateway.example", "ANTHROPIC_API_KEY": "k"}, "is no address"),
        ({"ANTHROPIC_BASE_URL": "ftp://gateway.example", "ANTHROPIC_API_KEY": "k"}, "is no address"),
        ({"ANTHROPIC_BASE_URL": "https://gateway.example:99999", "ANTHROPIC_API_KEY": "k"}, "is no address"),
        ({"ANTHROPIC_BASE_URL": "https://gateway.example:0", "ANTHROPIC_API_KEY": "k"}, "is no address"),
        ({"ANTHROPIC_BASE_URL": "https://[::1", "ANTHROPIC_API_KEY": "k"}, "is no address"),
        ({"ANTHROPIC_BASE_URL": "https://me:pw@gateway.example", "ANTHROPIC_API_KEY": "k"}, "is no address"),
        ({"CLAUDE_CODE_USE_BEDROCK": "1", "ANTHROPIC_API_KEY": "k"}, "Amazon Bedrock is not supported"),
        ({"CLAUDE_CODE_USE_VERTEX": "true", "ANTHROPIC_API_KEY": "k"}, "Google Vertex AI is not supported"),
    ],
)
def test_what_does_not_fit_together_is_sent_nowhere(home: Path, given: dict[str, str], said: str) -> None:
    keep(home)
    with pytest.raises(NoLogin, match=said):
        login(given, NOW)


def test_an_address_in_the_settings_of_the_user_counts_too(home: Path) -> None:
    keep(home)
    settings(home, env={"ANTHROPIC_BASE_URL": GATEWAY, "ANTHROPIC_AUTH_TOKEN": "of-the-gateway", "OTHER": "x"})
    assert login({}, NOW) == Login(url=GATEWAY, header=("authorization", "Bearer of-the-gateway"))
    settings(home, env={"ANTHROPIC_BASE_URL": GATEWAY})
    assert login({"ANTHROPIC_API_KEY": "k"}, NOW).url == GATEWAY
    settings(home, env={"CLAUDE_CODE_USE_BEDROCK": "1"})
    with pytest.raises(NoLogin, match="Bedrock"):
        login({"ANTHROPIC_API_KEY": "k"}, NOW)


def test_a_login_that_has_expired_is_said_to_have(home: Path) -> None:
    keep(home, until=NOW - 1)
    with pytest.raises(NoLogin, match=r"has expired \(2027-01-15 .*claude setup-token"):
        login({}, NOW)


def test_a_folder_of_ones_own_is_looked_in(home: Path, tmp_path: Path) -> None:
    keep(home, token="of-the-usual-folder-of-nobody")
    other = tmp_path / "other"
    other.mkdir()
    given = {"CLAUDE_CONFIG_DIR": str(other)}
    with pytest.raises(NoLogin, match="claude has no credentials: run: claude setup-token"):
        login(given, NOW)
    keep(other)
    assert login(given, NOW).header == ("authorization", f"Bearer {TOKEN}")
    assert TOKEN in kept_secrets(given)


def test_a_helper_of_the_user_is_not_run(home: Path, tmp_path: Path) -> None:
    settings(home, apiKeyHelper=f"touch {tmp_path}/ran")
    with pytest.raises(NoLogin, match="apiKeyHelper, which is not run"):
        login({}, NOW)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "content", ["", "{broken", "[]", '{"claudeAiOauth": 1}', '{"claudeAiOauth": {"accessToken": 5}}']
)
def test_files_that_hold_no_login_are_none(home: Path, content: str) -> None:
    (home / ".credentials.json").write_text(content)
    (home / "settings.json").write_text(content)
    with pytest.raises(NoLogin, match="no credentials"):
        login({}, NOW)
    assert kept_secrets({}) == frozenset()


def test_what_the_files_hold_is_known_as_secret(home: Path) -> None:
    keep(home)
    settings(home, env={"ANTHROPIC_AUTH_TOKEN": "of-the-gateway", "LANG": "a-long-value-that-is-no-secret"})
    assert kept_secrets({}) == {TOKEN, "of-the-gateway"}
