"""The only way out, over real sockets: from a loopback port inside, through a unix socket, to listed places alone."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from reconciler.execute.egress import Egress, on_the_internet

LISTED = frozenset({"api.anthropic.com:443"})
Heard = list[tuple[str, bool, str]]


@asynccontextmanager
async def shouting() -> AsyncIterator[str]:
    """A server that answers in capitals; gives its place."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(data.upper())
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def ask(socket: Path, request: bytes, then: bytes = b"") -> tuple[bytes, bytes]:
    reader, writer = await asyncio.open_unix_connection(str(socket))
    writer.write(request)
    head = (await asyncio.wait_for(reader.read(1000), 5)).split(b"\r\n")[0]
    writer.write(then)
    writer.write_eof()
    rest = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return head, rest


def test_a_listed_place_is_reached_and_both_sides_hear_each_other(tmp_path: Path) -> None:
    heard: Heard = []

    async def scene() -> tuple[bytes, bytes]:
        async with shouting() as place, Egress(tmp_path / "out", {place}, lambda *what: heard.append(what)):
            return await ask(tmp_path / "out", f"CONNECT {place} HTTP/1.1\r\n\r\n".encode(), b"hello")

    assert asyncio.run(scene()) == (b"HTTP/1.1 200 Connection established", b"HELLO")
    assert [(through, why) for _, through, why in heard] == [(True, "")]


@pytest.mark.parametrize(
    "request_line",
    [
        "CONNECT example.com:443 HTTP/1.1",
        "CONNECT api.anthropic.com:80 HTTP/1.1",
        "CONNECT api.anthropic.com.example.com:443 HTTP/1.1",
        "CONNECT api.anthropic.com:443@example.com:443 HTTP/1.1",
        "CONNECT 127.0.0.1:22 HTTP/1.1",
        "GET http://api.anthropic.com/ HTTP/1.1",
        "CONNECT",
        "\x00\x01 nonsense",
    ],
)
def test_everything_else_is_refused_and_heard_of(tmp_path: Path, request_line: str) -> None:
    heard: Heard = []

    async def scene() -> bytes:
        async with Egress(tmp_path / "out", LISTED, lambda *what: heard.append(what)):
            return (await ask(tmp_path / "out", f"{request_line}\r\n\r\n".encode()))[0]

    assert asyncio.run(scene()) == b"HTTP/1.1 403 Forbidden"
    assert [through for _, through, _ in heard] == [False]


@pytest.mark.parametrize(
    "port",
    [
        "99999",
        "0",
        "-1",
        "",
        "65536",
        "8" * 5000,
        "80x",
        "+80",
        " 80",
        "0x50",
        "1_0",
        "\u0663".encode().decode("latin-1"),
    ],
)
def test_what_is_no_port_is_a_bad_request_and_heard_of(tmp_path: Path, port: str) -> None:
    heard: Heard = []
    unhandled: list[object] = []

    async def scene() -> bytes:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: unhandled.append(context))
        async with Egress(tmp_path / "out", (), lambda *what: heard.append(what), internet=True):
            return (await ask(tmp_path / "out", f"CONNECT 8.8.8.8:{port} HTTP/1.1\r\n\r\n".encode("latin-1")))[0]

    assert asyncio.run(scene()) in (b"HTTP/1.1 400 Bad Request", b"HTTP/1.1 403 Forbidden")
    assert [through for _, through, _ in heard] == [False]
    assert unhandled == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("1.1.1.1", True), ("2606:4700:4700::1111", True), ("64:ff9b::101:101", True),
        ("127.0.0.1", False), ("0.0.0.0", False), ("10.1.2.3", False), ("172.16.0.1", False), ("192.168.1.1", False),
        ("169.254.169.254", False), ("100.64.0.1", False), ("224.0.0.1", False), ("255.255.255.255", False),
        ("::", False), ("::1", False), ("fe80::1%eth0", False), ("fd00::1", False), ("ff02::1", False),
        ("2a00:1450:4001:812::200e", True), ("2001:4860:4860::8888", True), ("2400:cb00::1", True),
        ("fec0::1", False), ("::7f00:1", False), ("::10.1.2.3", False), ("::1.1.1.1", False), ("::ffff:1.1.1.1", False),
        ("64:ff9b:1::7f00:1", False), ("64:ff9b:1::101:101", False), ("2001:db8::1", False), ("3fff::1", False),
        ("3fff:fff:ffff::1", False), ("5f00::1", False), ("2001::1", False), ("2001:0:a01:203::1", False),
        ("2001:10::1", False), ("2002:a01:203::1", False), ("100::1", False), ("4000::1", False), ("::2", False),
        ("::ffff:127.0.0.1", False), ("2002:7f00:1::", False), ("64:ff9b::7f00:1", False), ("64:ff9b::a01:203", False),
    ],
)  # fmt: skip
def test_the_internet_is_what_has_a_public_address(address: str, public: bool) -> None:
    assert on_the_internet(address) is public


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "[::1]", "0.0.0.0", "169.254.169.254"])
def test_who_has_the_internet_does_not_have_this_machine_or_its_network(tmp_path: Path, host: str) -> None:
    heard: Heard = []

    async def scene() -> bytes:
        async with shouting() as place, Egress(tmp_path / "out", (), lambda *what: heard.append(what), internet=True):
            port = place.rpartition(":")[2]
            return (await ask(tmp_path / "out", f"CONNECT {host}:{port} HTTP/1.1\r\n\r\n".encode()))[0]

    assert asyncio.run(scene()) == b"HTTP/1.1 403 Forbidden"
    assert [(through, why) for _, through, why in heard] == [
        (False, "it is not on the internet: list it as host:port in the Policy")
    ]


def test_a_listed_place_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    heard: Heard = []

    async def scene() -> bytes:
        async with shouting() as place:
            gone = place
        async with Egress(tmp_path / "out", {gone}, lambda *what: heard.append(what)):
            return (await ask(tmp_path / "out", f"CONNECT {gone} HTTP/1.1\r\n\r\n".encode()))[0]

    assert asyncio.run(scene()) == b"HTTP/1.1 502 Bad Gateway"
    assert "cannot be reached" in heard[0][2]


def test_a_program_inside_finds_the_way_out_as_its_proxy_and_gives_its_own_exit_status(tmp_path: Path) -> None:
    program = (
        "import os, socket, sys; from urllib.parse import urlsplit; at = urlsplit(os.environ['HTTPS_PROXY']);"
        "way = socket.create_connection((at.hostname, at.port));"
        "way.sendall(f'CONNECT {sys.argv[1]} HTTP/1.1\\r\\n\\r\\n'.encode()); way.recv(1000);"
        "way.sendall(b'hello'); print(way.recv(1000).decode()); sys.exit(7)"
    )

    async def scene() -> tuple[int | None, bytes]:
        async with shouting() as place, Egress(tmp_path / "out", {place}, lambda *what: None):
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "reconciler.execute.inside", str(tmp_path / "out"), "--",
                sys.executable, "-c", program, place, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            said, _ = await asyncio.wait_for(child.communicate(), 10)
            return child.returncode, said

    assert asyncio.run(scene()) == (7, b"HELLO\n")
