"""What the program of a `command` host sees and reaches: what its entry names, and outside only by a person's word."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.execute.backends import BackendError, ChatRequest, question
from reconciler.execute.backends.command import Command
from reconciler.execute.backends.command_place import private
from reconciler.execute.sandbox import Sandbox
from reconciler.model.vocabulary import Reason
from tests.backends.test_command import brief

needs_sandbox = pytest.mark.skipif(Sandbox.detect() is None, reason="no sandbox works on this machine")


def said(
    *command: str,
    sandbox: Sandbox | None = None,
    refused: list[str] | None = None,
    detect: Callable[[], Sandbox | None] = Sandbox.detect,
    **more: Any,
) -> str:
    def refuse(_tool: str, what: str, _why: str) -> None:
        assert refused is not None
        refused.append(what)

    backend = Command(brief(*command, **more), sandbox=sandbox, refuse=refuse, detect=detect)
    request = ChatRequest(messages=question("", "Say hello."), max_tokens=64)
    return asyncio.run(backend.chat(request, lambda _: None)).text


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a key and a variable that hold the same word."""
    (tmp_path / "home/.ssh").mkdir(parents=True)
    (tmp_path / "home/.ssh/id_ed25519").write_text("planted")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SOME_TOKEN", "planted")
    return tmp_path / "home/.ssh/id_ed25519"


@needs_sandbox
def test_a_program_sees_neither_home_nor_environment_nor_processes(secret: Path) -> None:
    script = f"cat >/dev/null; env; cat {secret}; ls /proc | grep -c '^[0-9]*$'; echo end"
    heard = said("sh", "-c", script)
    assert "planted" not in heard
    assert heard.endswith("end")
    assert int(heard.split()[-2]) < 8


@needs_sandbox
def test_a_program_reads_the_mounts_that_its_entry_names_and_writes_none(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights/a").write_text("one")
    script = f"cat {tmp_path}/weights/a; touch {tmp_path}/weights/b || echo; ls {tmp_path}"
    assert said("sh", "-c", script, mounts=(f"{tmp_path}/weights",)) == "one\nweights"
    assert not (tmp_path / "weights/b").exists()
    with pytest.raises(BackendError, match="which is not there"):
        said("sh", "-c", script, mounts=(f"{tmp_path}/nothing",))


@needs_sandbox
@pytest.mark.parametrize("mounted", [True, False])
def test_an_entry_cannot_show_a_home_or_what_is_hidden_in_it(secret: Path, tmp_path: Path, mounted: bool) -> None:
    link = tmp_path / "innocent"
    link.symlink_to(secret)
    for path in (secret, link, secret.parents[1], secret.parents[2], Path("/")):
        words = {"mounts": (str(path),)} if mounted else {}
        with pytest.raises(BackendError, match="alai-reconcile trust --host desk") as refused:
            said("cat", *([] if mounted else [str(path)]), **words)
        assert refused.value.reason is Reason.SANDBOX_MISSING
    assert not private(secret.parents[1] / "models")


@pytest.mark.parametrize("name", [
    ".cache", ".cache/huggingface/token", ".local", ".local/share/keyrings", ".local/share/weights", ".config/gh",
    ".netrc", "work/.env", "keys/id_rsa", "my-secrets/a", "credentials.json", "token", "server.pem",
])  # fmt: skip
def test_nothing_below_a_home_is_shown_that_is_hidden_or_looks_like_a_secret(secret: Path, name: str) -> None:
    assert private(secret.parents[1] / name)


@pytest.mark.parametrize("name", ["models", "models/tokenizer.json", "models/special_tokens_map.json", "secretary.py"])
def test_what_lies_open_in_a_home_is_shown_where_it_is_named(secret: Path, name: str) -> None:
    assert not private(secret.parents[1] / name)


@pytest.mark.parametrize("place", [
    "/", "/run", "/run/user/1000", "/var/run", "/var/run/docker.sock", "/tmp", "/var/tmp", "/proc", "/proc/self/root",
    "/proc/self/root/root/.ssh", "/sys/fs", "/dev", "/dev/shm", "/home", "/home/somebody",
    "/home/somebody/models", "/root", "/root/models", "/Users/somebody",
])  # fmt: skip
@pytest.mark.usefixtures("secret")
def test_no_place_of_the_running_machine_or_of_another_user_is_shown(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = pwd.struct_passwd(("me", "x", os.getuid(), 0, "", str(tmp_path / "home"), ""))
    monkeypatch.setattr(pwd, "getpwuid", lambda _: mine)
    assert private(Path(place))


def test_the_home_of_another_user_is_not_shown_wherever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    other = pwd.struct_passwd(("other", "x", 4321, 4321, "", "/srv/people/other", ""))
    monkeypatch.setattr(pwd, "getpwall", lambda: [other])
    assert private(Path("/srv/people/other/models"))
    assert not private(Path("/srv/people/models"))


@needs_sandbox
def test_a_folder_that_holds_a_socket_is_not_shown_however_deep_it_lies(tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    (folder / "a/b").mkdir(parents=True)
    (folder / "a/b/one").write_text("one")
    words = ("sh", "-c", f"cat >/dev/null; cat {folder}/a/b/one", "/dev/null", "/tmp")
    assert said(*words, mounts=(str(folder),)) == "one"
    with socket.socket(socket.AF_UNIX) as listener, contextlib.chdir(folder / "a/b"):
        listener.bind("s")
    for shown in (folder, folder / "a/b/s"):
        with pytest.raises(BackendError, match="holds sockets"):
            said(*words, mounts=(str(shown),))
    (folder / "a/b/s").unlink()
    os.mkfifo(folder / "pipe")
    with pytest.raises(BackendError, match="holds sockets"):
        said(*words, mounts=(str(folder),))


@pytest.fixture
def server() -> Iterator[int]:
    """Answers every connection with one word."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                with listener.accept()[0] as one:
                    one.sendall(b"hello\n")
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


_TUNNEL = """
import os, socket, sys, urllib.parse
sys.stdin.read()
way = urllib.parse.urlsplit(os.environ.get("HTTPS_PROXY", "http://127.0.0.1:9"))
for place in sys.argv[1:]:
    try:
        with socket.create_connection((way.hostname, way.port), 5) as one:
            one.sendall(f"CONNECT {place} HTTP/1.1\\r\\n\\r\\n".encode())
            print(one.makefile().readline().split()[1])
    except OSError as error:
        print(type(error).__name__)
"""


@needs_sandbox
def test_a_program_reaches_the_places_that_its_entry_names_and_no_others(tmp_path: Path, server: int) -> None:
    file = tmp_path / "ask.py"
    file.write_text(_TUNNEL)
    mine, other = f"127.0.0.1:{server}", "127.0.0.1:1"
    refused: list[str] = []
    assert said("python3", str(file), mine, other, egress=(mine,), refused=refused) == "200\n403"
    assert refused == [other]
    assert said("python3", str(file), mine) == "ConnectionRefusedError"


def test_without_a_sandbox_a_program_runs_only_where_a_person_said_so(secret: Path) -> None:
    with pytest.raises(BackendError, match=r"install bubblewrap, or .* alai-reconcile trust --host desk"):
        said("cat", str(secret), sandbox=Sandbox.plain(), detect=no_sandbox)
    assert said("sh", "-c", "cat >/dev/null; echo $SOME_TOKEN", outside=True, detect=no_sandbox) == "planted"


def no_sandbox() -> Sandbox | None:
    return None
