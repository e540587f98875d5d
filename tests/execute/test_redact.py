"""What is taken out of everything that is shown or written down, and what is left alone."""

from __future__ import annotations

import base64
from collections.abc import Callable
from urllib.parse import quote

import pytest

from reconciler.execute import answers, text
from reconciler.execute.process import Completed
from reconciler.execute.redact import Redactor, forced, in_force
from tests.growth import linear

VALUE = "correct/horse+battery-staple-of-a-length-that-base64-breaks-over-lines"
LINES = [f"MIIEpAIBAAKCAQEA{'x' * 48}" for _ in range(5)]
KEY = "\n".join(["-----BEGIN RSA PRIVATE KEY-----", *LINES, "abc=", "-----END RSA PRIVATE KEY-----"])
TOKEN = "ghp_" + "a1" * 20
WEB = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abcdefghijklmnop"
REDACTOR = Redactor.of(
    {"MY_TOKEN": VALUE, "DB_PASS": "not-so-secret", "PWD": "/home/somebody"}, extra=[r"\bACME-\d{6}\b"]
)


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (f"xghp_ key_{TOKEN}.", "xghp_ key_[redacted: GitHub token]."),
        (f"key_{WEB} x", "[redacted: JSON web token] x"),
        ("postgres://app:pw@localhost/db", "postgres://[redacted: password in a URL]@localhost/db"),
        ("sk-proj-ab_c-" + "Zz9_" * 8, "[redacted: API key]"),
        ("hf_" + "aB3" * 11, "[redacted: Hugging Face token]"),
        ("AKIA" + "A1" * 8 + "x", "[redacted: AWS access key]x"),
        ("pypi-AgEIcHlwaS5vcmc" + "C1_-" * 14, "[redacted: PyPI token]"),
        ("ACME-123456", "[redacted: secret named by the Policy]"),
        ("connect with not-so-secret", "connect with [redacted]"),
        (f"{KEY}\nafter", "[redacted: private key]" + "\n" * 8 + "after"),
        ("\n".join([*KEY.split("\n")[2:], "after"]), "[redacted: private key]" + "\n" * 6 + "after"),
        ("\n".join([*KEY.split("\n")[:3], "... cut"]), "[redacted: private key]\n\n\n... cut"),
        (KEY.replace("\n", "\\n"), "[redacted: private key]"),
        (f"x{VALUE}y", "x[redacted]y"),
    ],
)
def test_secrets_are_taken_out_whatever_surrounds_them_and_lines_keep_their_numbers(said: str, left: str) -> None:
    assert REDACTOR.text(said) == left


@pytest.mark.parametrize("before", ["", "a", "ab"])
@pytest.mark.parametrize(
    "encoded",
    [
        lambda raw: base64.b64encode(raw).decode(),
        lambda raw: base64.encodebytes(raw).decode(),
        lambda raw: base64.urlsafe_b64encode(raw).decode(),
        lambda raw: raw.hex(),
        lambda raw: raw.hex().upper(),
        lambda raw: "\n".join(raw.hex()[at : at + 60] for at in range(0, len(raw.hex()), 60)),
        lambda raw: quote(raw.decode(), safe=""),
    ],
)
def test_known_values_are_found_encoded_too(before: str, encoded: Callable[[bytes], str]) -> None:
    shown = encoded(f"{before}{VALUE}\n".encode())
    assert REDACTOR.found(shown) == "value of this machine's environment, encoded"
    left = REDACTOR.text(shown)
    assert "[redacted]" in left
    assert len(left.replace("[redacted]", "")) < 12


@pytest.mark.parametrize(
    "said",
    [
        "task-0123456789abcdef0123456789abcdef",
        "eyJ is how a token begins",
        "git@example.com:a/b.git and https://example.com/a:b@c",
        "-----BEGIN CERTIFICATE-----\n" + "\n".join(LINES) + "\n-----END CERTIFICATE-----",
        "sha512-" + "Ab1+" * 22,
        "/home/somebody",
    ],
)
def test_what_is_no_secret_stays(said: str) -> None:
    assert REDACTOR.text(said) == said
    assert REDACTOR.found(said) is None


def test_a_password_for_a_machine_of_ones_own_is_shown_to_nobody_but_fails_no_work_unless_a_generator_made_it() -> None:
    assert REDACTOR.found("postgres://bento:bento1@db:5432/bento") is None
    assert REDACTOR.found("postgres://bento:Zk3pQ9rT7wXv@db:5432/bento") == "password in a URL"
    assert REDACTOR.found("https://me:hunter22@git.example.com/x") == "password in a URL"


@pytest.mark.parametrize("cut", [text.line, text.cut, text.both_ends, lambda said, limit: text.tail(said, 2, limit)])
def test_nothing_is_cut_before_it_was_redacted(cut: Callable[[str, int], str]) -> None:
    with forced(REDACTOR):
        for at in range(300, 420):
            shown = cut(f"{'w ' * (at // 2)}{TOKEN} {'v ' * 200}", 400)
            assert "a1a1" not in shown
        assert "MIIE" not in cut(f"{KEY}\nexit 1", 80)


def test_the_last_lines_of_a_command_hold_no_part_of_a_key() -> None:
    done = Completed(exit=1, output=f"{KEY}\n".encode(), seconds=0.1)
    assert done.tail() == "[redacted: private key]"


def test_a_secret_with_hidden_characters_in_it_is_seen() -> None:
    assert text.line("ghp_\u200b" + "a1" * 20) == "[redacted: GitHub token]"
    assert text.clean("gh\ufe0fp_" + "a1" * 20) == "[redacted: GitHub token]"


def test_a_known_value_in_a_file_name_is_taken_out_before_the_name_is_quoted() -> None:
    odd = 'S3cr3t"Value\\with-quote-\u200bä-91827'
    with forced(Redactor.of({"DEPLOY_TOKEN": odd})):
        said = text.quoted(f"docs/{odd}")
    assert "S3cr3t" not in said
    assert "[redacted]" in said


def test_within_an_attempt_its_own_redactor_is_in_force_and_afterwards_it_is_not() -> None:
    before = in_force()
    with forced(REDACTOR):
        assert text.line(VALUE) == "[redacted]"
    assert in_force() is before
    assert text.line(VALUE) == VALUE


HOSTILE: dict[str, tuple[Callable[[str], object], Callable[[int], str]]] = {
    "web token": (REDACTOR.text, lambda n: "eyJ-" * n),
    "web token parts": (REDACTOR.text, lambda n: "eyJaaaaaaaaaaaaa." * n),
    "key begins": (REDACTOR.text, lambda n: "-----BEGIN PRIVATE KEY-----" * n),
    "key ends": (REDACTOR.text, lambda n: ("A" * 20 + " -----END PRIVATE KEY-----") * n),
    "key names": (REDACTOR.text, lambda n: "-----BEGIN " + "A " * n),
    "urls": (REDACTOR.text, lambda n: "://a:" * n),
    "one url": (REDACTOR.text, lambda n: "://a:" + "b" * n),
    "base64": (REDACTOR.text, lambda n: ("A" * 20 + "\n") * n),
    "found": (REDACTOR.found, lambda n: "eyJ-" * n + "://a:" * n),
    "colours": (text.visible, lambda n: "\x1b[1;" * n),
    "titles": (text.visible, lambda n: "\x1b]0;" * n),
    "line": (lambda said: text.line(said, 80), lambda n: " \x1b\u200b" * n),
    "think": (answers.divided, lambda n: "<think>" * n),
    "thought": (answers.divided, lambda n: "</think>" * n),
    "fences": (answers.json_object, lambda n: "```\n{" * n),
    "nested": (answers.json_object, lambda n: '{"a":' * 500 + "[" + "1," * n),
    "starts": (answers.json_object, lambda n: "{" * n),
    "slug": (text.slug, lambda n: "a-" * n),
    "quoted": (text.quoted, lambda n: "a\n " * n),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_twice_the_text_costs_at_most_three_times_the_time(name: str) -> None:
    read, hostile = HOSTILE[name]
    assert linear(read, hostile)
