"""A stand-in for an Ollama server: its real protocol over a real socket, with scripted words instead of a model.

`OllamaStandIn(script)` as a context manager (see `script`). The shapes of what it sends are checked against recordings
of the real server in `tests/backends/test_standin.py`.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any

from tests.standins.script import BROKEN_CALL, Body, Handler, Reply, StandIn, calls, estimate, fails, says

__all__ = ["OllamaStandIn", "Reply", "calls", "fails", "says"]

CREATED = "2026-11-21T10:28:52.321878509Z"


class OllamaHandler(Handler):
    """`/api/tags`, `/api/ps`, `/api/version`, `/api/show`, `/api/chat`."""

    def do_GET(self) -> None:
        self.owner.asked.append(("GET", self.path))
        if self.path == "/api/tags":
            self.json(200, {"models": [_listed(name, self.owner.capabilities) for name in self.owner.models]})
        elif self.path == "/api/ps":
            self.json(200, {"models": [_loaded(name, self.owner.context or 4096) for name in self.owner.models]})
        elif self.path == "/api/version":
            self.json(200, {"version": "0.0.0"})
        else:
            self.json(404, {"error": "404 page not found"})

    def do_POST(self) -> None:
        self.owner.asked.append(("POST", self.path))
        try:
            body = self.body()
        except ValueError as error:
            self.json(400, {"error": str(error)})
            return
        if not _has(self.owner, body.get("model", "")):
            self.json(404, {"error": f"model '{body.get('model')}' not found"})
        elif self.path == "/api/show":
            self.json(200, _shown(body["model"], self.owner.capabilities))
        elif self.path == "/api/chat":
            self._chat(body)
        else:
            self.json(404, {"error": "404 page not found"})

    def _chat(self, body: Body) -> None:
        with self.owner.answering(body) as reply:
            status, error = _refusal(self.owner, body, reply)
            try:
                if reply.silent:
                    self.wait_for_goodbye()
                elif status != 200:
                    self.json(status, {"error": error})
                elif body.get("stream", True):
                    self._stream(body, reply)
                else:
                    parts = {"thinking": "".join(reply.thinking), "tool_calls": _calls(reply)}
                    said = {key: value for key, value in parts.items() if value}
                    self.json(200, _end(body, reply, "".join(reply.pieces), **said))
            except OSError:
                self.went_away()

    def _stream(self, body: Body, reply: Reply) -> None:
        self.begin("application/x-ndjson")
        parts = [_part(body, "", thinking=piece) for piece in reply.thinking]
        parts += [_part(body, piece) for piece in reply.pieces]
        parts += [_part(body, "", tool_calls=[call]) for call in _calls(reply)]
        for part in parts:
            self.owner.pause(reply.pause)
            self._line(part)
        if reply.junk:
            self.chunk(reply.junk + b"\n")
        if reply.stall:
            self.wait_for_goodbye()
        elif reply.break_off:
            self.close_connection = True
        else:
            broken = [arguments for _, arguments in reply.calls if isinstance(arguments, str)]
            error = BROKEN_CALL.format(raw=broken[0]) if broken else reply.error
            self._line({"error": error} if error else _end(body, reply, ""))
            self.end()

    def _line(self, value: Any) -> None:
        self.chunk(json.dumps(value).encode() + b"\n")


@dataclass
class OllamaStandIn(StandIn):
    handler = OllamaHandler


def _has(owner: StandIn, model: str) -> bool:
    return model in owner.models or f"{model}:latest" in owner.models


def _refusal(owner: StandIn, body: Body, reply: Reply) -> tuple[int, str]:
    """What the real server answers instead of a stream; 200 where it streams."""
    if reply.status != 200:
        return reply.status, reply.error or "failed"
    if body.get("tools") and "tools" not in owner.capabilities:
        return 400, f"{body['model']} does not support tools"
    for message in body.get("messages", []):
        for call in message.get("tool_calls") or []:
            if not isinstance(call["function"].get("arguments"), dict):
                return (
                    400,
                    "json: cannot unmarshal string into Go struct field .arguments of type map[string]interface {}",
                )
    if owner.context is not None and estimate(body) > owner.context and body.get("truncate") is False:
        return 400, "the input length exceeds the context length"
    return 200, ""


def _calls(reply: Reply) -> list[dict[str, Any]]:
    """Those that the server could read."""
    return [
        {
            "id": f"call_{_digest(name + json.dumps(arguments))[:8]}",
            "function": {"index": index, "name": name, "arguments": arguments},
        }
        for index, (name, arguments) in enumerate(reply.calls)
        if not isinstance(arguments, str)
    ]


def _part(body: Body, piece: str, **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": piece, **more}
    return {"model": body["model"], "created_at": CREATED, "message": message, "done": False}


def _end(body: Body, reply: Reply, text: str, **said: Any) -> dict[str, Any]:
    tokens = estimate(body) if reply.prompt_tokens is None else reply.prompt_tokens
    counts = {
        "total_duration": 241350153,
        "load_duration": 1149912,
        "prompt_eval_count": tokens,
        "prompt_eval_duration": 129692000,
        "eval_count": reply.tokens,
        "eval_duration": 95755000,
    }
    end = {**_part(body, text, **said), "done": True, "done_reason": reply.done_reason}
    return end if reply.uncounted else {**end, **counts}


_DETAILS = {
    "parent_model": "",
    "format": "gguf",
    "family": "gemma3",
    "families": ["gemma3"],
    "parameter_size": "268.10M",
    "quantization_level": "Q4_K_M",
}


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _listed(name: str, capabilities: tuple[str, ...]) -> dict[str, Any]:
    return {
        "name": name,
        "model": name,
        "modified_at": CREATED,
        "size": 253114495,
        "digest": _digest(name),
        "details": {**_DETAILS, "context_length": 32768, "embedding_length": 640},
        "capabilities": list(capabilities),
    }


def _loaded(name: str, context: int) -> dict[str, Any]:
    return {
        "name": name,
        "model": name,
        "size": 287781682,
        "digest": _digest(name),
        "details": _DETAILS,
        "expires_at": time.strftime("%Y-%m-%dT%H:%M:%S.458079259Z", time.gmtime(time.time() + 240)),
        "size_vram": 0,
        "context_length": context,
    }


def _shown(name: str, capabilities: tuple[str, ...]) -> dict[str, Any]:
    return {
        "modelfile": f"FROM {name}\n",
        "parameters": "stop x",
        "template": "{{ .Prompt }}",
        "details": _DETAILS,
        "model_info": {"general.architecture": "gemma3", "gemma3.context_length": 32768},
        "capabilities": list(capabilities),
        "modified_at": CREATED,
    }
