"""What is taken out of everything that is shown or written down, and what is left alone."""

from __future__ import annotations

import base64
import json
import quopri
import textwrap
from collections.abc import Callable
from pathlib import Path
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


MIXED = "a1B2"
TELEGRAM = "123456789:AA" + "Hb3kQ" * 6 + "xyz"


@pytest.mark.parametrize(
    "written",
    [
        lambda said: json.dumps(said).replace("/", "\\/"),
        lambda said: "".join(f"\\u{ord(character):04x}" for character in said),
        lambda said: "".join(f"\\x{byte:02x}" for byte in said.encode()),
        lambda said: "".join(f"\\{byte:03o}" for byte in said.encode()),
        lambda said: "".join(f"%{byte:02X}" for byte in said.encode()),
        lambda said: "".join(f"%{byte:02x}" for byte in said.encode()),
        lambda said: said.replace("/", "&#x2F;").replace("+", "&#43;"),
        lambda said: "".join(f"&#{ord(character)};" for character in said),
        lambda said: quopri.encodestring(said.encode()).decode(),
        lambda said: said.encode().hex(":"),
        lambda said: said.encode().hex(" ").upper(),
        lambda said: said.encode().hex(" ", 2),
        lambda said: ", ".join(f"0x{byte:02x}" for byte in said.encode()),
        lambda said: "\\n".join(textwrap.wrap(base64.b64encode(said.encode()).decode(), 19)),
        lambda said: "\n> ".join(textwrap.wrap(base64.b64encode(said.encode()).decode(), 19)),
        lambda said: '",\n    "'.join(textwrap.wrap(base64.b64encode(said.encode()).decode(), 19)),
        lambda said: base64.b64encode(said.encode()).decode().replace("/", "\\/"),
        lambda said: f"{said[:30]}\n{said[30:]}",
        lambda said: "\0".join(said),
    ],
)
@pytest.mark.parametrize("value", [VALUE, "Zk3p/Q9+rT7=wXv&ä-and-some-more-of-it"])
def test_known_values_are_found_however_a_program_writes_them(value: str, written: Callable[[str], str]) -> None:
    redactor = Redactor.of({"A_TOKEN": value})
    shown = f"it is {written(value)} here\n"
    assert redactor.found(shown) is not None
    left = redactor.text(shown)
    assert left.count("\n") == shown.count("\n")
    assert left.startswith("it is ")
    assert left.endswith(" here\n")
    assert len(left.replace("[redacted]", "").strip()) < 30


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        (
            "AWS_SECRET_ACCESS_KEY",
            "/K7MDENG/bPxRfiCYEXAMPLEKEY+wJalrXUtnFEM",
            "/K7MDENG/bPxRfiCYEXAMPLEKEY+wJalrXUtnFEM",
        ),
        ("DEPLOY_TOKENS", "t0t0t0t0t0t0", "t0t0t0t0t0t0"),
        ("APP_SECRETS", "s3s3s3s3s3s3", "s3s3s3s3s3s3"),
        ("AWS_ACCESS_KEY_ID", "QWERTYUIOP123", "QWERTYUIOP123"),
        ("ROOT_PASSWD", "p4sss-w0rds", "p4sss-w0rds"),
        ("MYSQL_PWD", "p4sss-w0rds", "p4sss-w0rds"),
        ("DATABASE_URL", "postgres://u:Zx81qqLmn44@db.example.com/x", "Zx81qqLmn44"),
        ("DATABASE_URL", "postgres://u:Zx81%2Fq%40Lmn44@db/x?a=b@c", "Zx81/q@Lmn44"),
        ("DATABASE_URL", "postgres://u:Zx81/q@Lmn44@db/x", "Zx81/q@Lmn44"),
        ("REDIS", "redis://:Zx81qqLmn44@cache:6379/0", "Zx81qqLmn44"),
        ("HOSTS", "amqp://a:first-one-1@h1.x,amqp://b:second-two-2@h2.x", "second-two-2"),
        ("GO_DSN", "me:Zx81qqLmn44@tcp(127.0.0.1:3306)/x", "Zx81qqLmn44"),
        ("PG_DSN", "host=db user=me password='Zx81 qqLmn44'", "Zx81 qqLmn44"),
        ("STORE", "AccountName=x;AccountKey=Zx81qqLmn44+/ab==;End=y", "Zx81qqLmn44+/ab=="),
        ("JAVA_OPTS", "-Xmx1g -Ddb.password=Zx81qqLmn44", "Zx81qqLmn44"),
    ],
)
def test_the_environments_secrets_are_known_by_a_name_or_as_a_password_in_an_address(
    name: str, value: str, secret: str
) -> None:
    assert Redactor.of({name: value}).text(f"it is {secret}!") == "it is [redacted]!"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "3000"), ("API_KEY", "short"), ("DEBUG", "true"), ("MAX_TOKENS", "100000000"), ("PWD", "/home/me/app"),
        ("TLS_KEY", "/usr/bin/python3"), ("TLS_KEY", "/etc/ssl/private/server.key"), ("TLS_KEY", "/tls.key"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/home/me/keys/my-project-2024.json"), ("A_TOKEN", "~/.config/token.txt"),
        ("SSH_ASKPASS", "/usr/lib/x86_64-linux-gnu/askpass"), ("DB_PASSWORD", "postgres"), ("DB_PASSWORD", "changeme"),
        ("DATABASE_URL", "postgres://app:postgres@db:5432/app"), ("DATABASE_URL", "postgres://app:orchards@db/app"),
        ("PAGE", "http://localhost:3000/@vite/client"), ("OPTIONS", "--secret=/run/secrets/database"),
    ],
)  # fmt: skip
def test_numbers_paths_and_words_of_everybody_are_no_secrets_of_the_environment(name: str, value: str) -> None:
    assert Redactor.of({name: value}).values == ()


def test_a_path_that_is_there_is_no_secret_whatever_its_name(tmp_path: Path) -> None:
    there = tmp_path / "x8Kq2Zr9Lm4Tn7"
    assert Redactor.of({"SIGNING_KEY": str(there)}).values == (str(there),)
    there.touch()
    assert Redactor.of({"SIGNING_KEY": str(there)}).values == ()


@pytest.mark.parametrize(
    ("kind", "token"),
    [
        ("Vault token", "hvs." + MIXED * 24), ("DigitalOcean token", "dop_v1_" + "a1" * 32),
        ("Databricks token", "dapi" + "a1" * 16), ("Groq key", "gsk_" + MIXED * 13), ("xAI key", "xai-" + MIXED * 20),
        ("Replicate token", "r8_" + MIXED * 9 + "x"), ("Shopify token", "shpat_" + "a1" * 16),
        ("Shopify token", "shpss_" + "a1" * 16), ("Grafana token", "glsa_" + MIXED * 8 + "_a1b2c3d4"),
        ("Grafana token", "glc_" + MIXED * 12), ("Telegram token", TELEGRAM),
        ("Azure key", "AccountKey=" + MIXED * 21 + "ab=="), ("Linear key", "lin_api_" + MIXED * 10),
        ("Doppler token", "dp.pt." + MIXED * 11), ("Atlassian token", "ATATT3xFfGF0" + MIXED * 40),
        ("Terraform token", "a1B2c3D4e5F6g7.atlasv1." + MIXED * 16), ("New Relic key", "NRAK-" + "A1B" * 9),
        ("Sentry token", "sntrys_" + MIXED * 20), ("Supabase token", "sbp_" + "a1" * 20),
        ("private key", "PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\n" + "A1b2" * 12),
        ("credential in a header", "Authorization: Bearer " + MIXED * 10),
        ("credential in a header", '{"Authorization": "Bearer ' + MIXED * 10 + '"}'),
        ("JSON web token", WEB.replace(".", ".\n")), ("JSON web token", WEB.replace(".", "\\n> .")),
        ("JSON web token", "\n".join(textwrap.wrap(f"{WEB[:21]}eyJ{MIXED * 30}.{MIXED * 20}", 64))),
        ("password in a URL", "postgres://u:Zx81@qqLmn44@db.example.com/x"),
        ("password in a URL", "https://u:Zx81/qqLmn44xx@db.example.com/x"),
    ],
)  # fmt: skip
def test_strings_that_services_hand_out_are_known_by_their_shape(kind: str, token: str) -> None:
    assert REDACTOR.found(f"see {token} end") == kind
    left = REDACTOR.text(f"see {token} end")
    assert f"[redacted: {kind}]" in left
    assert token[-12:] not in left or kind == "password in a URL"
    assert "Lmn44" not in left
    assert left.endswith(" end")


@pytest.mark.parametrize(
    "said",
    [
        "Authorization: Basic YWRtaW46Wng4MXFxTG1uNDQ=",
        "authorization: bearer abcdefgh",
        "https://a1b2c3d4e5f6a1b2c3d4e5@sentry.example/1",
    ],
)
def test_what_documents_show_as_an_example_is_shown_to_nobody_but_fails_no_work(said: str) -> None:
    assert "[redacted: " in REDACTOR.text(said)
    assert REDACTOR.found(said) is None


@pytest.mark.parametrize(
    "said",
    [
        "task-0123456789abcdef0123456789abcdef",
        "eyJ is how a token begins",
        "git@example.com:a/b.git and https://example.com/a:b@c",
        "-----BEGIN CERTIFICATE-----\n" + "\n".join(LINES) + "\n-----END CERTIFICATE-----",
        "sha512-" + "Ab1+" * 22,
        "/home/somebody",
        "http://localhost:3000/@vite/client.js and http://localhost:4873/@scope/name.tgz",
        "https://registry.example.com:8443/@types/node.git and https://host.example:port/users/me@example.com",
        "the dapi of gsk_ and xai-grok with r8_model; Private-Lines are private",
        "Telegram's 123456789:AA is short",
        "a &amp; b %20 c \\x41 =3D 68 65 6c 6c 6f",
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
    "urls with @": (REDACTOR.text, lambda n: "://a:b@" * n),
    "web token lines": (REDACTOR.text, lambda n: ("eyJ" + "a" * 60 + "\n") * n),
    "headers": (REDACTOR.text, lambda n: "Authorization: Bearer a1B" * n),
    "lines of another key": (REDACTOR.text, lambda n: "Private-Lines: 1\n" * n),
    "escapes": (REDACTOR.text, lambda n: "\\x41%41&#65;=41" * n),
    "known, with escapes": (REDACTOR.text, lambda n: VALUE.replace("/", "\\/") * n),
    "known, in digits": (REDACTOR.text, lambda n: VALUE.encode().hex(":")[:-1] * n),
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
