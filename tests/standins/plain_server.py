"""A tool server in plain Python, without the SDK: `python plain_server.py MODE [ARGUMENT...]`. It has one tool, `look`.

- `reach PLACE...`: what comes of each: `1.2.3.4:5` directly, `@name` an abstract socket, `proxy:host:port` by the proxy
- `hold MIB`: so much in a file in memory, and no answer
- `say BYTES`: an answer of that length, in one line
- `env NAME...`: its variables
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from typing import Any
from urllib.parse import urlsplit


def reached(place: str) -> str:
    try:
        if place.startswith("@"):
            with socket.socket(socket.AF_UNIX) as there:
                there.connect(f"\0{place[1:]}")
                return "reached"
        proxied = place.startswith("proxy:")
        host, _, port = place.removeprefix("proxy:").rpartition(":")
        if proxied:
            proxy = urlsplit(os.environ["HTTPS_PROXY"])
            with socket.create_connection((proxy.hostname, proxy.port), 5) as there:
                there.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\n\r\n".encode())
                return there.recv(1000).decode().split(" ")[1]
        with socket.create_connection((host, int(port)), 5) as there:
            return there.recv(1000).decode() or "closed"
    except OSError as error:
        return type(error).__name__
    except KeyError:
        return "no proxy"


def looked(mode: str, words: list[str]) -> str:
    if mode == "reach":
        return json.dumps([reached(place) for place in words])
    if mode == "hold":
        kept = os.memfd_create("held")
        for _ in range(int(words[0])):
            os.write(kept, b"x" * 2**20)
        time.sleep(60)
    if mode == "env":
        return json.dumps({name: os.environ.get(name) for name in words})
    return "x" * int(words[0])


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    if asked["method"] == "initialize":
        version = asked["params"]["protocolVersion"]
        return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": {"name": "x", "version": "1"}}
    if asked["method"] == "tools/list":
        return {"tools": [{"name": "look", "description": "Look.", "inputSchema": {"type": "object"}}]}
    return {"content": [{"type": "text", "text": looked(sys.argv[1], sys.argv[2:])}]}


for line in sys.stdin:
    told = json.loads(line)
    if "id" in told:
        print(json.dumps({"jsonrpc": "2.0", "id": told["id"], "result": answer(told)}), flush=True)
