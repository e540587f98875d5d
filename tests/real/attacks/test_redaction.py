"""Secrets are taken out before anything is cut, kept or committed, whatever stands around them."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from urllib.parse import quote

import pytest

from reconciler.model.spec import BlueprintPhase, RunPhase
from tests.real.attacks.lab import GOOD, HELLO, Bench, Shop, Tried, runs, writes
from tests.standins.script import calls

TOKEN = "ghp_" + "Ab3dE5gH7jK9mN1pQ3rS5tU7vW9xY1zA2bC4" + "d6F8"
VALUE = 'S3cr3t"Value\\with-quote-äö-9182736455'
PLAIN = "hunter2-hunter2-deploys-4711"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A private key of nobody's."""
    path = tmp_path_factory.mktemp("key") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "", "-f", path], check=True)
    return path.read_text()


def shell(bench: Bench, script: str) -> Tried:
    return bench.run(bench.brief(BlueprintPhase(name="do", run=RunPhase(command=("sh", "-c", script)))))


def kept(done: Tried, text: str, *, told: bool = False) -> list[str]:
    """Where it stays. What the model itself has said (`told`) goes back to it with its next request."""
    return [name for name in done.holding(text) if not (told and name == "prompts")]


def test_a_failing_command_leaves_no_line_of_a_key(bench: Callable[..., Bench], key: str) -> None:
    done = shell(bench({**HELLO, "key.pem": key}), "cat key.pem; exit 1")
    for line in key.splitlines()[1:-1]:
        assert kept(done, line) == []
    assert "redacted" in done.result.message


def test_a_key_across_a_cut_leaves_no_line(bench: Callable[..., Bench], key: str) -> None:
    script = "head -c 49990 /dev/zero | tr '\\0' a; echo; cat key.pem; head -c 90000 /dev/zero | tr '\\0' b; exit 1"
    done = shell(bench({**HELLO, "key.pem": key}), script)
    assert [number for number, line in enumerate(key.splitlines()[1:-1]) if kept(done, line)] == []


def test_the_tail_of_a_key_is_a_key(bench: Callable[..., Bench], key: str) -> None:
    done = bench({**HELLO, "key.pem": key}).works(runs("tail -n 8 key.pem"), writes("hello.py", GOOD))
    assert [number for number, line in enumerate(key.splitlines()[-7:-2]) if kept(done, line)] == []


def test_a_refused_path_leaves_no_part_of_a_token(bench: Callable[..., Bench]) -> None:
    done = bench().works(
        calls(("write_file", {"path": "../" + "x" * 157 + "/" + TOKEN, "content": "x"})), writes("hello.py", GOOD)
    )
    assert done.result.refusals
    for letters in (40, 35, 24, 16):
        assert kept(done, TOKEN[:letters], told=True) == []


AROUND = ("key_{}", "x{}", "_{}", "{}_x", "9{}", "token={}", "a\\n{}", "{}é")


@pytest.mark.parametrize("around", AROUND)
def test_a_token_is_seen_whatever_stands_around_it(around: str, bench: Callable[..., Bench]) -> None:
    printed = around.format(TOKEN[:20] + "''" + TOKEN[20:])
    done = bench().works(runs(f"printf '%b' '{printed}'"), writes("hello.py", GOOD))
    assert kept(done, TOKEN) == []


def test_a_token_in_a_file_name_is_in_no_evidence(shop: Shop) -> None:
    shop.does(runs(f"echo a > y{TOKEN}; echo b > {TOKEN}.txt; echo c > " + "y" * 160 + TOKEN), writes("hello.py", GOOD))
    shop.ask()
    shop.cli("apply")
    for path in (shop.root / "evidence").rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path
    assert TOKEN not in shop.git("log", "-p")


FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in base64": lambda value: base64.b64encode(value.encode()).decode(),
    "in base64 behind two letters": lambda value: base64.b64encode(b"xy" + value.encode()).decode(),
    "in base64 for addresses": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
    "in hex": lambda value: value.encode().hex(),
    "in capital hex": lambda value: value.encode().hex().upper(),
    "as in an address": lambda value: quote(value, safe=""),
}


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.replace(" ", "-"))
@pytest.mark.parametrize("value", [PLAIN, VALUE], ids=["plain", "quoted"])
def test_a_known_value_is_not_kept_and_not_added(
    form: str, value: str, bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOY_TOKEN", value)
    told = FORMS[form](value)
    done = bench().works(writes("notes.md", f"The word is {told} and no other.\n"), writes("hello.py", GOOD))
    assert done.gates["secrets"] != "pass"
    core = told[4:-4] if "base64" in form else told
    assert kept(done, core, told=True) == []


@pytest.mark.parametrize(("name", "value"), [
    ("DB_PASS", "hunter2-hunter2-db"),
    ("DATABASE_URL", "postgres://app:hunter2secretpw@localhost/db"),
])  # fmt: skip
def test_a_password_is_known_by_its_variable(
    name: str, value: str, bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    half = value.index("hunter2") + 4
    done = bench().works(runs(f"printf '%s%s' '{value[:half]}' '{value[half:]}'"), writes("hello.py", GOOD))
    secret = "hunter2secretpw" if "://" in value else value
    assert kept(done, secret) == []


ADDED = {
    "behind a letter": ("e.txt", f"x{TOKEN}\n"),
    "in an assignment": ("a.py", 'tok = "AKIA' + 'IOSFODNN7EXAMPLQ"\n'),
    "in an address without a dot": ("d.env", "DB=postgres://app:hunter2secretpw@localhost/db\n"),
}


@pytest.mark.parametrize("what", ADDED)
def test_the_gate_sees_a_secret_that_is_added(what: str, bench: Callable[..., Bench]) -> None:
    name, content = ADDED[what]
    encoded = base64.b64encode(content.encode()).decode()
    done = bench().works(runs(f"echo {encoded} | base64 -d > {name}"), writes("hello.py", GOOD))
    assert done.gates["secrets"] != "pass"
    assert name in (done.folder / "evidence/gates/secrets.log").read_text()
